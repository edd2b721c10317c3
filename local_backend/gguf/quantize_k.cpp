#include "local_backend/gguf/quantize_k.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "local_backend/gguf/block_bits.h"

namespace tollgate::local {
namespace {

using bits::kSuper;

constexpr std::size_t kAffine = 32;  // elements of a q4_k group
constexpr std::size_t kSigned = 16;  // of a q6_k group
constexpr std::size_t kAffineGroups = kSuper / kAffine;
constexpr std::size_t kSignedGroups = kSuper / kSigned;

// Four floats that the compiler keeps in one register of any x86-64; sums in four parts are the same on every machine.
constexpr std::size_t kLanes = 4;
using Lanes [[gnu::vector_size(kLanes * sizeof(float))]] = float;

Lanes load_lanes(const float* from) {
  Lanes out;
  std::memcpy(&out, from, sizeof(out));
  return out;
}

float sum_of(Lanes parts) { return (parts[0] + parts[2]) + (parts[1] + parts[3]); }

// To nearest even: adding 1.5 * 2^23 leaves no bits for the fraction. The bounds must be far below that.
template <class T>
T clamped(T value, float low, float high) {
  constexpr float kNoFraction = 12582912.0f;
  const T least = T{} + low, most = T{} + high;
  value = value < least ? least : value;
  value = value > most ? most : value;
  return (value + kNoFraction) - kNoFraction;
}

// The nearest half; among the subnormal ones, whose steps are coarse, none nearer to zero than `value`, so that the
// integers that multiply it still reach the largest scale.
std::uint16_t covering_half(float value) {
  const std::uint16_t half = f32_to_f16(value);
  const bool subnormal = (half & 0x7C00) == 0;
  return subnormal && std::abs(f16_to_f32(half)) < std::abs(value) ? static_cast<std::uint16_t>(half + 1) : half;
}

// x is about scale * q - min, with q in 0..15 and min >= 0.
struct Affine {
  float scale = 0, min = 0;
};

float affine_error(const float* x, Affine fit) {
  const float inverse = fit.scale > 0 ? 1 / fit.scale : 0;
  Lanes error{};
  for (std::size_t i = 0; i < kAffine; i += kLanes) {
    const Lanes value = load_lanes(x + i), q = clamped((value + fit.min) * inverse, 0, 15);
    const Lanes off = fit.scale * q - fit.min - value;
    error += off * off;
  }
  return sum_of(error);
}

// The least squares line through the points (q, x), where q is x on the grid of `grid`.
Affine affine_refit(const float* x, Affine grid) {
  const float inverse = 1 / grid.scale;
  Lanes q_lanes{}, qq_lanes{}, x_lanes{}, qx_lanes{};
  for (std::size_t i = 0; i < kAffine; i += kLanes) {
    const Lanes value = load_lanes(x + i), q = clamped((value + grid.min) * inverse, 0, 15);
    q_lanes += q;
    qq_lanes += q * q;
    x_lanes += value;
    qx_lanes += q * value;
  }
  const float q1 = sum_of(q_lanes), q2 = sum_of(qq_lanes), x1 = sum_of(x_lanes), qx = sum_of(qx_lanes);
  const float n = kAffine, determinant = n * q2 - q1 * q1;
  if (determinant <= 0) return grid;
  const Affine line{(n * qx - q1 * x1) / determinant, (q1 * qx - q2 * x1) / determinant};
  if (line.min >= 0) return line.scale > 0 ? line : grid;
  return qx > 0 && q2 > 0 ? Affine{qx / q2, 0} : grid;
}

Affine best_affine(const float* x) {
  const auto [low, high] = std::minmax_element(x, x + kAffine);
  const float min = std::min(*low, 0.0f);
  const float range = *high - min;
  Affine best{range / 15, -min};
  if (!(range > 0) || !std::isfinite(15 / range)) return {0, -min};
  float best_error = affine_error(x, best);
  // Grids a little coarser and finer than the one that just spans the range: few far points may be worth clipping.
  for (int step = -10; step <= 6; ++step) {
    const Affine fit = affine_refit(x, {range / (15 + 0.25f * static_cast<float>(step)), -min});
    const float error = affine_error(x, fit);
    if (error < best_error) {
      best_error = error;
      best = fit;
    }
  }
  return best;
}

// The pair of 6-bit numbers near `wanted` that fits best once the block's two halves are fixed.
bits::ScaleMin best_pair(const float* x, Affine wanted, float d, float dmin) {
  const int scale = d > 0 ? static_cast<int>(clamped(wanted.scale / d, 0, 63)) : 0;
  const int min = dmin > 0 ? static_cast<int>(clamped(wanted.min / dmin, 0, 63)) : 0;
  bits::ScaleMin best;
  float best_error = -1;
  for (int s = std::max(scale - 1, 0); s <= std::min(scale + 1, 63); ++s) {
    for (int m = std::max(min - 1, 0); m <= std::min(min + 1, 63); ++m) {
      const float error = affine_error(x, {d * static_cast<float>(s), dmin * static_cast<float>(m)});
      if (best_error >= 0 && error >= best_error) continue;
      best_error = error;
      best = {static_cast<std::uint8_t>(s), static_cast<std::uint8_t>(m)};
    }
  }
  return best;
}

// x is about scale * q, with q in -32..31; the scale may be negative.
float signed_error(const float* x, float scale) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  Lanes error{};
  for (std::size_t i = 0; i < kSigned; i += kLanes) {
    const Lanes value = load_lanes(x + i), off = scale * clamped(value * inverse, -32, 31) - value;
    error += off * off;
  }
  return sum_of(error);
}

float signed_refit(const float* x, float inverse) {
  Lanes qq_lanes{}, qx_lanes{};
  for (std::size_t i = 0; i < kSigned; i += kLanes) {
    const Lanes value = load_lanes(x + i), q = clamped(value * inverse, -32, 31);
    qq_lanes += q * q;
    qx_lanes += q * value;
  }
  const float q2 = sum_of(qq_lanes);
  return q2 > 0 ? sum_of(qx_lanes) / q2 : 0;
}

float best_signed(const float* x) {
  const float peak = *std::max_element(x, x + kSigned, [](float a, float b) { return std::abs(a) < std::abs(b); });
  if (peak == 0 || !std::isfinite(64 / peak)) return 0;
  float best = 0, best_error = -1;
  // The peak goes to -32 or a little beside it; the grid has one step more on that side.
  for (int step = -8; step <= 8; ++step) {
    const float scale = signed_refit(x, (-32 + 0.25f * static_cast<float>(step)) / peak);
    const float error = signed_error(x, scale);
    if (best_error >= 0 && error >= best_error) continue;
    best_error = error;
    best = scale;
  }
  return best;
}

int best_signed_scale(const float* x, float wanted, float d) {
  if (d == 0) return 0;
  const int middle = static_cast<int>(clamped(wanted / d, -128, 127));
  int best = middle;
  float best_error = signed_error(x, d * static_cast<float>(middle));
  for (const int scale : {middle - 1, middle + 1}) {
    if (scale < -128 || scale > 127) continue;
    const float error = signed_error(x, d * static_cast<float>(scale));
    if (error >= best_error) continue;
    best_error = error;
    best = scale;
  }
  return best;
}

}  // namespace

