#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "nncore/text/waiting_words.h"

namespace nncore {

/// The words of a Python iterable of sentences, without an object made for each. A sentence may be read in several calls.
class SentenceStream {
 public:
  explicit SentenceStream(const pybind11::iterable& sentences) : iterator_(pybind11::iter(sentences)) {}

  /// Calls word(std::string_view) for each str and end() after each sentence, until the sentences end, `most` words and
  /// ends have been read, or end() returns false. Returns whether there may be more.
  template <typename Word, typename End>
  bool read(std::size_t most, const Word& word, const End& end) {
    for (; most > 0; --most) {
      if (!sentence_ && !next_sentence()) return false;
      const Py_ssize_t size = PySequence_Fast_GET_SIZE(sentence_.ptr());  // read anew: words may have been taken away
      PyObject** const items = PySequence_Fast_ITEMS(sentence_.ptr());
      for (; at_ < size && most > 1; ++at_, --most) {
        if (at_ + kAhead < size) __builtin_prefetch(items[at_ + kAhead]);
        word(utf8(items[at_]));
      }
      if (at_ < size) return true;
      sentence_ = pybind11::object();
      if (!end()) return true;
    }
    return true;
  }

 private:
  static constexpr Py_ssize_t kAhead = 12;  // words: about the time that memory takes
  bool next_sentence();
  /// Stays while as many words are read as may wait.
  std::string_view utf8(PyObject* word);

  pybind11::iterator iterator_;
  pybind11::object sentence_;  // a list or tuple
  Py_ssize_t at_ = 0;
  std::uint64_t number_ = 0;  // of sentences begun
  // What the words that wait are read from: the iterable may make its words as it goes, and use a list again.
  std::array<pybind11::object, WaitingWords::kMost + 1> words_;
  std::array<std::string, WaitingWords::kMost + 1> scratch_;
  std::size_t turn_ = 0;
};

/// UTF-8 of a str, in its own memory or in `scratch`; ValueError for lone surrogates, which have none.
std::string_view utf8_of(PyObject* text, std::string& scratch);

}  // namespace nncore
