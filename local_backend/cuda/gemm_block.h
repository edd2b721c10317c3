// What the two shapes of block of a product have in common: the work of a block, and the way of activations into shared
// memory. Included by .cu files alone.
#pragma once

#include "local_backend/cuda/gemm_split.h"
#include "local_backend/cuda/gemm_unit.h"

namespace tollgate::local::gpu {

// A matrix times some rows. Row i of them is row tokens[first + i] of x, or row first + i without `tokens`; it is
// written as row first + i of each part of out.
struct GemmWork {
  const std::byte* values = nullptr;
  const std::byte* scales = nullptr;
  int rows = 0, columns = 0;
  GemmSplit split;
  Activations x;
  const std::int32_t* tokens = nullptr;
  int first = 0, count = 0;
  float* out = nullptr;
  std::size_t part_stride = 0;

  TOLLGATE_DEVICE int units() const { return matrix_units(columns); }
  TOLLGATE_DEVICE int row_of_x(int i) const { return tokens == nullptr ? first + i : tokens[first + i]; }
  TOLLGATE_DEVICE float* out_at(int part, int i) const {
    return out + static_cast<std::size_t>(part) * part_stride +
           static_cast<std::size_t>(first + i) * static_cast<std::size_t>(rows);
  }
  template <class Format>
  TOLLGATE_DEVICE const std::byte* unit_values(int tile, int unit) const {
    return values +
           (static_cast<std::size_t>(tile) * static_cast<std::size_t>(units()) + static_cast<std::size_t>(unit)) *
               Format::kUnitBytes;
  }
  template <class Format>
  TOLLGATE_DEVICE const std::byte* unit_scales(int tile, int unit) const {
    return scales +
           (static_cast<std::size_t>(tile) * static_cast<std::size_t>(units()) + static_cast<std::size_t>(unit)) *
               Format::kScaleBytes;
  }
  // The factor of a row that a format of 16 bits has; `row` below the padded number of rows.
  template <class Format>
  TOLLGATE_DEVICE float row_scale(int row) const {
    return Format::kScaleWords > 0 ? 1.0f : reinterpret_cast<const float*>(scales)[row];
  }
};

// A token's 64 columns in shared memory: 128 bytes of halves, two sums, and room that moves the next token by 8 banks:
// reading a fragment, 16 lanes at a time (4 tokens x 32 bytes), touches each bank once.
inline constexpr int kTokenBytes = 160;
inline constexpr int kSumsAt = 128;

// A thread's share of the copies of some tokens' columns: 16 bytes of one token.
struct TokenCopy {
  const std::byte* from = nullptr;  // nullptr: a token that is not there; its columns become zeros
  int column = 0;                   // in the unit
  int to = 0;                       // byte in the stage

  TOLLGATE_DEVICE TokenCopy(const GemmWork& work, int token, int piece)
      : column(piece * 8), to(token * kTokenBytes + piece * 16) {
    if (token >= work.count) return;
    const std::size_t row = static_cast<std::size_t>(work.row_of_x(token)) * static_cast<std::size_t>(work.columns);
    from = static_cast<const std::byte*>(work.x.values) + (row + static_cast<std::size_t>(column)) * 2;
  }
  TOLLGATE_DEVICE void copy(const GemmWork& work, int unit, std::byte* stage) const {
    const bool valid = from != nullptr && unit * kUnitColumns + column < work.columns;
    copy_async(stage + to, valid ? from + static_cast<std::size_t>(unit) * kUnitColumns * 2 : from, valid);
  }
};

// The same for one of a token's two sums of a unit.
struct SumCopy {
  const float* from = nullptr;
  int group = 0;
  int to = 0;

  TOLLGATE_DEVICE SumCopy(const GemmWork& work, int token, int which)
      : group(which), to(token * kTokenBytes + kSumsAt + which * 4) {
    if (token >= work.count) return;
    from = work.x.sums +
           static_cast<std::size_t>(work.row_of_x(token)) * static_cast<std::size_t>(work.columns / kSumGroup);
  }
  TOLLGATE_DEVICE void copy(const GemmWork& work, int unit, std::byte* stage) const {
    const int at = unit * (kUnitColumns / kSumGroup) + group;
    const bool valid = from != nullptr && at < work.columns / kSumGroup;
    copy_word_async(stage + to, valid ? from + at : from, valid);
  }
};

// 1 / scale, exact for a power of two: sums are kept in the units of the halves until the scale is applied at the end.
TOLLGATE_DEVICE float inverse_of(float scale) { return scale == 0 ? 0.0f : 1.0f / scale; }

}  // namespace tollgate::local::gpu
