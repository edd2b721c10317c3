// A block's way through one row of logits, and its sums and maxima. The row is cut into segments of 256 tokens; a warp
// has every warps-th of them, a lane of a segment the tokens lane, lane + 32, ... So eight loads are under way at once,
// the sum of a segment is one warp's, and the order of tokens is that of segments. Every sum is added in an order that
// depends on the vocabulary alone. Included by .cu files alone.
#pragma once

#include <climits>
#include <cstdint>

#include "local_backend/cuda/kernels.h"
#include "local_backend/cuda/sample_math.h"

namespace tollgate::local::gpu {

inline constexpr int kLaneTokens = 8;
inline constexpr int kSegment = kWarp * kLaneTokens;
inline constexpr int kMostWarps = 32;  // of a block
inline constexpr int kSlots = 8;       // tokens that a thread can set aside, see sample_cut.h

// Where a block's parts of shared memory lie.
struct SampleMemory {
  double* sums;            // [kMostWarps + 1] one for each warp, then the result
  std::uint64_t* largest;  // [kMostWarps + 1] the same
  double* segments;        // [segments]
  std::uint32_t* keys;     // [kSlots][threads] set aside
  std::uint32_t* words;    // [kSlots][threads] what belongs to them
  static std::size_t bytes(int segments, int threads) {
    return static_cast<std::size_t>(2 * (kMostWarps + 1) + segments) * 8 +
           static_cast<std::size_t>(2 * kSlots * threads) * 4;
  }
};

TOLLGATE_DEVICE SampleMemory sample_memory(int segments) {
  auto* sums = reinterpret_cast<double*>(shared_memory());
  auto* largest = reinterpret_cast<std::uint64_t*>(sums + kMostWarps + 1);
  auto* parts = reinterpret_cast<double*>(largest + kMostWarps + 1);
  auto* keys = reinterpret_cast<std::uint32_t*>(parts + segments);
  return {sums, largest, parts, keys, keys + kSlots * block_threads()};
}

struct SampleRow {
  float* logits = nullptr;  // [vocabulary]
  int vocabulary = 0, segments = 0;
  SampleMemory memory;
};

TOLLGATE_DEVICE double warp_total(double value) {
  TOLLGATE_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}

// Over the block, of one value for each warp, its first lane's; every thread gets the result. Two barriers, after which
// the scratch may be used again.
TOLLGATE_DEVICE double total_of_warps(double value, double* scratch) {
  if (lane_index() == 0) scratch[warp_index()] = value;
  sync_block();
  if (warp_index() == 0) {
    value = warp_total(lane_index() < block_threads() / kWarp ? scratch[lane_index()] : 0.0);
    if (lane_index() == 0) scratch[kMostWarps] = value;
  }
  sync_block();
  return scratch[kMostWarps];
}

TOLLGATE_DEVICE double block_total(double value, double* scratch) { return total_of_warps(warp_total(value), scratch); }
// How many threads of the block say yes.
TOLLGATE_DEVICE double block_count(bool yes, double* scratch) {
  return total_of_warps(bit_count(ballot(yes)), scratch);
}

TOLLGATE_DEVICE std::uint64_t warp_largest(std::uint64_t value) {
  TOLLGATE_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    const std::uint64_t other = shuffle_xor(value, mask);
    value = other > value ? other : value;
  }
  return value;
}
TOLLGATE_DEVICE std::uint64_t block_largest(std::uint64_t value, std::uint64_t* scratch) {
  value = warp_largest(value);
  if (lane_index() == 0) scratch[warp_index()] = value;
  sync_block();
  if (warp_index() == 0) {
    value = warp_largest(lane_index() < block_threads() / kWarp ? scratch[lane_index()] : 0);
    if (lane_index() == 0) scratch[kMostWarps] = value;
  }
  sync_block();
  return scratch[kMostWarps];
}

// A token's place in the order (logit descending, id ascending): larger is earlier. 0 is behind all.
TOLLGATE_DEVICE std::uint64_t rank_of(std::uint32_t key, int id) {
  return std::uint64_t{key} << 32 | (0xFFFFFFFFu - static_cast<std::uint32_t>(id));
}
TOLLGATE_DEVICE int id_of(std::uint64_t rank) {
  return static_cast<int>(0xFFFFFFFFu - static_cast<std::uint32_t>(rank));
}
TOLLGATE_DEVICE std::uint32_t key_in(std::uint64_t rank) { return static_cast<std::uint32_t>(rank >> 32); }

