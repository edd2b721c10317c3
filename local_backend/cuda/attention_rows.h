// What both attention kernels are given, and how a plan row is cut into work. Included by .cu files alone.
//
// Query heads that share a kv head are packed: packed row r of a plan row is its token r / group, query head
// kv_head * group + r % group. All packed rows of a (plan row, kv head) read the same keys and values.
#pragma once

#include "local_backend/cuda/gpu.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {

inline constexpr int kBlock = 32;       // tokens of a pool block
inline constexpr int kPacked = 16;      // packed rows of one mma tile
inline constexpr int kShortTokens = 8;  // of a short row, which also has at most so many packed rows:
inline constexpr int kShortPacked = 64;
inline constexpr int kMaxSplits = 32;  // of a row of one token; a row of n tokens has at most kMaxSplits / n
inline constexpr int kSplit = 256;     // tokens of a split, where that makes no more than the most splits
inline constexpr int kSplitStep = 64;  // longer splits are multiples of it: a tile of 16 tokens for each of 4 warps
inline constexpr int kSplitTile = 16;  // tokens that a warp of the split kernel takes at a time
inline constexpr float kLog2E = 1.44269504f;

struct AttentionWork {
  AttendArgs args;
  int group = 1;           // query heads of a kv head
  float tanh_factor = 0;   // with a soft cap: brings q * k to twice the argument of tanh, as an exponent of 2; else 0
  float score_factor = 1;  // brings what is then the score, q * k or tanh, to an exponent of 2; above 0
  float value_factor = 1;  // what the sums of weighted values lack
};

struct AttentionRow {
  int row = 0, tokens = 0, context = 0, first_token = 0;
};

TOLLGATE_DEVICE AttentionRow attention_row(const AttentionWork& work, int index) {
  const int row = work.args.first_row + index;
  const PlanArrays& plan = work.args.plan;
  return {row, plan.row_tokens[row], plan.row_context[row], plan.row_first[row]};
}

// Which kernel computes a row: its own shape says, and nothing else.
TOLLGATE_BOTH bool is_short(const AttentionWork& work, int tokens) {
  return !work.args.exact && tokens <= kShortTokens && tokens * work.group <= kShortPacked;
}

// The first position that the query at `position` sees.
TOLLGATE_BOTH int first_seen(const AttentionWork& work, int position) {
  const int window = work.args.window;
  return window > 0 && position >= window ? position - window + 1 : 0;
}

// The keys that a row sees, in `count` splits of `length` from `begin` on; the row's own numbers decide.
struct Splits {
  int begin = 0, length = kSplit, count = 0;
};
TOLLGATE_BOTH Splits splits_of(const AttentionWork& work, int tokens, int context) {
  Splits splits;
  splits.begin = first_seen(work, context - tokens) / kSplitTile * kSplitTile;
  const int span = context - splits.begin, most = kMaxSplits / tokens;
  if (span > kSplit * most) splits.length = ((span + most - 1) / most + kSplitStep - 1) / kSplitStep * kSplitStep;
  splits.count = (span + splits.length - 1) / splits.length;
  return splits;
}

TOLLGATE_DEVICE std::size_t query_offset(const AttentionWork& work, const AttentionRow& row, int kv_head, int packed) {
  const int token = row.first_token + packed / work.group, head = kv_head * work.group + packed % work.group;
  return (static_cast<std::size_t>(token) * static_cast<std::size_t>(work.args.heads) +
          static_cast<std::size_t>(head)) *
         static_cast<std::size_t>(work.args.pool.dim);
}

// Partial results of the splits: [row][split * tokens + token][head][dim] sums, then the same with [largest, total].
struct Partial {
  float* sums;
  float* weights;  // [2]
};
TOLLGATE_DEVICE Partial partial_at(const AttentionWork& work, const AttentionRow& row, int split, int token, int head) {
  const AttendArgs& args = work.args;
  const auto heads = static_cast<std::size_t>(args.heads);
  const std::size_t index = (static_cast<std::size_t>(row.row - args.first_row) * kMaxSplits +
                             static_cast<std::size_t>(split * row.tokens + token)) *
                                heads +
                            static_cast<std::size_t>(head);
  const std::size_t all = static_cast<std::size_t>(args.rows) * kMaxSplits * heads;
  const auto dim = static_cast<std::size_t>(args.pool.dim);
  return {args.scratch + index * dim, args.scratch + all * dim + index * 2};
}

// Short rows: attention_split.cu; rows that are not short: attention_tiles.cu. Each passes over the other's rows.
void attend_short_rows(Stream& stream, const AttentionWork& work);
void attend_long_rows(Stream& stream, const AttentionWork& work);

}  // namespace tollgate::local::gpu
