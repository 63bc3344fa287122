#include "nncore/text/corpus_text.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "nncore/core/threads.h"
#include "nncore/text/tokens.h"
#include "nncore/text/waiting_words.h"

namespace nncore {

namespace {

constexpr double kNanosecondsPerByte = 4;
constexpr std::size_t kLeastPart = 1 << 16;

struct BadUtf8 {
  const char* at;
};

/// What one thread read of a block.
struct Piece {
  std::string_view text;
  TextPosition read;
  std::size_t written = 0;
  std::exception_ptr error;
};

/// Reads a piece that begins inside a line, or not: word(key) tells whether that was a word at all, end() is called where
/// a sentence ends. `table` is where words will be looked for.
template <typename Word, typename End>
void read_piece(Piece& piece, bool open, const WordTable& table, const Word& word, const End& end) {
  TextPosition read;
  const char* const text_end = piece.text.data() + piece.text.size();
  WaitingWords waiting(table);
  const auto take = [&] {
    waiting.take_all(
        [&](const WordKey& key) {
          if (!word(key)) return;
          open = true;
          ++read.words;
        },
        [&] {
          ++read.lines;
          if (!open) return;
          open = false;
          ++read.sentences;
          end();
        });
  };
  split(
      piece.text,
      [&](std::string_view found) {
        waiting.add_word(found, text_end);
        if (waiting.full()) take();
      },
      [&] {
        waiting.add_end();
        if (waiting.full()) take();
      });
  take();
  read.open = open;
  piece.read = read;
}

[[noreturn]] void throw_bad(std::string_view block, const TextPosition& position, const char* at) {
  const std::size_t offset = static_cast<std::size_t>(at - block.data());
  const auto lines = std::count(block.data(), at, '\n');
  require(false, "text must be UTF-8, but byte ", position.bytes + offset, " (line ",
          position.lines + static_cast<std::uint64_t>(lines) + 1,
          ") is not: unicode_errors, of LineSentence for one, can be \"ignore\" or \"replace\"");
  std::terminate();
}

std::size_t most_parts(std::size_t bytes) {
  return std::min<std::size_t>(static_cast<std::size_t>(num_threads()), bytes / kLeastPart + 1);
}

/// Cuts `block` into pieces at white space, and calls read(piece, part, open) for each, on the threads; `open` as
/// line_is_open. Returns the pieces and adds what they read to `position`.
template <typename Read>
std::vector<Piece> read_pieces(std::string_view block, TextPosition& position, const Read& read) {
  std::vector<Piece> pieces(most_parts(block.size()));
  parallel_parts(pieces.size(), kNanosecondsPerByte * static_cast<double>(block.size()),
                 [&](std::size_t part, std::size_t parts) {
                   const auto border = [&](std::size_t i) {
                     return i == parts ? block.size() : last_border(block, block.size() * i / parts);
                   };
                   const std::size_t begin = border(part);
                   Piece& piece = pieces[part];
                   piece.text = block.substr(begin, border(part + 1) - begin);
                   try {
                     read(piece, part, line_is_open(block.substr(0, begin), position.open));
                   } catch (...) {
                     piece.error = std::current_exception();
                   }
                 });
  for (const Piece& piece : pieces) {
    if (!piece.error) continue;
    try {
      std::rethrow_exception(piece.error);
    } catch (const BadUtf8& bad) {
      throw_bad(block, position, bad.at);
    }
  }
  for (const Piece& piece : pieces) {
    if (piece.text.empty()) continue;
    position.lines += piece.read.lines;
    position.sentences += piece.read.sentences;
    position.words += piece.read.words;
    position.open = piece.read.open;
  }
  position.bytes += block.size();
  return pieces;
}

/// The part of a block whose words are whole.
std::string_view whole_words(std::string_view block, bool last) {
  return last ? block : block.substr(0, last_border(block, block.size()));
}

bool end_open_line(TextPosition& position, bool last) {
  if (!last || !position.open) return false;
  position.open = false;
  ++position.sentences;
  return true;
}

/// A word that is in no table: as it is, or mended; empty where nothing is left of it.
std::string_view checked(std::string_view word, Utf8Errors errors, std::string& mended) {
  const std::size_t bad = find_bad_utf8(word);
  if (bad == std::string_view::npos) return word;
  if (errors == Utf8Errors::kStrict) throw BadUtf8{word.data() + bad};
  mended = mend_utf8(word, errors);
  return mended;
}

}  // namespace

bool WordCounter::count(WordTable& table, const WordKey& key) const {
  std::uint32_t found = table.find(key);
  if (found == WordTable::kNone) {
    std::string mended;
    const std::string_view good = checked(key.text, errors_, mended);
    if (good.empty()) return false;
    found = good.data() == mended.data() ? table.insert(good) : table.append(key);
  }
  ++table.count(found);
  return true;
}

void WordCounter::add_word(const WordKey& key) {
  const std::uint32_t found = own_.find(key);
  ++own_.count(found != WordTable::kNone ? found : own_.append(key));
  ++position_.words;
}

std::size_t WordCounter::add_text(std::string_view block, bool last) {
  block = whole_words(block, last);
  const std::size_t parts = most_parts(block.size());
  if (shares_.size() + 1 < parts) shares_.resize(parts - 1);
  read_pieces(block, position_, [&](Piece& piece, std::size_t part, bool open) {
    WordTable& table = part == 0 ? own_ : shares_[part - 1].table;
    read_piece(piece, open, table, [&](const WordKey& key) { return count(table, key); }, [] {});
  });
  // In the order of the parts, so that first sight is that of a single thread.
  for (Share& share : shares_) {
    for (std::size_t i = share.number.size(); i < share.table.size(); ++i) {
      share.number.push_back(own_.insert(share.table.word(i)));
    }
  }
  end_open_line(position_, last);
  return block.size();
}

void WordCounter::gather() {
  for (Share& share : shares_) {
    for (std::size_t i = 0; i < share.number.size(); ++i) {
      own_.count(share.number[i]) += share.table.count(i);
      share.table.count(i) = 0;
    }
  }
}

template <typename Keep>
void WordCounter::keep_words(const Keep& keep) {
  WordTable kept;
  for (std::size_t i = 0; i < own_.size(); ++i) {
    if (keep(i)) kept.count(kept.insert(own_.word(i))) = own_.count(i);
  }
  own_ = std::move(kept);
  shares_.clear();  // their words' numbers are no longer true
}

void WordCounter::prune(std::uint64_t least) {
  gather();
  keep_words([&](std::size_t i) { return own_.count(i) >= least; });
}

void WordCounter::prune(View<const bool, 1> keep) {
  require(keep.extent(0) == own_.size(), "keep", "one value per word, ", own_.size(), keep);
  gather();
  keep_words([&](std::size_t i) { return keep(i); });
}

TextEncoder::Step TextEncoder::add_text(std::string_view block, bool last, std::int32_t* ids) {
  block = whole_words(block, last);
  const std::vector<Piece> pieces = read_pieces(block, position_, [&](Piece& piece, std::size_t, bool open) {
    // A word and the space after it, or a line's end, are no fewer bytes than numbers: a piece's fit where its text is.
    std::int32_t* const begin = ids + (piece.text.data() - block.data());
    std::int32_t* to = begin;
    std::string mended;
    const auto word = [&](const WordKey& key) {
      std::uint32_t id = table_.find(key);
      if (id == WordTable::kNone) {
        const std::string_view good = checked(key.text, errors_, mended);
        if (good.empty()) return false;
        if (good.data() == mended.data()) id = table_.find(word_key(good));
      }
      if (id != WordTable::kNone) *to++ = static_cast<std::int32_t>(id);
      return true;
    };
    read_piece(piece, open, table_, word, [&] { *to++ = -1; });
    piece.written = static_cast<std::size_t>(to - begin);
  });
  std::size_t written = 0;
  for (const Piece& piece : pieces) {
    if (piece.written == 0) continue;
    std::memmove(ids + written, ids + (piece.text.data() - block.data()), piece.written * sizeof(std::int32_t));
    written += piece.written;
  }
  if (end_open_line(position_, last)) ids[written++] = -1;
  return {block.size(), written};
}

}  // namespace nncore