TOLLGATE_DEVICE int first_token(int segment) { return segment * kSegment + lane_index(); }

// Calls visit(segment, values) for the warp's segments; values[i] is the logit of first_token(segment) + 32 i, minus
// infinity behind the row's end.
template <class Visit>
TOLLGATE_DEVICE void for_each_segment(const SampleRow& row, const Visit& visit) {
  for (int segment = warp_index(); segment < row.segments; segment += block_threads() / kWarp) {
    float values[kLaneTokens];
    TOLLGATE_UNROLL
    for (int i = 0; i < kLaneTokens; ++i) {
      const int id = first_token(segment) + i * kWarp;
      values[i] = id < row.vocabulary ? row.logits[id] : -INFINITY;
    }
    visit(segment, values);
  }
}

// Calls visit(id, logit) for the thread's tokens.
template <class Visit>
TOLLGATE_DEVICE void for_each_token(const SampleRow& row, const Visit& visit) {
  for_each_segment(row, [&](int segment, const float(&values)[kLaneTokens]) {
    TOLLGATE_UNROLL
    for (int i = 0; i < kLaneTokens; ++i) visit(first_token(segment) + i * kWarp, values[i]);
  });
}

// The measures of all segments, measure(id, logit) >= 0 each; gives their sum.
template <class Measure>
TOLLGATE_DEVICE double measure_segments(const SampleRow& row, const Measure& measure) {
  double whole = 0;
  for_each_segment(row, [&](int segment, const float(&values)[kLaneTokens]) {
    double sum = 0;
    TOLLGATE_UNROLL
    for (int i = 0; i < kLaneTokens; ++i) sum += measure(first_token(segment) + i * kWarp, values[i]);
    sum = warp_total(sum);
    if (lane_index() == 0) row.memory.segments[segment] = sum, whole += sum;
  });
  return total_of_warps(whole, row.memory.sums);
}

// By one warp, of values in the order of lanes: the sum of those before.
TOLLGATE_DEVICE double sum_before(double value) {
  double up_to = value;
  TOLLGATE_UNROLL
  for (int reach = 1; reach < kWarp; reach *= 2) {
    const double more = shuffle(up_to, lane_index() >= reach ? lane_index() - reach : 0);
    if (lane_index() >= reach) up_to += more;
  }
  const double before = shuffle(up_to, lane_index() > 0 ? lane_index() - 1 : 0);
  return lane_index() > 0 ? before : 0.0;
}

// By the first warp: the first index of `count` sums at which the running sum from `before` on exceeds `target`, or,
// when rounding leaves none, the last whose sum is not 0. `before` becomes the running sum before it.
template <class SumAt>
TOLLGATE_DEVICE int crossing(int count, double target, const SumAt& sum_at, double& before) {
  double running = before, last_before = before;
  int last = 0;
  for (int base = 0; base < count; base += kWarp) {
    const double sum = base + lane_index() < count ? sum_at(base + lane_index()) : 0.0;
    const double mine = running + sum_before(sum);
    const std::uint32_t crossed = ballot(sum > 0 && mine + sum > target), any = ballot(sum > 0);
    const std::uint32_t wanted = crossed != 0 ? crossed & (~crossed + 1) : any;
    int lane = 0;
    for (int i = 0; i < kWarp; ++i)
      if ((wanted >> i & 1) != 0) lane = i;
    if (wanted != 0) {
      last = base + lane;
      last_before = shuffle(mine, lane);
    }
    if (crossed != 0) break;
    running = shuffle(mine + sum, kWarp - 1);
  }
  before = last_before;
  return last;
}

// After measure_segments() with the same measure: the first token at which the running sum of measures exceeds
// `target`.
template <class Measure>
TOLLGATE_DEVICE int locate(const SampleRow& row, double target, const Measure& measure) {
  if (warp_index() == 0) {
    double before = 0;
    const int segment = crossing(row.segments, target, [&](int i) { return row.memory.segments[i]; }, before);
    const int token = crossing(
        kSegment, target,
        [&](int i) {
          const int id = segment * kSegment + i;
          return id < row.vocabulary ? measure(id, row.logits[id]) : 0.0;
        },
        before);
    if (lane_index() == 0) row.memory.largest[0] = static_cast<std::uint64_t>(segment * kSegment + token);
  }
  sync_block();
  const int found = static_cast<int>(row.memory.largest[0]);
  sync_block();
  return found;
}

}  // namespace tollgate::local::gpu
