#include "core/base64.h"

#include <array>
#include <cstdint>

namespace tollgate {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNone = 0xFF;  // or-ed with any value it keeps its top bit

using Values = std::array<std::uint8_t, 256>;

constexpr Values values_of(std::string_view alphabet) {
  Values values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr Values kStandardValues = values_of(kStandard);
constexpr Values kUrlValues = values_of(kUrl);

std::uint32_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

// Takes the padding off; false when it is not as the alphabet wants it.
bool strip_padding(std::string_view& text, Base64 alphabet) {
  const bool whole_groups = text.size() % 4 == 0;
  if (alphabet == Base64::standard && !whole_groups) return false;
  if (whole_groups && text.ends_with('=')) {
    text.remove_suffix(1);
    if (text.ends_with('=')) text.remove_suffix(1);
  }
  return text.size() % 4 != 1;
}

// The last group of two or three characters.
bool decode_tail(std::string_view tail, const Values& values, std::string& out) {
  std::uint32_t bits = 0, seen = 0;
  for (std::size_t i = 0; i < tail.size(); ++i) {
    const std::uint32_t value = values[byte_at(tail, i)];
    seen |= value;
    bits |= (value & 63) << (18 - 6 * i);
  }
  const std::uint32_t spare = tail.size() == 2 ? 0xFFFF : 0xFF;
  if (seen > 63 || (bits & spare) != 0) return false;
  out += static_cast<char>(bits >> 16);
  if (tail.size() == 3) out += static_cast<char>(bits >> 8 & 0xFF);
  return true;
}

}  // namespace

std::string base64_encode(std::string_view bytes, Base64 alphabet) {
  const std::string_view letters = alphabet == Base64::standard ? kStandard : kUrl;
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const std::uint32_t bits = byte_at(bytes, at) << 16 | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2);
    for (int shift = 18; shift >= 0; shift -= 6) out += letters[bits >> shift & 63];
  }
  const std::size_t left = bytes.size() - at;
  if (left == 0) return out;
  const std::uint32_t bits = byte_at(bytes, at) << 16 | (left == 2 ? byte_at(bytes, at + 1) << 8 : 0);
  out += letters[bits >> 18 & 63];
  out += letters[bits >> 12 & 63];
  if (left == 2) out += letters[bits >> 6 & 63];
  if (alphabet == Base64::standard) out.append(3 - left, '=');
  return out;
}

bool base64_decode(std::string_view text, std::string& out, Base64 alphabet) {
  out.clear();
  if (!strip_padding(text, alphabet)) return false;
  const Values& values = alphabet == Base64::standard ? kStandardValues : kUrlValues;
  out.resize(text.size() / 4 * 3);
  std::uint32_t seen = 0;
  std::size_t to = 0, at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    const std::uint32_t a = values[byte_at(text, at)], b = values[byte_at(text, at + 1)];
    const std::uint32_t c = values[byte_at(text, at + 2)], d = values[byte_at(text, at + 3)];
    seen |= a | b | c | d;
    const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    out[to++] = static_cast<char>(bits >> 16 & 0xFF);
    out[to++] = static_cast<char>(bits >> 8 & 0xFF);
    out[to++] = static_cast<char>(bits & 0xFF);
  }
  const bool good = seen <= 63 && (at == text.size() || decode_tail(text.substr(at), values, out));
  if (!good) out.clear();
  return good;
}

}  // namespace tollgate
