// UTF-8, one character at a time, from texts that may be broken. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::local {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Utf8Char {
  char32_t code = kReplacement;  // kReplacement where the bytes are no character
  std::uint8_t size = 1;         // bytes; of a broken character those up to the byte that cannot belong to it
  bool valid = false;
  bool cut = false;  // broken only because the text ends
};

// The character at `at`. Overlong forms, surrogates and code points beyond U+10FFFF are broken (Unicode 16, table 3-7).
// REQUIRES: at < text.size().
inline Utf8Char utf8_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  if (lead < 0x80) return {lead, 1, true, false};
  const unsigned size = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (size == 0) return {};
  // Only the second byte has limits of its own.
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code = lead & (0xFFu >> (size + 1));
  for (std::uint8_t i = 1; i < size; ++i) {
    if (at + i == text.size()) return {kReplacement, i, false, true};
    const unsigned next = byte(at + i);
    if (next < low || next > high) return {kReplacement, i, false, false};
    code = code << 6 | (next & 0x3F);
    low = 0x80, high = 0xBF;
  }
  return {code, static_cast<std::uint8_t>(size), true, false};
}

// REQUIRES: a code point that is no surrogate.
inline void append_utf8(char32_t code, std::string& out) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }
}

}  // namespace tollgate::local
