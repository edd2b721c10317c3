// Checks on whole texts that will be stored or printed, built on core/utf8.h. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace tollgate {

inline constexpr std::size_t kUtf8Valid = static_cast<std::size_t>(-1);

// Offset of the first byte that is not part of well-formed UTF-8, or kUtf8Valid.
std::size_t find_invalid_utf8(std::string_view text);
// The longest prefix of at most `max_bytes` that ends between two characters. REQUIRES: `text` is valid UTF-8.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);

}  // namespace tollgate
