// What the kernels of rows share: rows of floats four columns at a time, sums and maxima over a block. Included by .cu
// files alone.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "local_backend/cuda/fp8.h"
#include "local_backend/cuda/gpu.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {

inline constexpr int kMaxWarps = 32;  // of a block: floats of a reduction's scratch

// Over the block; every thread gets the result, added in an order that depends on the block's size alone. `scratch`:
// [kMaxWarps] of shared memory that nothing else uses until after the next barrier behind this one's.
TOLLGATE_DEVICE float block_sum(float value, float* scratch) {
  value = warp_sum(value);
  if (lane_index() == 0) scratch[warp_index()] = value;
  sync_block();
  return warp_sum(lane_index() < block_threads() / kWarp ? scratch[lane_index()] : 0.0f);
}
// Of numbers that are not negative; NaN counts as nothing.
TOLLGATE_DEVICE float block_max(float value, float* scratch) {
  value = warp_max(value > 0 ? value : 0.0f);
  if (lane_index() == 0) scratch[warp_index()] = value;
  sync_block();
  return warp_max(lane_index() < block_threads() / kWarp ? scratch[lane_index()] : 0.0f);
}

struct Floats4 {
  float at[4];
};

// 16-byte aligned.
TOLLGATE_DEVICE Floats4 load_floats(const float* from) {
  const Words4 words = load_words(from);
  Floats4 floats;
  memcpy(&floats, &words, sizeof floats);
  return floats;
}
TOLLGATE_DEVICE void store_floats(float* to, const Floats4& floats) {
  Words4 words;
  memcpy(&words, &floats, sizeof words);
  store_words(to, words);
}

struct alignas(8) Words2 {
  std::uint32_t x, y;
};

// Four values times `inverse` as e4m3.
TOLLGATE_DEVICE std::uint32_t fp8_word(const Floats4& values, float inverse) {
  std::uint32_t word = 0;
  TOLLGATE_UNROLL
  for (int i = 0; i < 4; ++i) word |= static_cast<std::uint32_t>(float_to_fp8(values.at[i] * inverse)) << (8 * i);
  return word;
}

// Writes four values times `inverse` as halves (8-byte aligned); gives the sum of what is written, ((a + b) + c) + d.
TOLLGATE_DEVICE float write_halves(std::uint16_t* to, const Floats4& values, float inverse) {
  const std::uint32_t low = pack_halves(values.at[0] * inverse, values.at[1] * inverse);
  const std::uint32_t high = pack_halves(values.at[2] * inverse, values.at[3] * inverse);
  *reinterpret_cast<Words2*>(to) = Words2{low, high};
  return ((low_half(low) + high_half(low)) + low_half(high)) + high_half(high);
}

// sums[i] += columns [column + i * step, + 4) of row `row`, part after part; columns from `end` on are left out. All
// loads of a part are under way together.
template <int kCount>
TOLLGATE_DEVICE void add_parts(Floats4 (&sums)[kCount], const Partials& parts, int row, int column, int step, int end) {
  const float* from = parts.data + row * parts.row_stride + column;
  for (int part = 0; part < parts.parts; ++part, from += parts.part_stride) {
    TOLLGATE_UNROLL
    for (int i = 0; i < kCount; ++i) {
      if (column + i * step >= end) continue;
      const Floats4 more = load_floats(from + i * step);
      TOLLGATE_UNROLL
      for (int j = 0; j < 4; ++j) sums[i].at[j] += more.at[j];
    }
  }
}

// The same for a vector of one value for each column; nullptr adds nothing.
template <int kCount>
TOLLGATE_DEVICE void add_vector(Floats4 (&sums)[kCount], const float* vector, int column, int step, int end) {
  if (vector == nullptr) return;
  const Partials one{.data = vector, .parts = 1, .part_stride = 0, .row_stride = 0};
  add_parts<kCount>(sums, one, 0, column, step, end);
}

// Threads of a block in which each thread has `chunks` times four columns of a row at once, if the row is not too long.
inline unsigned threads_for(int columns, int chunks, int most_warps = kMaxWarps) {
  const int warps = (columns + 4 * kWarp * chunks - 1) / (4 * kWarp * chunks);
  return static_cast<unsigned>((warps < 1 ? 1 : warps > most_warps ? most_warps : warps) * kWarp);
}

}  // namespace tollgate::local::gpu
