// Small pieces that reading and writing of quantised blocks share: unaligned loads and stores, the 6-bit scale pairs of
// q4_k and q5_k, the value table of the iq4 types. Internal to gguf/. Thread rule: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local::bits {

inline constexpr std::size_t kBlock = 32;   // elements of the simple types' blocks
inline constexpr std::size_t kSuper = 256;  // elements of the k types' blocks

// Values of the 4-bit indices of iq4_nl and iq4_xs, before the scale.
inline constexpr std::array<std::int8_t, 16> kIq4Values{-127, -104, -83, -65, -49, -35, -22, -10,
                                                        1,    13,   25,  38,  53,  69,  89,  113};

template <class T>
T load(const std::uint8_t* from) {
  T out;
  std::memcpy(&out, from, sizeof(T));
  return out;
}

template <class T>
void store(std::uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

inline float load_half(const std::uint8_t* from) { return f16_to_f32(load<std::uint16_t>(from)); }

struct ScaleMin {
  std::uint8_t scale = 0, min = 0;  // 0..63 each
};

// The pair of group `group` (0..7) out of the 12 bytes of a q4_k or q5_k block: the first four pairs have their 6 bits
// in bytes 0..3 (scale) and 4..7 (min); the last four have their low 4 bits in bytes 8..11 and borrow the two top bits
// of the first eight bytes.
inline ScaleMin unpack_scale_min(const std::uint8_t* packed, std::size_t group) {
  if (group < 4) {
    return {static_cast<std::uint8_t>(packed[group] & 63), static_cast<std::uint8_t>(packed[group + 4] & 63)};
  }
  const unsigned low = packed[group + 4];
  return {static_cast<std::uint8_t>((low & 15) | (packed[group - 4] >> 6) << 4),
          static_cast<std::uint8_t>(low >> 4 | (packed[group] >> 6) << 4)};
}

// The opposite. REQUIRES: `packed` was zero before the first of the eight calls.
inline void pack_scale_min(std::uint8_t* packed, std::size_t group, ScaleMin pair) {
  if (group < 4) {
    packed[group] |= pair.scale;
    packed[group + 4] |= pair.min;
    return;
  }
  packed[group + 4] = static_cast<std::uint8_t>((pair.scale & 15) | (pair.min & 15) << 4);
  packed[group - 4] |= static_cast<std::uint8_t>(pair.scale >> 4 << 6);
  packed[group] |= static_cast<std::uint8_t>(pair.min >> 4 << 6);
}

}  // namespace tollgate::local::bits
