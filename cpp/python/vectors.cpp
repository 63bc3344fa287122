#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <string_view>
#include <tuple>

#include "arrays.h"
#include "bytes.h"
#include "gil.h"
#include "nncore/text/similarity.h"
#include "nncore/text/vector_files.h"

namespace nncore {

namespace {

namespace py = pybind11;
using py::literals::operator""_a;

/// The words as str; `where` begins the message about one that cannot be decoded.
template <typename Where>
py::typing::List<py::str> decoded(std::string_view block, const VectorBlock& read, const std::string& encoding,
                                  const std::string& errors, const Where& where) {
  py::typing::List<py::str> words;
  const bool utf8 = encoding == "utf8" || encoding == "utf-8";
  for (const WordSpan& word : read.words) {
    const char* const text = block.data() + word.begin;
    const auto size = static_cast<py::ssize_t>(word.size);
    PyObject* made = utf8 ? PyUnicode_DecodeUTF8(text, size, errors.c_str())
                          : PyUnicode_Decode(text, size, encoding.c_str(), errors.c_str());
    if (made == nullptr) {
      if (PyErr_ExceptionMatches(PyExc_UnicodeDecodeError) == 0) throw py::error_already_set();
      PyErr_Clear();
      require(false, where(word), ": the word is not ", encoding, "; unicode_errors=\"replace\" reads it with marks");
    }
    words.append(py::reinterpret_steal<py::str>(made));
  }
  return words;
}

using Read = std::tuple<py::typing::List<py::str>, std::size_t, std::size_t, std::size_t, std::string>;

template <typename T>
void bind_text(py::module_& m) {
  m.def(
      "read_text_vectors",
      [](const py::buffer& block, bool last, std::size_t first_line, bool tolerant, const std::string& encoding,
         const std::string& errors, Out<T, 2> rows) -> Read {
        const py::buffer_info info = block.request();
        const std::string_view text = bytes_of(info);
        VectorBlock read;
        {
          const View<T, 2> into = rows;
          const Unlocked unlocked;
          read = read_text_vectors<T>(text, last, first_line, tolerant, into);
        }
        const auto where = [](const WordSpan& word) { return "line " + std::to_string(word.line); };
        return {decoded(text, read, encoding, errors, where), read.bytes, read.lines, read.skipped, read.problem};
      },
      "block"_a, "last"_a, "first_line"_a, "tolerant"_a, "encoding"_a, "errors"_a, "rows"_a);
  m.def(
      "write_text_vectors",
      [](const py::bytes& text, In<std::int64_t, 1> ends, In<T, 2> vectors) {
        std::string lines;
        {
          const std::string_view words = text;
          const View<const std::int64_t, 1> at = ends;
          const View<const T, 2> from = vectors;
          const Unlocked unlocked;
          lines = write_text_vectors<T>(words, at, from);
        }
        return py::bytes(lines);
      },
      "text"_a, "ends"_a, "vectors"_a);
}

/// Rows that may lie apart, as those of a part of the columns of an array.
template <typename T>
Rows<const T> rows_of(const py::array_t<T, 0>& array, std::size_t size, std::size_t count) {
  constexpr auto kSize = static_cast<py::ssize_t>(sizeof(T));
  const auto columns = static_cast<py::ssize_t>(size), lines = static_cast<py::ssize_t>(count);
  require(array.ndim() == 2 && array.shape(0) == lines && array.shape(1) == columns &&
              (columns < 2 || array.strides(1) == kSize) &&
              (lines < 2 || (array.strides(0) >= columns * kSize && array.strides(0) % kSize == 0)) &&
              reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) == 0,
          "rows must be aligned numbers of shape (", count, ", ", size, ") with contiguous rows");
  return {array.data(), count < 2 ? size : static_cast<std::size_t>(array.strides(0)) / sizeof(T)};
}

template <typename T>
void bind_similarity(py::module_& m) {
  m.def(
      "row_products",
      [](const py::array_t<T, 0>& rows, In<T, 1> vector, Out<T, 1> products) {
        const View<const T, 1> factor = vector;
        const View<T, 1> into = products;
        const Rows<const T> from = rows_of(rows, factor.extent(0), into.extent(0));
        const Unlocked unlocked;
        row_products<T>(from, factor, into);
      },
      py::arg("rows").noconvert(), "vector"_a, "products"_a);
  m.def(
      "best_answers",
      [](In<T, 2> cosines, std::int64_t first, In<std::int64_t, 2> questions, In<std::int64_t, 2> excluded,
         bool products, Out<T, 1> best, Out<std::int64_t, 1> answers) {
        const View<const T, 2> from = cosines;
        const View<const std::int64_t, 2> asked = questions, without = excluded;
        const View<T, 1> scores = best;
        const View<std::int64_t, 1> words = answers;
        const Unlocked unlocked;
        best_answers<T>(from, first, asked, without, products, scores, words);
      },
      "cosines"_a, "first"_a, "questions"_a, "excluded"_a, "products"_a, "best"_a, "answers"_a);
}

}  // namespace

void bind_vectors(py::module_& m) {
  bind_similarity<float>(m);
  bind_similarity<double>(m);
  bind_text<float>(m);
  bind_text<double>(m);
  m.def(
      "read_binary_vectors",
      [](const py::buffer& block, std::size_t first_byte, bool tolerant, const std::string& encoding,
         const std::string& errors, Out<float, 2> rows) -> Read {
        const py::buffer_info info = block.request();
        const std::string_view records = bytes_of(info);
        VectorBlock read;
        {
          const View<float, 2> into = rows;
          const Unlocked unlocked;
          read = read_binary_vectors(records, first_byte, tolerant, into);
        }
        const auto where = [&](const WordSpan& word) { return "byte " + std::to_string(first_byte + word.begin); };
        return {decoded(records, read, encoding, errors, where), read.bytes, read.lines, read.skipped, read.problem};
      },
      "block"_a, "first_byte"_a, "tolerant"_a, "encoding"_a, "errors"_a, "rows"_a);
  m.def(
      "write_binary_vectors",
      [](const py::bytes& text, In<std::int64_t, 1> ends, In<float, 2> vectors) {
        std::string records;
        {
          const std::string_view words = text;
          const View<const std::int64_t, 1> at = ends;
          const View<const float, 2> from = vectors;
          const Unlocked unlocked;
          records = write_binary_vectors(words, at, from);
        }
        return py::bytes(records);
      },
      "text"_a, "ends"_a, "vectors"_a);
}

}  // namespace nncore
