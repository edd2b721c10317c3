// How attention is cut into chunks for the workers, and how parts of a long context are merged.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "local_backend/kernels/drive.h"
#include "local_backend/kernels/kv_address.h"
#include "local_backend/kernels/scalar.h"

namespace tollgate::local::drive {
namespace {

// A few queries over a long context are cut every 512 tokens, counted from the sequence's start, whatever the batch or
// the threads: so the order of a sequence's sums never depends on its company.
constexpr int kSplitBlocks = 16;
constexpr std::size_t kPlanRows = 64;  // plan rows that are cut at a time
constexpr std::size_t kPartFloats = std::size_t{1}
                                    << 16;  // partial results of those rows: 256 KiB of the caller's stack
constexpr std::size_t kLargestPart = std::size_t{kAttendRows} * (kAttendDim + 2);
constexpr int kStoreTokens = 16;  // per chunk of write_kv

// How one plan row is cut: for each key head either tiles of queries or, where one tile holds all, runs of blocks.
struct RowCut {
  int tile_queries = 1, tiles = 1;
  int first_block = 0, end_block = 0;
  int splits = 1;         // > 1 only where tiles == 1
  bool apart = false;     // each split is a chunk and leaves a part; else one chunk takes a head's splits in order
  std::size_t chunk = 0;  // the row's first
  std::size_t parts = 0;  // where the row's parts begin
};

struct Plan {
  std::size_t first = 0, count = 0;  // plan rows
  RowCut rows[kPlanRows];
  std::size_t chunks = 0;
  float parts[kPartFloats];
};

std::size_t part_floats(const AttentionArgs& args, const PlanRow& row) {
  const int rows = row.tokens * (args.heads / args.kv.kv_heads);
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(args.kv.dim + 2);
}

void cut(const AttentionArgs& args, std::size_t first, Plan& plan) {
  const int group = args.heads / args.kv.kv_heads;
  const auto heads = static_cast<std::size_t>(args.kv.kv_heads);
  std::size_t parts = 0;
  plan.first = first, plan.count = std::min(kPlanRows, args.plan->rows.size() - first);
  plan.chunks = 0;
  for (std::size_t i = 0; i < plan.count; ++i) {
    const PlanRow& row = args.plan->rows[first + i];
    RowCut& out = plan.rows[i];
    out = {.chunk = plan.chunks, .parts = parts};
    out.tile_queries = std::max(kAttendRows / group, 1);
    out.tiles = (row.tokens + out.tile_queries - 1) / out.tile_queries;
    const int token = args.window > 0 ? std::max(row.context - row.tokens - args.window + 1, 0) : 0;
    out.first_block = token / kBlockTokens;
    out.end_block = (row.context + kBlockTokens - 1) / kBlockTokens;
    if (out.tiles == 1) out.splits = (out.end_block + kSplitBlocks - 1) / kSplitBlocks - out.first_block / kSplitBlocks;
    const std::size_t needed = heads * static_cast<std::size_t>(out.splits) * part_floats(args, row);
    out.apart = out.splits > 1 && parts + needed <= kPartFloats;
    if (out.apart) parts += needed;
    plan.chunks += heads * static_cast<std::size_t>(out.apart ? out.splits : out.tiles);
  }
}

AttendTask task_of(const AttentionArgs& args, const PlanRow& row, int head) {
  const int group = args.heads / args.kv.kv_heads;
  const auto stride = static_cast<std::size_t>(args.heads) * static_cast<std::size_t>(args.kv.dim);
  const std::size_t at = static_cast<std::size_t>(row.first_token) * stride +
                         static_cast<std::size_t>(head) * static_cast<std::size_t>(group * args.kv.dim);
  AttendTask task{.q = args.q + at, .out = args.out + at, .q_stride = stride};
  task.queries = row.tokens, task.group = group, task.dim = args.kv.dim;
  const auto bytes_of = [&](KvPart part) {
    return reinterpret_cast<const std::uint8_t*>(kv_head_at(args.pool, args.kv, 0, args.layer, part, head));
  };
  task.keys = bytes_of(KvPart::key), task.values = bytes_of(KvPart::value);
  task.block_bytes = args.kv.block_bytes();
  task.blocks = args.plan->blocks.data() + row.first_block;
  task.first_position = row.context - row.tokens, task.context = row.context;
  task.bytes = args.kv.type == KvType::q8;
  task.causal = args.causal, task.window = args.window;
  task.scale = args.scale, task.softcap = args.softcap;
  task.sinks = args.sinks != nullptr ? args.sinks + head * group : nullptr;
  return task;
}

// The results of one query row so far, from parts that come in the order of their tokens; the sum of weights and the
// largest score lie behind the values, as in a part.
void merge_part(const float* part, std::size_t dim, float* state) {
  const float largest = std::max(state[dim], part[dim]);
  if (part[dim + 1] == 0) return;
  const float old_worth = std::exp(state[dim] - largest), worth = std::exp(part[dim] - largest);
  for (std::size_t d = 0; d < dim; ++d) state[d] = state[d] * old_worth + part[d] * worth;
  state[dim] = largest;
  state[dim + 1] = state[dim + 1] * old_worth + part[dim + 1] * worth;
}

// All splits of a task, of which `next(split)` gives the part: [rows][dim + 2].
template <class Next>
void merge_splits(const AttendTask& task, int splits, Next next) {
  const auto dim = static_cast<std::size_t>(task.dim);
  float states[kLargestPart];
  for (int split = 0; split < splits; ++split) {
    const float* part = next(split);
    for (int i = 0; i < task.queries * task.group; ++i) {
      const std::size_t at = static_cast<std::size_t>(i) * (dim + 2);
      if (split == 0) {
        std::fill(states + at, states + at + dim, 0.0f);
        states[at + dim] = task.sinks != nullptr ? task.sinks[i % task.group] : -std::numeric_limits<float>::infinity();
        states[at + dim + 1] = task.sinks != nullptr ? 1.0f : 0.0f;
      }
      merge_part(part + at, dim, states + at);
    }
  }
  for (int i = 0; i < task.queries * task.group; ++i) {
    const float* state = states + static_cast<std::size_t>(i) * (dim + 2);
    float* out = task.out + static_cast<std::size_t>(i / task.group) * task.q_stride + i % task.group * task.dim;
    // The very operations of a tile that holds everything: a query that sees one split only has the same bits either
    // way.
    const float factor = 1.0f / state[dim + 1];
    for (std::size_t d = 0; d < dim; ++d) out[d] = state[d] * factor;
  }
}

float* part_of(const AttentionArgs& args, Plan& plan, std::size_t index, int head, int split) {
  const RowCut& cut = plan.rows[index];
  const auto slot = static_cast<std::size_t>(head * cut.splits + split);
  return plan.parts + cut.parts + slot * part_floats(args, args.plan->rows[plan.first + index]);
}

void attend_split(const LevelOps& ops, const RowCut& cut, AttendTask task, int split, float* part) {
  const int from = (cut.first_block / kSplitBlocks + split) * kSplitBlocks;
  task.first_block = std::max(cut.first_block, from);
  task.end_block = std::min(cut.end_block, from + kSplitBlocks);
  task.parts = part, task.sinks = nullptr;
  ops.attend(task);
}

void attend_splits(const LevelOps& ops, const RowCut& cut, const AttendTask& task) {
  float part[kLargestPart];
  merge_splits(task, cut.splits, [&](int split) {
    attend_split(ops, cut, task, split, part);
    return part;
  });
}

void attend_tile(const LevelOps& ops, const AttentionArgs& args, const RowCut& cut, const PlanRow& row, int head,
                 int tile) {
  AttendTask task = task_of(args, row, head);
  const int first = tile * cut.tile_queries;
  task.q += static_cast<std::size_t>(first) * task.q_stride;
  task.out += static_cast<std::size_t>(first) * task.q_stride;
  task.queries = std::min(cut.tile_queries, row.tokens - first);
  task.first_position += first;
  const int visible = args.window > 0 ? std::max(task.first_position - args.window + 1, 0) : 0;
  const int end = args.causal ? task.first_position + task.queries : row.context;
  task.first_block = visible / kBlockTokens;
  task.end_block = (end + kBlockTokens - 1) / kBlockTokens;
  ops.attend(task);
}

void run_chunk(const LevelOps& ops, const AttentionArgs& args, Plan& plan, std::size_t chunk) {
  const auto* after = std::upper_bound(plan.rows, plan.rows + plan.count, chunk,
                                       [](std::size_t value, const RowCut& row) { return value < row.chunk; });
  const auto index = static_cast<std::size_t>(after - plan.rows) - 1;
  const RowCut& cut = plan.rows[index];
  const PlanRow& row = args.plan->rows[plan.first + index];
  const int left = static_cast<int>(chunk - cut.chunk), each = cut.apart ? cut.splits : cut.tiles;
  const int head = left / each, part = left % each;
  if (cut.apart) return attend_split(ops, cut, task_of(args, row, head), part, part_of(args, plan, index, head, part));
  if (cut.splits > 1) return attend_splits(ops, cut, task_of(args, row, head));
  attend_tile(ops, args, cut, row, head, part);
}

void merge(const AttentionArgs& args, Plan& plan, std::size_t index) {
  for (int head = 0; head < args.kv.kv_heads; ++head)
    merge_splits(task_of(args, args.plan->rows[plan.first + index], head), plan.rows[index].splits,
                 [&](int split) { return part_of(args, plan, index, head, split); });
}

void store_token(const LevelOps& ops, const AttentionArgs& args, const PlanRow& row, int index, const float* k,
                 const float* v) {
  const int position = row.context - row.tokens + index, slot = position % kBlockTokens;
  const std::int32_t block = args.plan->blocks[static_cast<std::size_t>(row.first_block + position / kBlockTokens)];
  const auto dim = static_cast<std::size_t>(args.kv.dim);
  const auto heads = static_cast<std::size_t>(args.kv.kv_heads);
  const std::size_t token = static_cast<std::size_t>(row.first_token + index) * heads * dim;
  for (int head = 0; head < args.kv.kv_heads; ++head)
    for (const KvPart part : {KvPart::key, KvPart::value}) {
      std::byte* to = kv_head_at(args.pool, args.kv, block, args.layer, part, head);
      const float* from = (part == KvPart::key ? k : v) + token + static_cast<std::size_t>(head) * dim;
      const std::size_t at = static_cast<std::size_t>(slot) * dim;
      if (args.kv.type == KvType::f16) {
        ops.store_kv(from, dim, nullptr, reinterpret_cast<std::uint8_t*>(to) + 2 * at);
      } else {
        auto* values = reinterpret_cast<std::uint8_t*>(to) + kBlockTokens * sizeof(float);
        ops.store_kv(from, dim, reinterpret_cast<float*>(to) + slot, values + at);
      }
    }
}

}  // namespace

void write_kv(const LevelOps& ops, const AttentionArgs& args, const float* k, const float* v, Workers& workers) {
  for (const PlanRow& row : args.plan->rows) {
    auto chunk = [&](int index) {
      const int first = index * kStoreTokens;
      for (int i = first; i < std::min(first + kStoreTokens, row.tokens); ++i) store_token(ops, args, row, i, k, v);
    };
    workers.run((row.tokens + kStoreTokens - 1) / kStoreTokens, std::ref(chunk));
  }
}

void attention(const LevelOps& ops, const AttentionArgs& args, Workers& workers) {
  if (args.kv.dim > kAttendDim || args.heads / args.kv.kv_heads > kAttendRows) return scalar::attention(args, workers);
  Plan plan;
  for (std::size_t first = 0; first < args.plan->rows.size(); first += kPlanRows) {
    cut(args, first, plan);
    auto chunk = [&](int number) { run_chunk(ops, args, plan, static_cast<std::size_t>(number)); };
    workers.run(static_cast<int>(plan.chunks), std::ref(chunk));
    for (std::size_t i = 0; i < plan.count; ++i)
      if (plan.rows[i].apart) merge(args, plan, i);
  }
}

}  // namespace tollgate::local::drive
