// Inside of UsageReader: raw members of a reply. Owner: billing, price half. Pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "billing/usage_scan.h"
#include "core/json.h"

namespace tollgate::billing {

inline constexpr std::size_t kMaxName = 256;  // model and id kept from a reply

// Raw values of top-level members, "" for absent and null. `text` is padded.
template <std::size_t N>
std::array<std::string_view, N> members(std::string_view text, const std::string_view (&names)[N]) {
  std::array<ByteRange, N> ranges{};
  std::array<std::string_view, N> out{};
  if (!scan_members(text, names, ranges)) return out;
  for (std::size_t i = 0; i < N; ++i) {
    const std::string_view raw = text.substr(ranges[i].begin, ranges[i].end - ranges[i].begin);
    if (raw != "null") out[i] = raw;
  }
  return out;
}

// The content of a raw JSON string; "" for anything else. Names with escapes are rare enough to keep as written.
inline std::string_view unquoted(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"') return {};
  return raw.substr(1, std::min(raw.size() - 2, kMaxName));
}

inline bool is_object_text(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }

}  // namespace tollgate::billing
