// The block for more tokens: 128 rows of weights, 16 for each of its 8 warps, times up to 64 tokens over the columns of
// one part. Weights and activations go through a ring of stages in shared memory, a unit of 64 columns each; the
// activations are shared by the warps. Included by .cu files alone.
//
// Arithmetic for 64 tokens of 4 bits with minima on an H200: a unit of the block, 8,192 weights, is 256 products of 16
// x 8 x 16 (at 60 % of a multiprocessor's 2,048 multiplications in a cycle: 430 cycles), 64 KB of fragments read from
// shared memory (512 cycles) and about 300 instructions of each warp (600 cycles at 4 in a cycle): expected are 40 % of
// the tensor cores' peak, 4096 x 4096 x 64 in 6 us. With 16 tokens all of that is a quarter and memory is the bound:
// seven stages of 5 KB of weights are under way in each of the two blocks of a multiprocessor, 70 KB where 25 are
// needed (see gemm_few.h). Registers: 128 at most, two blocks; no spills.
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
  static constexpr int kScalesBytes = kMostTokens * 4;  // of each token
  static constexpr int kTotalsBytes = kGemmThreads * kTokenTiles * 16;
  static constexpr int kTotalsAt = kWorkBytes + kScalesBytes;
  static constexpr int kStagesAt = kTotalsAt + kTotalsBytes;
  // As many as fit into 98 KB, so that two blocks fit into a multiprocessor of an H200, and one into those of the
  // smaller devices, where a block may have 99 KB; two to eight.
  static constexpr int kFit = (98 * 1024 - kStagesAt) / kStageBytes;
  static_assert(kFit >= 2);
  static constexpr int kStages = kFit > 8 ? 8 : kFit;
  static constexpr std::size_t kSharedBytes = kStagesAt + kStages * kStageBytes;
};

// The activations of a stage for one lane.
struct ManyTokens {
  const std::byte* halves;  // of token g, its columns
  const std::byte* sums;    // of token 2t

  TOLLGATE_DEVICE Words2 fragment(int n, int step) const {
    return *reinterpret_cast<const Words2*>(halves + n * 8 * kTokenBytes + step * 32);
  }
  TOLLGATE_DEVICE float sum(int n, int group, int i) const {
    return reinterpret_cast<const float*>(sums + (n * 8 + i) * kTokenBytes)[group];
  }
};

// Fills one stage after the other: the warp's own rows of weights, the thread's share of the activations.
template <class Format, int kTokenTiles>
class ManyFetch {
 public:
  using Shape = ManyShape<Format, kTokenTiles>;

  TOLLGATE_DEVICE ManyFetch(const GemmWork& work, int tile, int begin)
      : values_(work.unit_values<Format>(tile, begin) + lane_index() * 16),
        scales_(work.unit_scales<Format>(tile, begin) + lane_index() * 16),
        own_(tile < matrix_tiles(work.rows)) {}

  TOLLGATE_DEVICE bool own() const { return own_; }

  TOLLGATE_DEVICE void weights(std::byte* stage) {
    if (!own_) return;
    std::byte* const to = stage + warp_index() * Shape::kWarpBytes + lane_index() * 16;
    TOLLGATE_UNROLL
    for (int i = 0; i < Format::kPieces; ++i) copy_async(to + i * 512, values_ + i * 512);
    if (lane_index() * 16 < Format::kScaleBytes) copy_async(to + Format::kUnitBytes, scales_);
    values_ += Format::kUnitBytes;
    scales_ += Format::kScaleBytes;
  }

 private:
  const std::byte* values_;
  const std::byte* scales_;
  const bool own_;
};

template <class Format, int kTokenTiles>
class ManyTokenFetch {
 public:
  using Shape = ManyShape<Format, kTokenTiles>;

  // REQUIRES: the predecessor is done.
  TOLLGATE_DEVICE ManyTokenFetch(const GemmWork& work, int begin)
      : first_(work, thread_index() / 8, thread_index() % 8, begin),
        second_(work, kTokensAtOnce + thread_index() / 8, thread_index() % 8, begin),
        sums_(work, Format::kMinimum ? thread_index() / 2 : kMostTokens, thread_index() % 2, begin),
        columns_(work.columns - begin * kUnitColumns) {}

  TOLLGATE_DEVICE void next(std::byte* stage) {
    std::byte* const to = stage + Shape::kTokensAt;
    if (thread_index() < Shape::kTokens * 8) first_.next(to, columns_);
    if constexpr (Shape::kTokens > kTokensAtOnce) second_.next(to, columns_);
    if (Format::kMinimum && thread_index() < Shape::kTokens * 2) sums_.next(to, columns_);
    columns_ -= kUnitColumns;
  }
  // REQUIRES: the stage's copies of this thread have landed, and nobody reads them yet.
  TOLLGATE_DEVICE void finish(std::byte* stage) const {
    if (Format::kMinimum && thread_index() < Shape::kTokens * 2) sums_.finish(stage + Shape::kTokensAt);
  }

