// The block for up to 8 tokens: 16 rows of weights, a chunk of their columns for each of its 8 warps. Bound by the
// weights' way from memory: each lane keeps 64 to 128 bytes of them on their way in registers (four units of 4 bits,
// two of 8 or 16), the first of them before the kernel waits for its predecessor. Included by .cu files alone.
//
// Arithmetic for an H200 (132 multiprocessors at about 1.75 GHz, 4.8 TB/s: 20.7 bytes in a cycle for each of them), 4
// bits with minima, 640 bytes for a unit of 1,024 weights, one token. Under way: latency times bandwidth is 0.7 us
// * 4.8 TB/s / 132 = 25 KB; a warp has 2.5 KB under way, a block 20 KB, and three blocks fit (80 registers and 46 KB of
// shared memory each): 61 KB. Work: a unit, one in 31 cycles, takes about 125 instructions of a warp (36 to unpack, 4
// products, 16 sums, 20 for scales, 7 reads of activations, the rest copies and addresses), all that the four
// schedulers issue in 31 cycles: both bounds meet. Expected are 65 to 75 % of the bandwidth, 4096 x 4096 in 3 us; with
// 8 bits (1,152 bytes a unit, about 115 instructions) memory alone is the bound, 80 to 90 %.
#pragma once

#include "local_backend/cuda/gemm_block.h"

namespace tollgate::local::gpu {

inline constexpr int kFewTokens = 8;
inline constexpr int kFewStages = 4;  // units whose activations are in shared memory or on their way
inline constexpr int kFewStageBytes = kFewTokens * kTokenBytes;
inline constexpr int kFewSumStride = kTileRows + 1;  // floats of a token in the warps' sums
inline constexpr int kFewSumsAt = kWorkBytes + kGemmWarps * kFewStages * kFewStageBytes;
inline constexpr std::size_t kFewSharedBytes = kFewSumsAt + kGemmWarps * kFewTokens * kFewSumStride * sizeof(float);

// The activations of a unit for one lane.
struct FewTokens {
  const std::byte* halves;         // of the lane's token g, its columns
  const std::byte* sum_tokens[2];  // the sums of tokens 2t, 2t + 1

  TOLLGATE_DEVICE Words2 fragment(int, int step) const { return *reinterpret_cast<const Words2*>(halves + step * 32); }
  TOLLGATE_DEVICE float sum(int, int group, int i) const {
    return reinterpret_cast<const float*>(sum_tokens[i])[group];
  }
};

// Brings the activations of one unit after the other into the warp's stages.
template <class Format>
class FewFetch {
 public:
  TOLLGATE_DEVICE FewFetch(const GemmWork& work, int begin, int count, std::byte* stages)
      : copies_{{work, lane_index() / 8, lane_index() % 8, begin},
                {work, lane_index() / 8 + 4, lane_index() % 8, begin}},
        sums_(work, Format::kMinimum ? lane_index() / 2 : kFewTokens, lane_index() % 2, begin),
        stages_(stages),
        count_(count),
        columns_(work.columns - begin * kUnitColumns) {}

  // Unit `index` of the chunk, in order; an empty group of copies behind the last.
  TOLLGATE_DEVICE void next(int index) {
    if (index < count_) {
      std::byte* const stage = stages_ + index % kFewStages * kFewStageBytes;
      const int left = columns_ - index * kUnitColumns;
      TOLLGATE_UNROLL
      for (TokenCopy& copy : copies_)
        if (copy.is_there()) copy.next(stage, left);
      if (Format::kMinimum && sums_.is_there()) sums_.next(stage, left);
    }
    commit_copies();
  }
  // REQUIRES: the unit's copies of this thread have landed, and nobody reads them yet.
  TOLLGATE_DEVICE void finish(int index) const {
    if (Format::kMinimum && sums_.is_there()) sums_.finish(stages_ + index % kFewStages * kFewStageBytes);
  }

 private:
  TokenCopy copies_[2];
  SumCopy sums_;
  std::byte* const stages_;
  const int count_, columns_;  // units of the chunk, columns from its first one to the matrix's end
};

// One chunk: units [begin, end) of the warp's 16 rows.
template <class Format>
class FewChunk {
 public:
  TOLLGATE_DEVICE FewChunk(const GemmWork& work, int tile, int begin, int end)
      : values_(work.unit_values<Format>(tile, begin) + lane_index() * 16),
        scales_(work.unit_scales<Format>(tile, begin) + lane_index() / 4 * 4 * Format::kScaleWords +
                lane_index() % 4 % kWords * 4),
        begin_(begin),
        count_(end - begin) {}

  TOLLGATE_DEVICE void prefetch() {
    TOLLGATE_UNROLL
    for (int i = 0; i < kDepth; ++i)
      if (i < count_) load(i, ring_[i]);
  }

