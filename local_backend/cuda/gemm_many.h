// The block for more tokens: 128 rows of weights, 16 for each of its 8 warps, times up to 64 tokens over the columns of
// one part. Weights and activations go through a ring of stages in shared memory, a unit of 64 columns each; the
// activations are shared by the warps. Included by .cu files alone.
//
// Arithmetic for 64 tokens of 4 bits on an H200: a unit of the block, 8,192 weights, is 256 products of 16 x 8 x 16 (at
// 60 % of a multiprocessor's 2,048 multiplications in a cycle: 430 cycles), 64 KB of fragments read from shared memory
// (512 cycles) and about 250 instructions of each warp (500 cycles): expected are 45 % of the tensor cores' peak, or
// 4096 x 4096 x 64 in 5 us. With 16 tokens a quarter of that, and the memory is the bound: six stages of 5 KB of
// weights are under way in each of two blocks of a multiprocessor, 60 KB.
#pragma once

#include "local_backend/cuda/gemm_block.h"

namespace tollgate::local::gpu {

inline constexpr int kMostTokens = 64;  // of a block

template <class Format, int kTokenTiles>
struct ManyShape {
  static constexpr int kTokens = kTokenTiles * 8;
  static constexpr int kWarpBytes = Format::kUnitBytes + Format::kScaleBytes;
  static constexpr int kTokensAt = kGemmWarps * kWarpBytes;
  static constexpr int kStageBytes = kTokensAt + kTokens * kTokenBytes;
  // As many as fit into 100 KB, so that two blocks fit into a multiprocessor; three to eight.
  static constexpr int kFit = 100 * 1024 / kStageBytes;
  static constexpr int kStages = kFit < 3 ? 3 : kFit > 8 ? 8 : kFit;
  static constexpr int kScalesBytes = kMostTokens * 2 * 4;  // scale and inverse of each token, in front
  static constexpr std::size_t kSharedBytes = kScalesBytes + kStages * kStageBytes;
};

// The activations of a stage for one lane.
struct ManyTokens {
  const std::byte* halves;  // of token g, its columns
  const std::byte* sums;    // of token 2t
  const float* inverse;     // of token 2t

  TOLLGATE_DEVICE Words2 fragment(int n, int step) const {
    return *reinterpret_cast<const Words2*>(halves + n * 8 * kTokenBytes + step * 32);
  }
  TOLLGATE_DEVICE float sum(int n, int group, int i) const {
    return reinterpret_cast<const float*>(sums + (n * 8 + i) * kTokenBytes)[group] * inverse[n * 8 + i];
  }
};

// Fills stages: the warp's own rows of weights, the thread's share of the activations.
template <class Format, int kTokenTiles>
class ManyFetch {
 public:
  using Shape = ManyShape<Format, kTokenTiles>;
  static constexpr int kCopies = (Shape::kTokens * 8 + kGemmThreads - 1) / kGemmThreads;

  TOLLGATE_DEVICE ManyFetch(const GemmWork& work, int tile)
      : work_(work), tile_(tile), own_(tile < matrix_tiles(work.rows)) {}

  TOLLGATE_DEVICE bool own() const { return own_; }

  TOLLGATE_DEVICE void weights(int unit, std::byte* stage) const {
    if (!own_) return;
    std::byte* const to = stage + warp_index() * Shape::kWarpBytes;
    const int at = lane_index() * 16;
    const std::byte* const values = work_.unit_values<Format>(tile_, unit);
    TOLLGATE_UNROLL
    for (int i = 0; i < Format::kPieces; ++i) copy_async(to + at + i * 512, values + at + i * 512);
    if (at < Format::kScaleBytes) copy_async(to + Format::kUnitBytes + at, work_.unit_scales<Format>(tile_, unit) + at);
  }

  TOLLGATE_DEVICE void tokens(int unit, std::byte* stage) const {
    std::byte* const to = stage + Shape::kTokensAt;
    TOLLGATE_UNROLL
    for (int i = 0; i < kCopies; ++i) {
      const int at = thread_index() + i * kGemmThreads;
      if (at < Shape::kTokens * 8) TokenCopy(work_, at / 8, at % 8).copy(work_, unit, to);
    }
    if (Format::kMinimum && thread_index() < Shape::kTokens * 2)
      SumCopy(work_, thread_index() / 2, thread_index() % 2).copy(work_, unit, to);
  }

