// Tests on stream events that hold no usage, the hot part of UsageReader: one pass over the event that looks at pairs
// of bytes (until_quoted), or that steps from key to key with their depth (each_key). A JSON text can hold `"key"` with
// plain quotes only as a key or as a whole string value, because a quote inside a string is escaped; so a hit followed
// by a colon is a key. Owner: billing, price half. Pure functions.
#pragma once

#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tollgate::billing {

// Calls f(i) for every i with text[i] == '"' and text[i + 1] == a or b, in order, until f returns false.
template <class F>
inline void until_quoted(std::string_view text, char a, char b, F&& f) {
  const char* data = text.data();
  std::size_t i = 0;
#if defined(__SSE2__)
  const __m128i quotes = _mm_set1_epi8('"'), as = _mm_set1_epi8(a), bs = _mm_set1_epi8(b);
  for (; i + 17 <= text.size(); i += 16) {
    const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i));
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i + 1));
    const __m128i letter = _mm_or_si128(_mm_cmpeq_epi8(next, as), _mm_cmpeq_epi8(next, bs));
    unsigned hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(here, quotes), letter)));
    for (; hits != 0; hits &= hits - 1) {
      if (!f(i + static_cast<std::size_t>(__builtin_ctz(hits)))) return;
    }
  }
#endif
  for (; i + 1 < text.size(); ++i) {
    if (data[i] == '"' && (data[i + 1] == a || data[i + 1] == b) && !f(i)) return;
  }
}

inline std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r')) ++at;
  return at;
}

inline constexpr std::size_t kNoOffset = std::string_view::npos;

// The offset of the value when `"key":` stands at `at` (the offset of its quote), npos when it does not.
std::size_t value_of_key(std::string_view text, std::size_t at, std::string_view quoted_key);
// The offset of the value of the first `"key":` at or after `from`, npos when there is none.
std::size_t find_value(std::string_view text, std::string_view quoted_key, std::size_t from = 0);
// Bytes between the quote at `at` and its closing quote, as they stand (escapes count as written).
std::size_t string_bytes(std::string_view text, std::size_t at);
// The same, but 0 where no string begins.
inline std::size_t text_bytes(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] == '"' ? string_bytes(text, at) : 0;
}

// One past the value at `at`, or the text's end. Brackets are counted, not checked.
std::size_t value_end(std::string_view text, std::size_t at);
// The value at `at` as it stands; `end`, when given, is set to its value_end().
inline std::string_view value_text(std::string_view text, std::size_t at, std::size_t* end = nullptr) {
  const std::size_t stop = value_end(text, at);
  if (end != nullptr) *end = stop;
  return text.substr(at, stop - at);
}

// Calls f(key, depth, value) for each member in order, objects inside arrays and values too: `key` raw without quotes,
// `depth` the number of open brackets (1 = of the outermost object), `value` the offset of the value. f returns where
// to go on: `value` to step into it, value_end() to step over it, kNoOffset to stop. Works on any bytes; what is no
// JSON gives no sense, and no harm.
template <class F>
void each_key(std::string_view text, F&& f) {
  std::size_t depth = 0, i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '"') {
      const std::size_t bytes = string_bytes(text, i);
      const std::size_t colon = skip_space(text, i + bytes + 2);
      const std::size_t value = colon < text.size() && text[colon] == ':' ? skip_space(text, colon + 1) : colon;
      if (value >= text.size()) return;
      // A string that is no key is stepped over.
      i = value == colon ? colon : f(text.substr(i + 1, bytes), depth, value);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && depth > 0) --depth;
    ++i;
  }
}

// What a chat delta object that begins at `at` adds: bytes of text, reasoning, refusal or tool arguments.
struct DeltaContent {
  bool content = false;
  std::size_t bytes = 0;
};
DeltaContent delta_content(std::string_view text, std::size_t at);

}  // namespace tollgate::billing
