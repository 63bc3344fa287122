#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "arrays.h"
#include "bytes.h"
#include "gil.h"
#include "nncore/core/in_use.h"
#include "nncore/text/corpus_text.h"
#include "nncore/text/phrases.h"
#include "sentences.h"

namespace nncore {
namespace {

namespace py = pybind11;
using py::literals::operator""_a;
using Indices = In<std::int64_t, 1>;

/// Words and ends of sentences for one call: some tens of milliseconds.
constexpr std::size_t kSentenceWords = std::size_t{1} << 20;

Utf8Errors errors_of(const std::string& name) {
  if (name == "strict") return Utf8Errors::kStrict;
  if (name == "ignore") return Utf8Errors::kIgnore;
  require(name == "replace", "unicode_errors must be \"strict\", \"ignore\" or \"replace\", but came as \"", name,
          "\"");
  return Utf8Errors::kReplace;
}

py::str str_of(std::string_view word) { return py::str(word.data(), word.size()); }

/// Reads up to `most` words and ends of sentences, all of which are taken when this returns. go_on() is asked after each
/// sentence.
template <typename Take, typename GoOn>
bool read_through(SentenceStream& sentences, std::size_t most, WaitingWords& waiting, const Take& take,
                  const GoOn& go_on) {
  const bool more = sentences.read(
      most,
      [&](std::string_view word) {
        waiting.add_word(word, word.data() + word.size());
        if (waiting.full()) take();
      },
      [&] {
        waiting.add_end();
        if (waiting.full()) take();
        return go_on();
      });
  take();
  return more;
}

struct Counter {
  explicit Counter(Utf8Errors errors) : words(errors) {}
  WordCounter words;
  UseFlag use;
};

WordTable table_of(const py::typing::List<py::str>& words) {
  WordTable table;
  std::string scratch;
  for (const py::handle word : words) {
    if (!PyUnicode_Check(word.ptr())) {
      throw py::type_error(std::string("each word must be a str, but one came as ") + Py_TYPE(word.ptr())->tp_name);
    }
    const std::size_t before = table.size();
    table.insert(utf8_of(word.ptr(), scratch));
    require(table.size() > before, "words must differ, but ", py::repr(word).cast<std::string>(), " came twice");
  }
  return table;
}

struct Phrases {
  Phrases(const std::string& delimiter, const py::typing::List<py::str>& connectors, std::size_t most)
      : words(delimiter, table_of(connectors), most) {}
  PhraseCounter words;
  UseFlag use;
};

struct Encoder {
  Encoder(const py::typing::List<py::str>& words, Utf8Errors errors) : table(table_of(words)), text(table, errors) {}
  WordTable table;
  TextEncoder text;
  UseFlag use;
};

py::typing::List<py::str> words_at(const WordTable& table, const std::optional<Indices>& indices) {
  if (!indices) {
    py::typing::List<py::str> all(table.size());
    for (std::size_t i = 0; i < table.size(); ++i) all[i] = str_of(table.word(i));
    return all;
  }
  const View<const std::int64_t, 1> at = indices->view();
  py::typing::List<py::str> chosen(at.size());
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (at(i) < 0 || static_cast<std::size_t>(at(i)) >= table.size()) throw py::index_error("no such word");
    chosen[i] = str_of(table.word(static_cast<std::size_t>(at(i))));
  }
  return chosen;
}

py::array_t<std::int64_t> counts_of(WordCounter& words) {
  words.gather();
  const WordTable& table = words.table();
  py::array_t<std::int64_t> counts(static_cast<py::ssize_t>(table.size()));
  for (std::size_t i = 0; i < table.size(); ++i) counts.mutable_data()[i] = static_cast<std::int64_t>(table.count(i));
  return counts;
}

template <typename Class>
void bind_position(py::class_<Class>& bound, const TextPosition& (*position)(const Class&)) {
  bound.def_property_readonly("sentences", [position](const Class& self) { return position(self).sentences; })
      .def_property_readonly("raw_words", [position](const Class& self) { return position(self).words; });
}

void bind_counter(py::module_& m) {
  py::class_<Counter> counter(m, "WordCounter", py::module_local());
  counter.def(py::init([](const std::string& errors) { return std::make_unique<Counter>(errors_of(errors)); }),
              "unicode_errors"_a = "strict");
  bind_position<Counter>(counter, [](const Counter& self) -> const TextPosition& { return self.words.position(); });
  counter.def("__len__", [](const Counter& self) { return self.words.table().size(); })
      .def(
          "add_text",
          [](Counter& self, const py::buffer& text, bool last) {
            const py::buffer_info info = text.request();
            const Unlocked unlocked;
            const UseFlag::Guard guard(self.use, "a counter");
            return self.words.add_text(bytes_of(info), last);
          },
          "text"_a, "last"_a, "Count the words of a block; how many of its bytes that were, up to white space.")
      .def(
          "add_sentences",
          [](Counter& self, SentenceStream& sentences, std::optional<std::size_t> most) {
            const UseFlag::Guard guard(self.use, "a counter");
            WaitingWords waiting(self.words.table());
            const auto take = [&] {
              waiting.take_all([&](const WordKey& key) { self.words.add_word(key); },
                               [&] { self.words.end_sentence(); });
            };
            const bool more = read_through(sentences, kSentenceWords, waiting, take, [&] {
              if (!most) return true;
              take();
              return self.words.table().size() <= *most;
            });
            return more;
          },
          "sentences"_a, "most"_a = py::none(),
          "Count the words of some sentences, until there are more than `most`; whether there may be more sentences.")
      .def(
          "counts",
          [](Counter& self) {
            const UseFlag::Guard guard(self.use, "a counter");
            return counts_of(self.words);
          },
          "How often each word came, in the order of words().")
      .def(
          "words", [](Counter& self, const std::optional<Indices>& at) { return words_at(self.words.table(), at); },
          "at"_a = py::none(), "All words in the order of their first sight, or those at some places.")
      .def(
          "prune",
          [](Counter& self, std::uint64_t least) {
            const UseFlag::Guard guard(self.use, "a counter");
            self.words.prune(least);
          },
          "least"_a, "Forget the words that came less often than this.")
      .def(
          "keep",
          [](Counter& self, In<bool, 1> keep) {
            const UseFlag::Guard guard(self.use, "a counter");
            self.words.prune(keep.view());
          },
          "keep"_a, "Forget the words where this is False.");
}

void bind_encoder(py::module_& m) {
  py::class_<Encoder> encoder(m, "WordEncoder", py::module_local());
  encoder.def(py::init([](const py::typing::List<py::str>& words, const std::string& errors) {
                return std::make_unique<Encoder>(words, errors_of(errors));
              }),
              "words"_a, "unicode_errors"_a = "strict");
  bind_position<Encoder>(encoder, [](const Encoder& self) -> const TextPosition& { return self.text.position(); });
  encoder
      .def(
          "add_text",
          [](Encoder& self, const py::buffer& text, bool last, Out<std::int32_t, 1> ids) {
            const py::buffer_info info = text.request();
            const View<std::int32_t, 1> to = ids;
            std::pair<std::size_t, std::size_t> done;
            {
              const Unlocked unlocked;
              const UseFlag::Guard guard(self.use, "an encoder");
              const std::string_view block = bytes_of(info);
              require(to.size() > block.size(), "ids", "longer than the text, ", block.size(), to);
              const TextEncoder::Step step = self.text.add_text(block, last, to.data());
              done = {step.consumed, step.written};
            }
            return done;
          },
          "text"_a, "last"_a, "ids"_a, "Write the numbers of a block's words; bytes read and numbers written.")
      .def(
          "add_sentences",
          [](Encoder& self, SentenceStream& sentences, Out<std::int32_t, 1> ids) {
            const UseFlag::Guard guard(self.use, "an encoder");
            const View<std::int32_t, 1> room = ids;
            std::int32_t* to = room.data();
            WaitingWords waiting(self.table);
            const auto take = [&] {
              waiting.take_all(
                  [&](const WordKey& key) {
                    const std::uint32_t id = self.table.find(key);
                    if (id != WordTable::kNone) *to++ = static_cast<std::int32_t>(id);
                    self.text.add_word();
                  },
                  [&] {
                    *to++ = -1;
                    self.text.end_sentence();
                  });
            };
            const bool more = read_through(sentences, room.size(), waiting, take, [] { return true; });
            return std::pair<bool, std::size_t>(more, static_cast<std::size_t>(to - room.data()));
          },
          "sentences"_a, "ids"_a, "Write the numbers of some sentences; whether there may be more, numbers written.");
}

void bind_phrases(py::module_& m) {
  py::class_<Phrases>(m, "PhraseCounter", py::module_local())
      .def(py::init<const std::string&, const py::typing::List<py::str>&, std::size_t>(), "delimiter"_a, "connectors"_a,
           "most"_a)
      .def(
          "add_sentences",
          [](Phrases& self, SentenceStream& sentences) {
            const UseFlag::Guard guard(self.use, "a counter");
            const bool more = sentences.read(
                kSentenceWords, [&](std::string_view word) { self.words.add_word(word); },
                [&] {
                  self.words.end_sentence();
                  return true;
                });
            self.words.take_all();
            return more;
          },
          "sentences"_a, "Count the words and pairs of some sentences; whether there may be more.")
      .def("counts", [](Phrases& self) { return counts_of(self.words.counter()); })
      .def("words", [](Phrases& self) { return words_at(self.words.counter().table(), std::nullopt); })
      .def_property_readonly("raw_words", [](const Phrases& self) { return self.words.words(); })
      .def_property_readonly("least", [](const Phrases& self) { return self.words.least(); });
}

}  // namespace

void bind_words(py::module_& m) {
  py::class_<SentenceStream>(m, "SentenceStream", py::module_local())
      .def(py::init<const py::iterable&>(), "sentences"_a);
  bind_counter(m);
  bind_encoder(m);
  bind_phrases(m);
}

}  // namespace nncore