 private:
  const GemmWork& work_;
  const int tile_;
  const bool own_;
};

template <class Format>
TOLLGATE_DEVICE GemmUnit<Format> staged_unit(const std::byte* stage) {
  const int lane = lane_index();
  GemmUnit<Format> out;
  TOLLGATE_UNROLL
  for (int i = 0; i < Format::kPieces; ++i) out.values[i] = load_words(stage + i * 512 + lane * 16);
  if constexpr (Format::kScaleWords > 0) {
    const auto* scales = reinterpret_cast<const std::uint32_t*>(stage + Format::kUnitBytes);
    out.scales = scales[lane / 4 * Format::kScaleWords + lane % 4 % Format::kScaleWords];
  }
  return out;
}

template <class Format, int kTokenTiles>
TOLLGATE_DEVICE void write_many(const GemmWork& work, int tile, int part, const float* scales,
                                const float (&totals)[kTokenTiles][4]) {
  const int lane = lane_index();
  TOLLGATE_UNROLL
  for (int n = 0; n < kTokenTiles; ++n) {
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int token = n * 8 + lane % 4 * 2 + i % 2, row = tile * kTileRows + lane / 4 + i / 2 * 8;
      if (token < work.count && row < work.rows)
        work.out_at(part, token)[row] = totals[n][i] * (scales[token] * work.row_scale<Format>(row));
    }
  }
}

// REQUIRES: work.count is 1 to 8 * kTokenTiles; ManyShape's shared memory; whole blocks of kGemmThreads.
template <class Format, int kTokenTiles>
TOLLGATE_DEVICE void multiply_many(const GemmWork& work, int block_of_rows, int part) {
  using Shape = ManyShape<Format, kTokenTiles>;
  const int tile = block_of_rows * kGemmWarps + warp_index(), lane = lane_index(), units = work.units();
  int chunk = part * work.split.chunks_of_part;
  const int begin = work.split.first_unit(chunk, units);
  const int end = work.split.first_unit(chunk + work.split.chunks_of_part, units);
  auto* const scales = reinterpret_cast<float*>(shared_memory());
  float* const inverses = scales + kMostTokens;
  const auto stage_of = [&](int unit) {
    return shared_memory() + Shape::kScalesBytes + (unit - begin) % Shape::kStages * Shape::kStageBytes;
  };
  const ManyFetch<Format, kTokenTiles> fetch(work, tile);
  for (int unit = begin; unit < begin + Shape::kStages - 1 && unit < end; ++unit) fetch.weights(unit, stage_of(unit));
  let_next_kernel_start();
  wait_for_previous_kernel();
  for (int unit = begin; unit < begin + Shape::kStages - 1; ++unit) {
    if (unit < end) fetch.tokens(unit, stage_of(unit));
    commit_copies();
  }
  for (int token = thread_index(); token < Shape::kTokens; token += kGemmThreads) {
    scales[token] = token < work.count ? work.x.scales[work.row_of_x(token)] : 0.0f;
    inverses[token] = inverse_of(scales[token]);
  }
  float acc[kTokenTiles][4] = {}, totals[kTokenTiles][4] = {};
  const auto close_chunk = [&] {
    TOLLGATE_UNROLL
    for (int n = 0; n < kTokenTiles; ++n) {
      TOLLGATE_UNROLL
      for (int i = 0; i < 4; ++i) totals[n][i] += acc[n][i], acc[n][i] = 0;
    }
  };
  int chunk_end = work.split.first_unit(chunk + 1, units);
  sync_block();  // the scales
  for (int unit = begin; unit < end; ++unit) {
    wait_copies<Shape::kStages - 2>();
    sync_block();  // everybody's copies of this unit have landed, and the stage of the unit before is free
    if (const int next = unit + Shape::kStages - 1; next < end) {
      fetch.weights(next, stage_of(next));
      fetch.tokens(next, stage_of(next));
    }
    commit_copies();
    if (!fetch.own()) continue;
    if (unit == chunk_end) {
      close_chunk();
      while (unit == chunk_end) chunk_end = work.split.first_unit(++chunk + 1, units);
    }
    const std::byte* const stage = stage_of(unit);
    const std::byte* const tokens = stage + Shape::kTokensAt;
    const ManyTokens x{tokens + lane / 4 * kTokenBytes + lane % 4 * 8, tokens + lane % 4 * 2 * kTokenBytes + kSumsAt,
                       inverses + lane % 4 * 2};
    multiply_unit<Format, kTokenTiles>(staged_unit<Format>(stage + warp_index() * Shape::kWarpBytes), x, acc);
  }
  close_chunk();
  if (fetch.own()) write_many<Format, kTokenTiles>(work, tile, part, scales, totals);
}

}  // namespace tollgate::local::gpu
