// The parts that pre-tokenizers are made of: a text read as characters with classes, and small matchers over it, each
// standing for one piece of a regular expression. Thread rule: one owner each.
#pragma once

#include <cstddef>
#include <string_view>

#include "local_backend/text/unicode.h"
#include "local_backend/text/utf8.h"

namespace tollgate::local {

// A text as characters. Bytes that are no UTF-8 count as U+FFFD, a symbol.
class Characters {
 public:
  explicit Characters(std::string_view text) : text_(text) {}

  struct Char {
    char32_t code = 0;
    CharMask mask = 0;    // one bit; none at the end of the text
    std::size_t end = 0;  // where the next one begins

    bool in(CharMask set) const { return (mask & set) != 0; }
    bool ends_line() const { return mask != 0 && (code == '\r' || code == '\n'); }
  };
  Char at(std::size_t position) const {
    if (position >= text_.size()) return {0, 0, position};
    ++reads_;
    const auto byte = static_cast<unsigned char>(text_[position]);
    if (byte < 0x80) return {byte, mask_of(basic_[byte]), position + 1};
    const Utf8Char found = utf8_at(text_, position);
    return {found.code, mask_of(found.code < 0x10000 ? basic_[found.code] : char_class(found.code)),
            position + found.size};
  }
  std::size_t size() const { return text_.size(); }
  std::size_t reads() const { return reads_; }  // calls of at() so far: the work done, for tests of its growth

  // Where the longest run of characters of `set` that begins at `position` ends.
  std::size_t run(std::size_t position, CharMask set) const {
    for (Char next = at(position); next.in(set); next = at(position)) position = next.end;
    return position;
  }
  // The same for a predicate on code points.
  template <class Predicate>
  std::size_t run_if(std::size_t position, Predicate&& wanted) const {
    for (Char next = at(position); next.mask != 0 && wanted(next.code); next = at(position)) position = next.end;
    return position;
  }
  // Past a single blank, if there is one.
  std::size_t past_blank(std::size_t position) const {
    return position < text_.size() && text_[position] == ' ' ? position + 1 : position;
  }

 private:
  std::string_view text_;
  const CharClass* basic_ = basic_char_classes();
  mutable std::size_t reads_ = 0;
};

// What an expression finds at a position: up to `end` either a match or text that no match begins in.
struct Match {
  std::size_t end = 0;
  bool found = false;
};
using Matcher = Match (*)(const Characters& text, std::size_t position);

// The following return the end of their match, or `position` when there is none.

// 's 't 're 've 'm 'll 'd; in any case also as (?i:...) sees it, for which U+017F is an s.
std::size_t contraction(const Characters& text, std::size_t position, bool any_case);
// Up to `limit` characters of `set`.
std::size_t at_most(const Characters& text, std::size_t position, CharMask set, unsigned limit);
// ` ?[set]+`
std::size_t blank_and_run(const Characters& text, std::size_t position, CharMask set);
// `\s+(?!\S)`: a run of spaces, without its last one if something follows.
std::size_t spaces_before_space(const Characters& text, std::size_t position);
// `\s*[\r\n]+|\s+(?!\S)|\s+`
std::size_t lines_or_spaces(const Characters& text, std::size_t position);

}  // namespace tollgate::local
