// How one row of activations is brought into 16 or 8 bits (see Activations in kernels.h): the definition that kernels
// and the twins of tests share. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <cstring>

#include "local_backend/cuda/both.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {

struct RowScale {
  float scale = 1, inverse = 1;  // value = written * scale; written = value * inverse, rounded
};

// `largest`: of the row's magnitudes. A row of zeros has scale 1. Rows below 2^-93 (f16) or 2^-100 (fp8) are scaled as
// if they reached it, so that the inverse stays a normal number.
TOLLGATE_BOTH RowScale row_scale(ActivationFormat format, float largest) {
  RowScale out;
  if (format == ActivationFormat::bf16 || largest == 0) return out;
  if (format == ActivationFormat::fp8) {
    const float bounded = largest > 0x1p-100f ? largest : 0x1p-100f;
    out.scale = bounded / 448.0f;
    out.inverse = 448.0f / bounded;
    return out;
  }
  constexpr std::uint32_t kSteps = 7, kLowest = 27;  // 2^7 = 128; 2^(27 - 127) = 2^-100
  std::uint32_t bits = 0;
  memcpy(&bits, &largest, sizeof bits);
  const std::uint32_t exponent = bits >> 23 & 0xFF;
  const std::uint32_t chosen = exponent > kSteps + kLowest ? exponent - kSteps : kLowest;
  bits = chosen << 23;
  memcpy(&out.scale, &bits, sizeof bits);
  bits = (254 - chosen) << 23;
  memcpy(&out.inverse, &bits, sizeof bits);
  return out;
}

// To nearest even; NaN stays NaN.
TOLLGATE_BOTH std::uint16_t float_to_bf16(float value) {
  std::uint32_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

}  // namespace tollgate::local::gpu
