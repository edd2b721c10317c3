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
  while (from < text.size()) {
    const void* hit = memmem(text.data() + from, text.size() - from, quoted_key.data(), quoted_key.size());
    if (hit == nullptr) return kNone;
    const std::size_t at = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
    const std::size_t value = value_of_key(text, at, quoted_key);
    if (value != kNone) return value;
    from = at + 1;
  }
  return kNone;
}

std::size_t string_bytes(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i, text.size()) - at - 1;
}

DeltaContent delta_content(std::string_view text, std::size_t at) {
  DeltaContent found;
  if (at >= text.size() || text[at] != '{') return found;
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
