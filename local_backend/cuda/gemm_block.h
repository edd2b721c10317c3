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

// Room for a block's work in shared memory, where it waits for the end of the block: registers are scarce until then.
inline constexpr int kWorkBytes = (static_cast<int>(sizeof(GemmWork)) + 15) / 16 * 16;

// A token's 64 columns in shared memory: 128 bytes of halves, two sums, and room that moves the next token by 8 banks:
// reading a fragment, 16 lanes at a time (4 tokens x 32 bytes), touches each bank once.
inline constexpr int kTokenBytes = 160;
inline constexpr int kSumsAt = 128;

// A thread's share of the copies of some tokens' columns: 16 bytes of one token, of one unit after the other.
class TokenCopy {
 public:
  TOLLGATE_DEVICE TokenCopy(const GemmWork& work, int token, int piece, int first_unit)
      : values_(static_cast<const std::byte*>(work.x.values)),
        to_(token * kTokenBytes + piece * 16),
        column_(piece * 8),
        there_(token < work.count) {
    if (!there_) return;
    from_ = static_cast<unsigned>(work.row_of_x(token)) * static_cast<unsigned>(work.columns / 8) +
            static_cast<unsigned>(first_unit * kUnitPieces + piece);
  }
  TOLLGATE_DEVICE bool is_there() const { return there_; }
  // Zeros for a token that is not there, and behind the last of the `left` columns from the unit's first one on.
  TOLLGATE_DEVICE void next(std::byte* stage, int left) {
    copy_async(stage + to_, values_ + std::size_t{16} * from_, there_ && column_ < left);
    from_ += kUnitPieces;
  }

 private:
  static constexpr int kUnitPieces = kUnitColumns / 8;

  const std::byte* values_;
  unsigned from_ = 0;  // pieces of 16 bytes, which saves a register over an address
  int to_;             // byte in the stage
  int column_;
  bool there_;
};

// The same for one of a token's two sums, which is brought into the units of the halves: the scale of the row, a power
// of two, comes at the end.
class SumCopy {
 public:
  TOLLGATE_DEVICE SumCopy(const GemmWork& work, int token, int which, int first_unit)
      : sums_(work.x.sums),
        to_(token * kTokenBytes + kSumsAt + which * 4),
        column_(which * kSumGroup),
        there_(token < work.count) {
    if (!there_) return;
    const int row = work.row_of_x(token);
    from_ = static_cast<unsigned>(row) * static_cast<unsigned>(work.columns / kSumGroup) +
            static_cast<unsigned>(first_unit * kUnitSums + which);
    const float scale = work.x.scales[row];
    inverse_ = scale == 0 ? 0.0f : 1.0f / scale;
  }
  TOLLGATE_DEVICE bool is_there() const { return there_; }
  TOLLGATE_DEVICE void next(std::byte* stage, int left) {
    copy_word_async(stage + to_, sums_ + from_, there_ && column_ < left);
    from_ += kUnitSums;
  }
  // REQUIRES: the stage's copies of this thread have landed, and nobody reads them yet.
  TOLLGATE_DEVICE void finish(std::byte* stage) const { *reinterpret_cast<float*>(stage + to_) *= inverse_; }

 private:
  static constexpr int kUnitSums = kUnitColumns / kSumGroup;

  const float* sums_;
  unsigned from_ = 0;
  int to_;
  int column_;
  bool there_;
  float inverse_ = 0;
};

}  // namespace tollgate::local::gpu