 private:
  static constexpr int kTokensAtOnce = kGemmThreads / 8;
  static_assert(Shape::kTokens <= 2 * kTokensAtOnce);

  TokenCopy first_, second_;
  SumCopy sums_;
  int columns_;  // that are left
};

// Sums over the chunks that are done, in shared memory, each thread its own: they are touched once for each chunk.
template <int kTokenTiles>
class ManyTotals {
 public:
  TOLLGATE_DEVICE explicit ManyTotals(std::byte* shared) : mine_(reinterpret_cast<float*>(shared) + thread_index()) {
    TOLLGATE_UNROLL
    for (int i = 0; i < kTokenTiles * 4; ++i) at(i) = 0;
  }
  TOLLGATE_DEVICE void close(float (&acc)[kTokenTiles][4]) {
    TOLLGATE_UNROLL
    for (int i = 0; i < kTokenTiles * 4; ++i) at(i) += acc[i / 4][i % 4], acc[i / 4][i % 4] = 0;
  }
  TOLLGATE_DEVICE float& at(int i) { return mine_[i * kGemmThreads]; }

 private:
  float* const mine_;
};

template <class Format, int kTokenTiles>
TOLLGATE_DEVICE void write_many(const GemmWork& work, int tile, int part, const float* scales,
                                ManyTotals<kTokenTiles>& totals) {
  const int lane = lane_index();
  TOLLGATE_UNROLL
  for (int n = 0; n < kTokenTiles; ++n) {
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int token = n * 8 + lane % 4 * 2 + i % 2, row = tile * kTileRows + lane / 4 + i / 2 * 8;
      if (token < work.count && row < work.rows)
        work.out_at(part, token)[row] = totals.at(n * 4 + i) * (scales[token] * work.row_scale<Format>(row));
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
  auto* const kept = reinterpret_cast<GemmWork*>(shared_memory());
  if (thread_index() == 0) *kept = work;
  auto* const scales = reinterpret_cast<float*>(shared_memory() + kWorkBytes);
  std::byte* const stages = shared_memory() + Shape::kStagesAt;
  ManyFetch<Format, kTokenTiles> weights(work, tile, begin);
  for (int i = 0; i < Shape::kStages - 1 && begin + i < end; ++i) weights.weights(stages + i * Shape::kStageBytes);
  ManyTotals<kTokenTiles> totals(shared_memory() + Shape::kTotalsAt);
  let_next_kernel_start();
  wait_for_previous_kernel();
  ManyTokenFetch<Format, kTokenTiles> tokens(work, begin);
  for (int i = 0; i < Shape::kStages - 1; ++i) {
    if (begin + i < end) tokens.next(stages + i * Shape::kStageBytes);
    commit_copies();
  }
  for (int token = thread_index(); token < Shape::kTokens; token += kGemmThreads)
    scales[token] = token < work.count ? work.x.scales[work.row_of_x(token)] : 0.0f;
  float acc[kTokenTiles][4] = {};
  int chunk_end = work.split.first_unit(chunk + 1, units), stage = 0, free_stage = Shape::kStages - 1;
  for (int unit = begin; unit < end; ++unit) {
    std::byte* const here = stages + stage * Shape::kStageBytes;
    wait_copies<Shape::kStages - 2>();
    tokens.finish(here);
    sync_block();  // everybody's copies of this unit have landed, and the stage of the unit before is free
    if (unit + Shape::kStages - 1 < end) {
      weights.weights(stages + free_stage * Shape::kStageBytes);
      tokens.next(stages + free_stage * Shape::kStageBytes);
    }
    commit_copies();
    if (unit == chunk_end) {
      totals.close(acc);
      while (unit == chunk_end) chunk_end = work.split.first_unit(++chunk + 1, units);
    }
    if (weights.own()) {
      const std::byte* const there = here + Shape::kTokensAt;
      const ManyTokens x{there + lane / 4 * kTokenBytes + lane % 4 * 8, there + lane % 4 * 2 * kTokenBytes + kSumsAt};
      const std::byte* const mine = here + warp_index() * Shape::kWarpBytes;
      multiply_unit<Format, kTokenTiles>(read_unit<Format>(mine, mine + Format::kUnitBytes), x, acc);
    }
    free_stage = stage;
    stage = stage + 1 == Shape::kStages ? 0 : stage + 1;
  }
  totals.close(acc);
  sync_block();  // `kept` and the scales, if there was no unit
  if (weights.own()) write_many<Format, kTokenTiles>(*kept, tile, part, scales, totals);
}

}  // namespace tollgate::local::gpu
