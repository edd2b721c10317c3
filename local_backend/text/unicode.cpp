#include "local_backend/text/unicode.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace tollgate::local {
namespace {

struct LowerRun {
  char32_t first, last;
  std::int32_t step, delta;
};

struct BaseOf {
  char32_t code;
  std::array<char32_t, 3> base;  // ends with 0 or at the third
};

#include "local_backend/text/unicode_tables.inc"

CharClass class_in_runs(char32_t code) {
  const auto after = std::upper_bound(std::begin(kClassRuns), std::end(kClassRuns), code << 4 | 0xF);
  return static_cast<CharClass>(*std::prev(after) & 0xF);
}

// Hangul syllables: The Unicode Standard, section 3.12.
void append_jamo(char32_t code, std::u32string& out) {
  const char32_t index = code - 0xAC00;
  out += static_cast<char32_t>(0x1100 + index / 588);
  out += static_cast<char32_t>(0x1161 + index % 588 / 28);
  if (index % 28 != 0) out += static_cast<char32_t>(0x11A7 + index % 28);
}

}  // namespace

const CharClass* basic_char_classes() {
  static const auto classes = [] {
    std::array<CharClass, 0x10000> out;
    for (std::size_t run = 0; run < std::size(kClassRuns); ++run) {
      const std::size_t end = run + 1 < std::size(kClassRuns) ? kClassRuns[run + 1] >> 4 : 0x110000;
      for (std::size_t code = kClassRuns[run] >> 4; code < std::min(end, out.size()); ++code) {
        out[code] = static_cast<CharClass>(kClassRuns[run] & 0xF);
      }
    }
    return out;
  }();
  return classes.data();
}

CharClass char_class(char32_t code) {
  return code < 0x10000 ? basic_char_classes()[code] : code < 0x110000 ? class_in_runs(code) : CharClass::other;
}

char32_t to_lower(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  const auto run = std::lower_bound(std::begin(kLowerRuns), std::end(kLowerRuns), code,
                                    [](const LowerRun& left, char32_t right) { return left.last < right; });
  if (run == std::end(kLowerRuns) || code < run->first) return code;
  if ((code - run->first) % static_cast<char32_t>(run->step) != 0) return code;
  return static_cast<char32_t>(static_cast<std::int32_t>(code) + run->delta);
}

void append_base(char32_t code, std::u32string& out) {
  if (code < 0x80) {
    out += code;
    return;
  }
  if (code >= 0xAC00 && code < 0xD7A4) return append_jamo(code, out);
  const auto entry = std::lower_bound(std::begin(kBases), std::end(kBases), code,
                                      [](const BaseOf& left, char32_t right) { return left.code < right; });
  if (entry != std::end(kBases) && entry->code == code) {
    for (const char32_t part : entry->base) {
      if (part != 0) out += part;
    }
  } else if (char_class(code) != CharClass::accent) {
    out += code;
  }
}

}  // namespace tollgate::local
