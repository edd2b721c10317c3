// What the tokenizers know of Unicode: a class per code point, lower case, and letters without their accents. The
// tables come from tools/make_unicode_tables.py. Thread rule: pure functions over constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tollgate::local {

// General categories as far as any pre-tokenizer tells them apart. `space` is White_Space: the categories Z and six
// control characters; `other` is the rest of C, unassigned code points too.
enum class CharClass : std::uint8_t {
  other,
  space,
  upper,        // Lu
  title,        // Lt
  lower,        // Ll
  modifier,     // Lm
  letter,       // Lo
  accent,       // Mn
  mark,         // Mc, Me
  number,       // N
  punctuation,  // P
  symbol,       // S
};

// Sets of classes, one bit each.
using CharMask = std::uint16_t;
constexpr CharMask mask_of(CharClass value) { return static_cast<CharMask>(1u << static_cast<unsigned>(value)); }
inline constexpr CharMask kAny = 0x0FFF;
inline constexpr CharMask kSpace = mask_of(CharClass::space);
inline constexpr CharMask kLetter = mask_of(CharClass::upper) | mask_of(CharClass::title) | mask_of(CharClass::lower) |
                                    mask_of(CharClass::modifier) | mask_of(CharClass::letter);
inline constexpr CharMask kMark = mask_of(CharClass::accent) | mask_of(CharClass::mark);
inline constexpr CharMask kNumber = mask_of(CharClass::number);
inline constexpr CharMask kPunctuation = mask_of(CharClass::punctuation);
inline constexpr CharMask kSymbol = mask_of(CharClass::symbol);

CharClass char_class(char32_t code);
// The classes of the code points below 0x10000, for loops that read one character after the other.
const CharClass* basic_char_classes();

// The simple lower case mapping.
char32_t to_lower(char32_t code);

// Appends the canonical decomposition of `code` without its nonspacing marks; nothing for such a mark itself.
void append_base(char32_t code, std::u32string& out);

}  // namespace tollgate::local
