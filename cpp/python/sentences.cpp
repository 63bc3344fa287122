#include "sentences.h"

namespace py = pybind11;

namespace nncore {

namespace {

void append(std::string& to, Py_UCS4 character) {
  const auto tail = [&](int shift) { to += static_cast<char>(0x80 | (character >> shift & 0x3f)); };
  if (character < 0x80) {
    to += static_cast<char>(character);
  } else if (character < 0x800) {
    to += static_cast<char>(0xc0 | character >> 6);
    tail(0);
  } else if (character < 0x10000) {
    to += static_cast<char>(0xe0 | character >> 12);
    tail(6), tail(0);
  } else {
    to += static_cast<char>(0xf0 | character >> 18);
    tail(12), tail(6), tail(0);
  }
}

}  // namespace

// Not PyUnicode_AsUTF8: that would keep a second copy of each word inside the caller's object.
std::string_view utf8_of(PyObject* text, std::string& scratch) {
#if PY_VERSION_HEX < 0x030c0000
  if (PyUnicode_READY(text) != 0) throw py::error_already_set();
#endif
  const auto length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(text));
  if (PyUnicode_IS_ASCII(text)) return {reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text)), length};
  const auto kind = PyUnicode_KIND(text);
  const void* const data = PyUnicode_DATA(text);
  scratch.clear();
  for (std::size_t i = 0; i < length; ++i) {
    const Py_UCS4 character = PyUnicode_READ(kind, data, static_cast<Py_ssize_t>(i));
    if (character >= 0xd800 && character < 0xe000) {
      throw py::value_error("a word must be text that has a UTF-8 form, but came with a lone surrogate: " +
                            py::repr(text).cast<std::string>());
    }
    append(scratch, character);
  }
  return scratch;
}

bool SentenceStream::next_sentence() {
  PyObject* const next = PyIter_Next(iterator_.ptr());
  if (next == nullptr) {
    if (PyErr_Occurred()) throw py::error_already_set();
    return false;
  }
  const auto given = py::reinterpret_steal<py::object>(next);
  if (number_ == 0 && PyUnicode_Check(next)) {
    const char* const text =
        "each of the sentences should be a list of words, but the first is a str: its characters are taken as words";
    if (PyErr_WarnEx(PyExc_UserWarning, text, 1) != 0) throw py::error_already_set();
  }
  sentence_ = py::reinterpret_steal<py::object>(PySequence_Fast(next, ""));
  if (!sentence_) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError) || PyObject_HasAttrString(next, "__iter__")) {
      throw py::error_already_set();
    }
    PyErr_Clear();
    throw py::type_error("each of the sentences must be a list of str, but number " + std::to_string(number_) +
                         " (from 0) came as " + Py_TYPE(next)->tp_name);
  }
  at_ = 0;
  ++number_;
  return true;
}

std::string_view SentenceStream::utf8(PyObject* word) {
  if (!PyUnicode_Check(word)) {
    throw py::type_error("each word must be a str, but word " + std::to_string(at_) + " of sentence " +
                         std::to_string(number_ - 1) + " (from 0) came as " + Py_TYPE(word)->tp_name);
  }
  const std::size_t turn = turn_++ % words_.size();
  words_[turn] = py::reinterpret_borrow<py::object>(word);
  return utf8_of(word, scratch_[turn]);
}

}  // namespace nncore
