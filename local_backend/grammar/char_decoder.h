// Reads the bytes of one character of a JSON string and says its class: raw UTF-8, the short escapes, \uXXXX and pairs
// of them for the codes above U+FFFF. Thread rule: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "local_backend/grammar/text_set.h"

namespace tollgate::local {

class CharDecoder {
 public:
  static constexpr std::uint16_t kDead = 0xFFFF, kClass = 0x8000;  // >= kClass: a character of class (value - kClass)

  explicit CharDecoder(const TextDfa& classes);
  // From state `at` (0: between characters) by `byte`. The quote is dead here: it ends the string.
  std::uint16_t step(std::uint16_t at, unsigned char byte) const {
    return next_[std::size_t{at} * columns_ + column_[byte]];
  }
  // Whether a character begun with state `at` can still become one of class `id`.
  bool may_become(std::uint16_t at, std::uint32_t id) const { return may_[at][id / 64] >> (id % 64) & 1u; }
  std::size_t states() const { return may_.size(); }

 private:
  void find_classes(std::uint32_t classes);

  std::array<std::uint8_t, 256> column_{};  // bytes that no state tells apart share one
  std::size_t columns_ = 0;
  std::vector<std::uint16_t> next_;
  std::vector<std::vector<std::uint64_t>> may_;
};

}  // namespace tollgate::local