  // REQUIRES: prefetch(), and that the predecessor is done. `stages`: the warp's shared memory.
  TOLLGATE_DEVICE void multiply(const GemmWork& work, std::byte* stages, float (&acc)[1][4]) {
    const int lane = lane_index();
    FewFetch<Format> fetch(work, begin_, count_, stages);
    for (int i = 0; i < kFewStages - 1; ++i) fetch.next(i);
    // What is not there is never read: lanes of absent tokens read the last one, and their sums are thrown away.
    const int last = work.count - 1, pair = lane % 4 * 2;
    const int token = lane / 4 < last ? lane / 4 : last;
    const int of_sums[2] = {pair < last ? pair : last, pair + 1 < last ? pair + 1 : last};
    FewTokens x{};
    for (int base = 0; base < count_; base += kDepth) {
      TOLLGATE_UNROLL
      for (int i = 0; i < kDepth; ++i) {
        if (base + i >= count_) break;
        fetch.next(base + i + kFewStages - 1);
        wait_copies<kFewStages - 1>();
        fetch.finish(base + i);
        sync_warp();
        const std::byte* stage = stages + (base + i) % kFewStages * kFewStageBytes;
        x.halves = stage + token * kTokenBytes + lane % 4 * 8;
        for (int j = 0; j < 2; ++j) x.sum_tokens[j] = stage + of_sums[j] * kTokenBytes + kSumsAt;
        multiply_unit<Format, 1>(ring_[i], x, acc);
        if (base + i + kDepth < count_) load(i + kDepth, ring_[i]);
        sync_warp();  // the stage is free
      }
      values_ += kDepth * Format::kUnitBytes;
      scales_ += kDepth * Format::kScaleBytes;
    }
  }

 private:
  static constexpr int kDepth = Format::kPieces == 1 ? 4 : 2;
  static constexpr int kWords = Format::kScaleWords == 0 ? 1 : Format::kScaleWords;

  // The unit `ahead` of the one where the pointers are.
  TOLLGATE_DEVICE void load(int ahead, GemmUnit<Format>& out) const {
    TOLLGATE_UNROLL
    for (int i = 0; i < Format::kPieces; ++i) out.values[i] = load_once(values_ + ahead * Format::kUnitBytes + i * 512);
    if constexpr (Format::kScaleWords > 0)
      out.scales = *reinterpret_cast<const std::uint32_t*>(scales_ + ahead * Format::kScaleBytes);
  }

  const std::byte* values_;
  const std::byte* scales_;
  const int begin_, count_;
  GemmUnit<Format> ring_[kDepth];
};

// Adds the warps' sums, [warp][token][row], in the order of the chunks, and writes them.
template <class Format>
TOLLGATE_DEVICE void write_few(const GemmWork& work, int tile, int column_of_blocks, const float* sums) {
  const int chunks = work.split.chunks_of_part, parts = kGemmWarps / chunks;
  for (int i = thread_index(); i < parts * kFewTokens * kTileRows; i += kGemmThreads) {
    const int part = i / (kFewTokens * kTileRows), token = i / kTileRows % kFewTokens, in_tile = i % kTileRows;
    const int row = tile * kTileRows + in_tile;
    if (token >= work.count || row >= work.rows) continue;
    float sum = 0;
    for (int chunk = part * chunks; chunk < (part + 1) * chunks; ++chunk)
      sum += sums[(chunk * kFewTokens + token) * kFewSumStride + in_tile];
    sum *= work.x.scales[work.row_of_x(token)] * work.row_scale<Format>(row);
    work.out_at(column_of_blocks * parts + part, token)[row] = sum;
  }
}

// REQUIRES: work.count is 1 to kFewTokens; kFewSharedBytes of shared memory; whole blocks of kGemmThreads.
template <class Format>
TOLLGATE_DEVICE void multiply_few(const GemmWork& work, int tile, int column_of_blocks) {
  const int warp = warp_index(), lane = lane_index(), units = work.units();
  const int chunk = column_of_blocks * kGemmWarps + warp;
  FewChunk<Format> mine(work, tile, work.split.first_unit(chunk, units), work.split.first_unit(chunk + 1, units));
  mine.prefetch();
  let_next_kernel_start();
  wait_for_previous_kernel();
  std::byte* const shared = shared_memory();
  auto* const kept = reinterpret_cast<GemmWork*>(shared);
  if (thread_index() == 0) *kept = work;
  float acc[1][4] = {};
  mine.multiply(work, shared + kWorkBytes + warp * kFewStages * kFewStageBytes, acc);
  auto* const sums = reinterpret_cast<float*>(shared + kFewSumsAt);
  float* const here = sums + (warp * kFewTokens + lane % 4 * 2) * kFewSumStride + lane / 4;
  TOLLGATE_UNROLL
  for (int i = 0; i < 4; ++i) here[i % 2 * kFewSumStride + i / 2 * 8] = acc[0][i];
  sync_block();
  write_few<Format>(*kept, tile, column_of_blocks, sums);
}

}  // namespace tollgate::local::gpu
