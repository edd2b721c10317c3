// A warp's product of one unit of weights, 16 rows x 64 columns (matrix_layout.h), with tokens, 8 at a time. The
// integers become halves without rounding, one product for each group of columns has no rounding but that of its sums,
// and the scale comes after it, in float. Included by .cu files alone.
#pragma once

#include "local_backend/cuda/gpu.h"
#include "local_backend/cuda/matrix_layout.h"

namespace tollgate::local::gpu {

struct alignas(8) Words2 {
  std::uint32_t x, y;
};

template <int bits, int group, bool minimum>
struct GemmFormat {
  static constexpr int kBits = bits;
  static constexpr bool kMinimum = minimum;
  static constexpr int kPieces = bits / 4;  // 16 bytes of a lane in a unit
  static constexpr int kGroups = group == 0 ? 1 : kUnitColumns / group;
  static constexpr int kGroupSteps = 4 / kGroups;  // of 16 columns
  static constexpr int kScaleWords = group == 0 ? 0 : kGroups * (minimum ? 2 : 1);
  static constexpr int kUnitBytes = 128 * bits;
  static constexpr int kScaleBytes = 32 * kScaleWords;
};

template <class Format>
struct GemmUnit {
  Words4 values[Format::kPieces];
  std::uint32_t scales;  // word t % kScaleWords of the lane's pair of rows
};

// The lane's share of the unit at `values` and `scales`, which lie in device or shared memory.
template <class Format>
TOLLGATE_DEVICE GemmUnit<Format> read_unit(const std::byte* values, const std::byte* scales) {
  const int lane = lane_index();
  GemmUnit<Format> out;
  TOLLGATE_UNROLL
  for (int i = 0; i < Format::kPieces; ++i) out.values[i] = load_words(values + i * 512 + lane * 16);
  if constexpr (Format::kScaleWords > 0) {
    const int word = lane / 4 * Format::kScaleWords + lane % 4 % Format::kScaleWords;
    out.scales = reinterpret_cast<const std::uint32_t*>(scales)[word];
  }
  return out;
}

TOLLGATE_DEVICE std::uint32_t word_of(const Words4& words, int i) {
  return i == 0 ? words.x : i == 1 ? words.y : i == 2 ? words.z : words.w;
}

// Four bits in the lowest place of each half under the exponent of 1024: 1024 + q; in the next place: 1024 + 16 q.
TOLLGATE_DEVICE void unpack_nibbles(std::uint32_t word, int zero, std::uint32_t (&a)[4]) {
  const std::uint32_t low_offset = both_halves(static_cast<std::uint16_t>(0x6400 + zero));        // 1024 + zero
  const std::uint32_t high_offset = both_halves(static_cast<std::uint16_t>(0xD400 + 16 * zero));  // -(64 + zero)
  const std::uint32_t sixteenth = both_halves(0x2C00);
  TOLLGATE_UNROLL
  for (int pair = 0; pair < 2; ++pair) {
    const std::uint32_t low = (word & 0x000F000F) | 0x64006400, high = (word & 0x00F000F0) | 0x64006400;
    a[2 * pair] = half2_sub(low, low_offset);
    a[2 * pair + 1] = half2_fma(high, sixteenth, high_offset);
    word >>= 8;
  }
}

TOLLGATE_DEVICE void unpack_bytes(std::uint32_t first, std::uint32_t second, int zero, std::uint32_t (&a)[4]) {
  const std::uint32_t offset = both_halves(static_cast<std::uint16_t>(0x6400 + zero));
  a[0] = half2_sub(pick_bytes(first, 0x64646464, 0x4140), offset);
  a[1] = half2_sub(pick_bytes(first, 0x64646464, 0x4342), offset);
  a[2] = half2_sub(pick_bytes(second, 0x64646464, 0x4140), offset);
  a[3] = half2_sub(pick_bytes(second, 0x64646464, 0x4342), offset);
}

// The A fragment of columns [16 step, 16 step + 16).
template <class Format>
TOLLGATE_DEVICE void unpack(const GemmUnit<Format>& unit, int step, std::uint32_t (&a)[4]) {
  if constexpr (Format::kBits == 4) {
    unpack_nibbles(word_of(unit.values[0], step), Format::kMinimum ? 0 : 8, a);
  } else if constexpr (Format::kBits == 8) {
    const Words4& words = unit.values[step / 2];
    const int first = step % 2 * 2;
    unpack_bytes(word_of(words, first), word_of(words, first + 1), Format::kMinimum ? 0 : 128, a);
  } else {
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) a[i] = word_of(unit.values[step], i);
  }
}

// Word `word` of the scales of the lane's rows g (lower half) and g + 8.
template <class Format>
TOLLGATE_DEVICE std::uint32_t scales_of(const GemmUnit<Format>& unit, int word) {
  return shuffle(unit.scales, (lane_index() & ~3) | word);
}

// acc[n] += unit * tokens 8 n .. 8 n + 7, laid out as mma's d. `x` gives activations: fragment(n, step) is B's
// fragment, sum(n, group, i) the sum of a group of 32 columns of the lane's token 8 n + 2 t + i, in units of the
// halves.
template <class Format, int kTokenTiles, class X>
TOLLGATE_DEVICE void multiply_unit(const GemmUnit<Format>& unit, const X& x, float (&acc)[kTokenTiles][4]) {
  constexpr int kTogether = kTokenTiles < 4 ? kTokenTiles : 4;  // products under way at once
  TOLLGATE_UNROLL
  for (int group = 0; group < Format::kGroups; ++group) {
    std::uint32_t a[Format::kGroupSteps][4];
    TOLLGATE_UNROLL
    for (int i = 0; i < Format::kGroupSteps; ++i) unpack(unit, group * Format::kGroupSteps + i, a[i]);
    std::uint32_t scales = 0, minima = 0;
    if constexpr (Format::kScaleWords > 0) scales = scales_of(unit, group * (Format::kMinimum ? 2 : 1));
    if constexpr (Format::kMinimum) minima = scales_of(unit, group * 2 + 1);
    TOLLGATE_UNROLL
    for (int first = 0; first < kTokenTiles; first += kTogether) {
      float products[kTogether][4] = {};
      TOLLGATE_UNROLL
      for (int i = 0; i < Format::kGroupSteps; ++i) {
        TOLLGATE_UNROLL
        for (int n = 0; n < kTogether; ++n) {
          const Words2 words = x.fragment(first + n, group * Format::kGroupSteps + i);
          const std::uint32_t b[2] = {words.x, words.y};
          mma(Format::kScaleWords > 0 ? products[n] : acc[first + n], a[i], b);
        }
      }
      if constexpr (Format::kScaleWords > 0) {
        TOLLGATE_UNROLL
        for (int n = 0; n < kTogether; ++n) {
          TOLLGATE_UNROLL
          for (int i = 0; i < 4; ++i) {
            float& sum = acc[first + n][i];
            sum = float_fma(i < 2 ? low_half(scales) : high_half(scales), products[n][i], sum);
            if constexpr (Format::kMinimum)
              sum = float_fma(i < 2 ? low_half(minima) : high_half(minima), x.sum(first + n, group, i % 2), sum);
          }
        }
      }
    }
  }
}

}  // namespace tollgate::local::gpu
