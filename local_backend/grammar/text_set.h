// Sets of texts as deterministic automata over Unicode code points: what "pattern", "format", "enum" and property names
// come down to. Closed under union, intersection and complement, so that composed schemas stay exact.
// Thread rule: immutable once made, shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::local {

using CodeRange = std::pair<char32_t, char32_t>;  // both ends included
inline constexpr char32_t kLastCode = 0x10FFFF;

// State 0 is dead: nothing that leads there is in the set. Every other state can still reach an accepting one.
struct TextDfa {
  std::vector<char32_t> starts{0};          // first code of each run of codes, ascending, the first is 0
  std::vector<std::uint16_t> run_class{0};  // class of each run
  std::uint32_t classes = 1;
  std::vector<std::uint32_t> next;  // [state * classes + class]
  std::vector<std::uint32_t> mark;  // per state; 0: no text of the set ends here; sets use 1, key automata use more
  std::uint32_t start = 0;

  std::uint32_t states() const { return static_cast<std::uint32_t>(mark.size()); }
  std::uint32_t class_of(char32_t code) const;
  std::uint32_t step(std::uint32_t state, char32_t code) const { return next[state * classes + class_of(code)]; }
  std::uint32_t run(std::string_view utf8) const;  // the mark after the whole text; 0 for invalid UTF-8
};

using TextSet = std::shared_ptr<const TextDfa>;
using MarkPair = std::function<std::uint32_t(std::uint32_t, std::uint32_t)>;

// An operation whose result would pass this many states or table cells gives null.
inline constexpr std::size_t kMaxTextStates = 1u << 16;
inline constexpr std::size_t kMaxTextCells = 1u << 22;

TextSet every_text();
TextSet no_text();
TextSet text_list(std::span<const std::string> texts);          // marks: index + 1; invalid UTF-8 gives null
TextSet text_lengths(std::uint64_t least, std::uint64_t most);  // in code points
// Texts marked by `mark` of both sides' marks (which are 0 where a side has not the text).
TextSet product(const TextDfa& a, const TextDfa& b, const MarkPair& mark);
TextSet intersect(const TextSet& a, const TextSet& b);
TextSet unite(const TextSet& a, const TextSet& b);
TextSet complement(const TextSet& a);
TextSet remark(const TextSet& a, const std::function<std::uint32_t(std::uint32_t)>& mark);
bool is_empty(const TextDfa& a);
bool is_every(const TextDfa& a);
bool is_finite(const TextDfa& a);
// Per state: the fewest codes that lead to an accepting one; UINT32_MAX: none do.
std::vector<std::uint32_t> shortest_ends(const TextDfa& a);

// Cuts dead states, merges equal states and equal classes.
TextSet finish(TextDfa raw);

// The code at `at`, which moves behind it; none for invalid UTF-8.
std::optional<char32_t> next_code(std::string_view utf8, std::size_t& at);

}  // namespace tollgate::local
