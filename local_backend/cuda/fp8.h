// The 8-bit float e4m3 (1 sign, 4 exponent, 3 mantissa bits, bias 7; no infinities, 0x7F and 0xFF are NaN): "FP8
// Formats for Deep Learning", Micikevicius et al. 2022, table 1. In integer arithmetic, so that every device and the
// host give the same bits. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <cstring>

#include "local_backend/cuda/both.h"

namespace tollgate::local::gpu {

inline constexpr float kLargestFp8 = 448.0f;

// Nearest even; what is beyond the largest value becomes the largest one; NaN stays NaN.
TOLLGATE_BOTH std::uint8_t float_to_fp8(float value) {
  std::uint32_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  const auto sign = static_cast<std::uint8_t>(bits >> 24 & 0x80);
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<std::uint8_t>(sign | 0x7F);
  if (magnitude >= 0x43E00000) return static_cast<std::uint8_t>(sign | 0x7E);  // 448 and more
  if (magnitude < 0x3C800000) {  // below 2^-6, the smallest normal value: multiples of 2^-9
    // Adding 2^14, whose last bit is worth 2^-9, rounds to nearest even; the sum's low bits are the answer.
    float shifted = 0;
    memcpy(&shifted, &magnitude, sizeof shifted);
    shifted += 16384.0f;
    std::uint32_t sum = 0;
    memcpy(&sum, &shifted, sizeof sum);
    return static_cast<std::uint8_t>(sign | (sum - 0x46800000));
  }
  // Drop 20 of the 23 mantissa bits, rounding; the carry moves into the exponent by itself.
  const std::uint32_t rounded = magnitude + 0x7FFFF + (magnitude >> 20 & 1);
  return static_cast<std::uint8_t>(sign | ((rounded >> 20) - ((127 - 7) << 3)));
}

TOLLGATE_BOTH float fp8_to_float(std::uint8_t bits) {
  // As a half the exponent's bias is 15 instead of 7; as a float 127: place the bits and multiply by 2^120.
  std::uint32_t word = static_cast<std::uint32_t>(bits & 0x7F) << 20;
  if ((bits & 0x7F) == 0x7F) word = 0x7FC00000;
  float value = 0;
  memcpy(&value, &word, sizeof value);
  value *= 0x1p120f;
  return (bits & 0x80) != 0 ? -value : value;
}

// Two values (lower byte first) as two halves divided by 256; exact. Multiply by 256 (0x5C00) to have the values. NaN
// becomes 480.
TOLLGATE_BOTH std::uint32_t fp8_pair_to_small_halves(std::uint32_t pair) {
  const std::uint32_t spread = (pair & 0xFF) | (pair & 0xFF00) << 8;
  return (spread & 0x00800080) << 8 | (spread & 0x007F007F) << 7;
}

}  // namespace tollgate::local::gpu
