// Base64 (RFC 4648), strict: what one encoder writes is the only text that decodes to it. Pure. Thread rule: anywhere.
#pragma once

#include <string>
#include <string_view>

namespace tollgate {

enum class Base64 : unsigned char {
  standard,  // + and /, padded with = to full groups
  url,       // - and _, no padding (JWT); padding is taken when read
};

std::string base64_encode(std::string_view bytes, Base64 alphabet = Base64::standard);
// Replaces `out`. False (and `out` empty) for characters outside the alphabet, white space among them, missing or
// misplaced padding, and bits behind the last byte that are not zero.
bool base64_decode(std::string_view text, std::string& out, Base64 alphabet = Base64::standard);

}  // namespace tollgate
