// Walks the token index that simdjson's first stage makes of a text: the full grammar, no DOM, no recursion, no copies.
// Checked everywhere: UTF-8, closed strings, brackets, commas, colons, numbers, literals, depth. Not checked: the
// escape sequences of strings that nobody reads. Owner: core, internal to its json files. Thread rule: index_tokens()
// answers with a thread-local index that the next call on the thread overwrites.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"

namespace tollgate::json_walk {

// Open containers below the top level.
inline constexpr std::size_t kMaxDepth = 1024;

struct Tokens {
  std::string_view text;
  const std::uint32_t* offsets = nullptr;  // where each token begins; offsets[count] == text.size()
  std::size_t count = 0;
  std::size_t offset(std::size_t token) const { return offsets[token]; }
  char first_char(std::size_t token) const { return token < count ? text[offsets[token]] : '\0'; }
};

// Null when well, else what is wrong with the text as a whole.
const char* index_tokens(std::string_view text, Tokens& out);

class Walker {
 public:
  explicit Walker(const Tokens& tokens, std::size_t first_token = 0) : tokens_(tokens), next_(first_token) {}

  // Calls on_member(key, value, token) for each member of the object that begins at the next token: `key` raw and
  // without quotes, `token` the value's first. False when the text is malformed or on_member returned false.
  template <class OnMember>
  bool walk_object(OnMember&& on_member);
  bool at_end() const { return next_ == tokens_.count; }
  // The byte where the trouble is, after walk_object() returned false.
  std::size_t offset() const { return tokens_.offset(next_); }

 private:
  enum class Expect : unsigned char { value, key, after };

  bool take(char c) { return tokens_.first_char(next_) == c && (++next_, true); }
  bool take_key(std::string_view& key);
  bool take_string();
  bool take_scalar();
  bool skip_value();
  bool open_container(Expect& expect);
  bool close_or_continue(Expect& expect);
  std::size_t end_before(std::size_t token) const;

  Tokens tokens_;
  std::size_t next_;
  std::size_t depth_ = 0;
  std::array<bool, kMaxDepth> is_object_;  // of the open containers, [0, depth_)
};

template <class OnMember>
bool Walker::walk_object(OnMember&& on_member) {
  if (!take('{')) return false;
  if (take('}')) return true;
  for (;;) {
    std::string_view key;
    if (!take_key(key)) return false;
    const std::size_t token = next_;
    if (!skip_value()) return false;
    if (!on_member(key, ByteRange{tokens_.offset(token), end_before(next_)}, token)) return false;
    if (take('}')) return true;
    if (!take(',')) return false;
  }
}

// The text of a string literal's content; false for a bad escape or a lone surrogate. `out` is overwritten.
bool unescape(std::string_view raw, std::string& out);

// Turns \u escapes that are half a character into \ufffd, in place; false when there was none.
bool mend_lone_surrogates(char* text, std::size_t size);

}  // namespace tollgate::json_walk
