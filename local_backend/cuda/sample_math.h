// The arithmetic of sampling on a device: the bits of sampling/row_math.h. Included by .cu files alone.
#pragma once

#include <cfloat>
#include <cstdint>
#include <cstring>

#include "local_backend/cuda/gpu.h"

namespace tollgate::local::gpu {

// Unsigned numbers in the same order as the floats. REQUIRES: no NaN, no -0.
TOLLGATE_DEVICE std::uint32_t key_of(float value) {
  std::uint32_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
TOLLGATE_DEVICE float float_of(std::uint32_t key) {
  const std::uint32_t bits = (key & 0x80000000u) != 0 ? key & 0x7FFFFFFFu : ~key;
  float value = 0;
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline constexpr std::uint32_t kLowestKey = 0x00800000u;  // of the lowest float that is finite

// NaN becomes minus infinity, plus infinity the largest float, -0 becomes 0.
TOLLGATE_DEVICE float clean_logit(float x) {
  const float value = x == x ? rounded_sum(x, 0.0f) : -INFINITY;
  return value > FLT_MAX ? FLT_MAX : value;
}

// exp(x) for x <= 0, 0 below -87: the steps of exp_below_zero() in sampling/row_math.cpp.
TOLLGATE_DEVICE float exp_below_zero(float x) {
  constexpr float kLowest = -87.0f, kRound = 12582912.0f;
  if (!(x >= kLowest)) return 0;
  const float n = rounded_sum(rounded_sum(rounded_product(x, 1.44269504f), kRound), -kRound);
  const float r = rounded_sum(rounded_sum(x, -rounded_product(n, 0.693359375f)), rounded_product(n, 2.12194440e-4f));
  float p = rounded_sum(rounded_product(r, 1.0f / 5040), 1.0f / 720);
  constexpr float kFactors[] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
  TOLLGATE_UNROLL
  for (int i = 0; i < 6; ++i) p = rounded_sum(rounded_product(p, r), kFactors[i]);
  std::uint32_t bits = 0;
  memcpy(&bits, &p, sizeof bits);
  bits += static_cast<std::uint32_t>(static_cast<std::int32_t>(n)) << 23;
  memcpy(&p, &bits, sizeof p);
  return p;
}

// Weights of logits at a temperature: 1 for the most likely one.
struct Weigher {
  float top, scale;
  TOLLGATE_DEVICE float operator()(float logit) const {
    return exp_below_zero(rounded_product(rounded_sum(logit, -top), scale));
  }
  // Logits below this one weigh less than `weight` for sure.
  TOLLGATE_DEVICE float logit_of(float weight) const { return top + (logf(weight) - 0.01f) / scale; }
};

}  // namespace tollgate::local::gpu