void quantize_q4_k(const float* values, std::uint8_t* out) {
  std::array<Affine, kAffineGroups> fits;
  Affine most;
  for (std::size_t group = 0; group < kAffineGroups; ++group) {
    fits[group] = best_affine(values + group * kAffine);
    most = {std::max(most.scale, fits[group].scale), std::max(most.min, fits[group].min)};
  }
  const std::uint16_t d_half = covering_half(most.scale / 63), dmin_half = covering_half(most.min / 63);
  const float d = f16_to_f32(d_half), dmin = f16_to_f32(dmin_half);
  bits::store(out, d_half);
  bits::store(out + 2, dmin_half);
  std::fill(out + 4, out + 144, std::uint8_t{0});
  for (std::size_t group = 0; group < kAffineGroups; ++group) {
    const float* x = values + group * kAffine;
    const bits::ScaleMin pair = best_pair(x, fits[group], d, dmin);
    bits::pack_scale_min(out + 4, group, pair);
    const float scale = d * static_cast<float>(pair.scale), min = dmin * static_cast<float>(pair.min);
    const float inverse = scale > 0 ? 1 / scale : 0;
    for (std::size_t i = 0; i < kAffine; ++i) {
      const auto q = static_cast<unsigned>(clamped((x[i] + min) * inverse, 0, 15));
      out[16 + group / 2 * 32 + i] |= static_cast<std::uint8_t>(q << group % 2 * 4);
    }
  }
}

void quantize_q6_k(const float* values, std::uint8_t* out) {
  std::array<float, kSignedGroups> fits{};
  float most = 0;
  for (std::size_t group = 0; group < kSignedGroups; ++group) {
    fits[group] = best_signed(values + group * kSigned);
    if (std::abs(fits[group]) > std::abs(most)) most = fits[group];
  }
  const std::uint16_t d_half = covering_half(most / -128);
  const float d = f16_to_f32(d_half);
  std::fill(out, out + 208, std::uint8_t{0});
  bits::store(out + 208, d_half);
  for (std::size_t group = 0; group < kSignedGroups; ++group) {
    const float* x = values + group * kSigned;
    const int steps = best_signed_scale(x, fits[group], d);
    out[192 + group] = static_cast<std::uint8_t>(static_cast<std::int8_t>(steps));
    const float scale = d * static_cast<float>(steps);
    const float inverse = scale != 0 ? 1 / scale : 0;
    for (std::size_t i = 0; i < kSigned; ++i) {
      const auto q = static_cast<unsigned>(static_cast<int>(clamped(x[i] * inverse, -32, 31)) + 32);
      const std::size_t at = group * kSigned + i, half = at / 128, part = at % 128 / 32, column = at % 32;
      out[half * 64 + part % 2 * 32 + column] |= static_cast<std::uint8_t>((q & 15) << part / 2 * 4);
      out[128 + half * 32 + column] |= static_cast<std::uint8_t>(q >> 4 << part * 2);
    }
  }
}

}  // namespace tollgate::local
