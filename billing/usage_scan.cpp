// Substring tests of usage_scan.h. Owner: billing, price half.
#include "billing/usage_scan.h"

#include <algorithm>
#include <cstring>

namespace tollgate::billing {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool holds_text(std::string_view key) {
  return key == "content" || key == "reasoning_content" || key == "reasoning" || key == "refusal" ||
         key == "thinking" || key == "text";
}

// The offset one past a scalar value, kNone for an object or array: the walk of a delta ends there.
std::size_t skip_scalar(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] == '{' || text[at] == '[') return kNone;
  if (text[at] == '"') return at + string_bytes(text, at) + 2;
  return text.find_first_of(",}", at);
}

DeltaContent structured_content(std::string_view text, std::size_t at) {
  DeltaContent found;
  const std::size_t first = skip_space(text, at + 1);
  if (first >= text.size() || text[first] == ']' || text[first] == '}') return found;
  found.content = true;
  const std::size_t arguments = find_value(text, "\"arguments\"", first);
  if (arguments < text.size() && text[arguments] == '"') found.bytes = string_bytes(text, arguments);
  return found;
}

}  // namespace

std::size_t value_of_key(std::string_view text, std::size_t at, std::string_view quoted_key) {
  if (text.size() - at <= quoted_key.size()) return kNone;
  if (std::memcmp(text.data() + at, quoted_key.data(), quoted_key.size()) != 0) return kNone;
  const std::size_t colon = skip_space(text, at + quoted_key.size());
  if (colon >= text.size() || text[colon] != ':') return kNone;
  return skip_space(text, colon + 1);
}

std::size_t find_value(std::string_view text, std::string_view quoted_key, std::size_t from) {
  std::size_t found = kNone;
  until_quoted(text.substr(std::min(from, text.size())), quoted_key[1], quoted_key[1], [&](std::size_t at) {
    found = value_of_key(text, from + at, quoted_key);
    return found == kNone;
  });
  return found;
}

std::size_t string_bytes(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
#if defined(__SSE2__)
  const __m128i quotes = _mm_set1_epi8('"'), escapes = _mm_set1_epi8('\\');
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const auto quote = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(here, quotes)));
    const auto escape = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(here, escapes)));
    if (escape != 0 && (quote == 0 || __builtin_ctz(escape) < __builtin_ctz(quote))) break;
    if (quote != 0) return i + static_cast<std::size_t>(__builtin_ctz(quote)) - at - 1;
  }
#endif
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i, text.size()) - at - 1;
}

std::size_t value_end(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  if (text[at] == '"') return std::min(at + string_bytes(text, at) + 2, text.size());
  if (text[at] != '{' && text[at] != '[') return std::min(text.find_first_of(",}] \n\r\t", at), text.size());
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at += string_bytes(text, at) + 2;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return text.size();
}

DeltaContent delta_content(std::string_view text, std::size_t at) {
  DeltaContent found;
  if (at >= text.size() || text[at] != '{') return found;
  // Nearly every event of a stream.
  constexpr std::string_view kText = "{\"content\":\"";
  if (text.substr(at).starts_with(kText)) {
    found.bytes = string_bytes(text, at + kText.size() - 1);
    found.content = found.bytes > 0;
    if (found.content) return found;
  }
  at = skip_space(text, at + 1);
  while (at < text.size() && text[at] == '"') {
    const std::size_t key_bytes = string_bytes(text, at);
    const std::string_view key = text.substr(at + 1, key_bytes);
    std::size_t value = skip_space(text, at + key_bytes + 2);
    if (value >= text.size() || text[value] != ':') return found;
    value = skip_space(text, value + 1);
    if (value >= text.size()) return found;
    if (text[value] == '"') {
      // The same reasoning may stand under two names, so the longest counts, not the sum.
      const std::size_t bytes = holds_text(key) ? string_bytes(text, value) : 0;
      found.bytes = std::max(found.bytes, bytes);
      found.content = found.content || bytes > 0;
    }
    const std::size_t end = skip_scalar(text, value);
    if (end == kNone) {
      const DeltaContent inner = structured_content(text, value);
      found.content = found.content || inner.content;
      found.bytes = std::max(found.bytes, inner.bytes);
      return found;
    }
    at = skip_space(text, end);
    if (at >= text.size() || text[at] != ',') return found;
    at = skip_space(text, at + 1);
  }
  return found;
}

}  // namespace tollgate::billing
