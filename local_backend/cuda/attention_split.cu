// Attention of short rows: split-KV decoding ("Flash-Decoding for long-context inference", Dao et al. 2023). The keys
// of a row are cut into splits, whose number and length follow from the row's own context; a block takes a split of
// sixteen packed rows of a (row, kv head), which is all of them but for drafted tokens and very many heads. Each of its
// four (two) warps takes every fourth (second) tile of 16 tokens through buffers of its own; what they have is added in
// the warps' order. Where there is more than one split, a second kernel adds the splits in order.
//
// The grid is made for the longest context that may come, so that a recorded graph serves all; a block whose split does
// not exist leaves at once. Where rows alone fill the device the grid has fewer columns than splits, and a block takes
// several: which blocks do the work changes no result.
//
// What it should take on an H200 (132 multiprocessors, 4.8 TB/s, of which a copy reaches 4.3): 256 rows at a context of
// 1,024, 8 kv heads of 128, 4 query heads each, f16: keys and values 256 * 1,024 * 8 * 128 * 2 * 2 bytes = 1.07 GB a
// layer = 250 us; 32 layers 8 ms; e4m3 half of both. Partial results 256 * 32 * 4 splits * 130 floats = 17 MB written
// and read: 3 % more. Arithmetic, of which three quarters are padding rows: 256 * 8 * 16 * 1,024 * 128 * 4 = 17 GFLOP a
// layer = 43 us at 400 TFLOP/s, hidden behind the memory. Latency times bandwidth asks for 4.8 TB/s * 1 us / 132 = 36
// KB under way for each multiprocessor: a block has one of two buffers of each warp under way, 4 * 8.7 KB at dim 128,
// and three blocks share a multiprocessor (registers and 3 * 74 KB of shared memory): 104 KB, e4m3 55 KB. Registers by
// ptxas 13.0 for dims 64, 96, 128, 256: f16 134, 168, 164, 252; e4m3 123, 153, 156, 234 for sm_90a; for sm_80 at most
// four more; no spills.
#include "local_backend/cuda/attention_tile.h"

namespace tollgate::local::gpu {
namespace {

// Warps of a block: fewer for wide heads, so that three blocks share a multiprocessor there too.
template <int kDim>
constexpr int kSplitWarps = kDim > 128 ? 2 : 4;
constexpr int kAddingWarps = 4;      // of a block that adds splits
constexpr int kEnoughBlocks = 4096;  // more than enough to fill a device evenly

// Three blocks of four warps have 168 registers for a thread.
template <int kDim, bool kFp8>
using SplitQueries = Queries<kDim, kFp8, (kDim >= 128)>;

template <int kDim, bool kFp8>
struct SplitMemory {
  static constexpr int kWarps = kSplitWarps<kDim>, kThreads = kWarps * kWarp;
  static constexpr int kTileBytes = kSplitTile * TileShape<kDim, kFp8>::kStride;
  static constexpr int kWarpBytes = 4 * kTileBytes;  // two buffers of keys and values
  static constexpr int kBufferBytes = kWarps * kWarpBytes;
  static constexpr int kSumStride = kDim + 8;  // floats; rows that are neighbours lie in different banks
  static constexpr int kBytes = kBufferBytes + SplitQueries<kDim, kFp8>::kSharedBytes;
  // What the warps leave takes the place of their buffers: sums [warp][16][kSumStride], then weights [warp][16][2].
  static_assert(kWarps * kPacked * (kSumStride + 2) * 4 <= kBufferBytes);
};

// Which packed rows a block computes: [first, end) of a kv head's.
struct BlockRows {
  int kv_head, first, end;
};

// A warp's tiles of a split, [begin, end): which they are, and its two buffers.
template <int kDim, bool kFp8>
struct WarpTiles {
  using Memory = SplitMemory<kDim, kFp8>;
  static constexpr int kStep = Memory::kWarps * kSplitTile;
  int kv_head, tile, end;

  TOLLGATE_DEVICE void begin(const AttentionWork& work, const AttentionRow& row, const Splits& splits, int split,
                             const Sight& sight) {
    const int first = splits.begin + split * splits.length, behind = first + splits.length;
    tile = first + warp_index() * kSplitTile;
    end = behind < row.context ? behind : row.context;
    if (tile < end) stage(work, row, sight, 0, tile);
  }

  TOLLGATE_DEVICE void add(const AttentionWork& work, const AttentionRow& row, const SplitQueries<kDim, kFp8>& queries,
                           const Sight& sight, Softmax<kDim, kFp8>& softmax) {
    for (int buffer = 0; tile < end; tile += kStep, buffer ^= 1) {
      if (tile + kStep < end) {
        stage(work, row, sight, buffer ^ 1, tile + kStep);
        wait_copies<1>();
      } else {
        wait_copies<0>();
      }
      sync_warp();
      const std::byte* keys = keys_of(buffer);
      softmax.template add<kSplitTile>(work, queries, sight, tile, keys, keys + Memory::kTileBytes);
      sync_warp();  // the buffer is filled again in the next round
    }
  }

 private:
  TOLLGATE_DEVICE static std::byte* keys_of(int buffer) {
    return shared_memory() + warp_index() * Memory::kWarpBytes + buffer * 2 * Memory::kTileBytes;
  }
  TOLLGATE_DEVICE void stage(const AttentionWork& work, const AttentionRow& row, const Sight& sight, int buffer,
                             int at) {
    stage_tile<kDim, kFp8, kSplitTile, kWarp>(work, row, kv_head, at, sight.first_any, end, keys_of(buffer),
                                              keys_of(buffer) + Memory::kTileBytes, lane_index());
  }
};

// To shared memory, where add_warps() finds it.
template <int kDim, bool kFp8>
TOLLGATE_DEVICE void leave(const Softmax<kDim, kFp8>& softmax) {
  using Memory = SplitMemory<kDim, kFp8>;
  auto* sums = reinterpret_cast<float*>(shared_memory());
  float* weights = sums + Memory::kWarps * kPacked * Memory::kSumStride;
  TOLLGATE_UNROLL
  for (int i = 0; i < 2; ++i) {
    const int packed = warp_index() * kPacked + lane_index() / 4 + 8 * i;
    TOLLGATE_UNROLL
    for (int n = 0; n < kDim / 8; ++n) {
      float* at = sums + packed * Memory::kSumStride + softmax.column(n);
      at[0] = softmax.sums[n][2 * i];
      at[softmax.kColumnStep] = softmax.sums[n][2 * i + 1];
    }
    if (lane_index() % 4 == 0) {
      weights[2 * packed] = softmax.largest[i];
      weights[2 * packed + 1] = softmax.total[i];
    }
  }
}

// Adds what the warps left in the order of the warps and writes it: the result where the split is the only one.
template <int kDim, bool kFp8>
TOLLGATE_DEVICE void add_warps(const AttentionWork& work, const AttentionRow& row, const BlockRows& rows, int split,
                               bool only) {
  using Memory = SplitMemory<kDim, kFp8>;
  const auto* sums = reinterpret_cast<const float*>(shared_memory());
  const float* weights = sums + Memory::kWarps * kPacked * Memory::kSumStride;
  constexpr int kPairs = kDim / 2;
  for (int index = thread_index(); index < (rows.end - rows.first) * kPairs; index += Memory::kThreads) {
    const int mine = index / kPairs, column = index % kPairs * 2;
    float largest = kNothing;
    TOLLGATE_UNROLL
    for (int warp = 0; warp < Memory::kWarps; ++warp) largest = larger(weights[2 * (warp * kPacked + mine)], largest);
    const float base = largest == kNothing ? 0 : largest;
    float total = 0, sum[2] = {0, 0};
    TOLLGATE_UNROLL
    for (int warp = 0; warp < Memory::kWarps; ++warp) {
      const int place = warp * kPacked + mine;
      const float weight = exp2_fast(weights[2 * place] - base);
      total = float_fma(weights[2 * place + 1], weight, total);
      TOLLGATE_UNROLL
      for (int i = 0; i < 2; ++i) sum[i] = float_fma(sums[place * Memory::kSumStride + column + i], weight, sum[i]);
    }
    const int packed = rows.first + mine;
    if (only) {
      const float factor = work.value_factor / total;
      *reinterpret_cast<std::uint32_t*>(work.args.out + query_offset(work, row, rows.kv_head, packed) + column) =
          pack_halves(sum[0] * factor, sum[1] * factor);
      continue;
    }
    const int token = packed / work.group, head = rows.kv_head * work.group + packed % work.group;
    const Partial to = partial_at(work, row, split, token, head);
    to.sums[column] = sum[0];
    to.sums[column + 1] = sum[1];
    if (column == 0) {
      to.weights[0] = largest;
      to.weights[1] = total;
    }
  }
}

// Grid: splits; kv heads, each with as many sixteens of packed rows as a short row may have; rows.
template <int kDim, bool kFp8>
TOLLGATE_KERNEL_OF(kSplitWarps<kDim>* kWarp, 3)
attend_splits(AttentionWork work) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  using Memory = SplitMemory<kDim, kFp8>;
  const AttentionRow row = attention_row(work, block_z());
  if (row.tokens <= 0 || row.context <= 0 || !is_short(work, row.tokens)) return;
  const Splits splits = splits_of(work, row.tokens, row.context);
  if (block_x() >= splits.count) return;
  const int sixteens = grid_y() / work.args.pool.kv_heads, count = row.tokens * work.group;
  const int first = block_y() % sixteens * kPacked;
  if (first >= count) return;
  const BlockRows rows{block_y() / sixteens, first, first + kPacked < count ? first + kPacked : count};
  const Sight sight = sight_of(work, row, first, count);
  WarpTiles<kDim, kFp8> tiles;
  tiles.kv_head = rows.kv_head;
  tiles.begin(work, row, splits, block_x(), sight);
  SplitQueries<kDim, kFp8> queries;  // read while the first tile is on its way
  // Where they are in shared memory, every warp writes the same.
  queries.load(work, row, rows.kv_head, first, count, shared_memory() + Memory::kBufferBytes);
  for (int split = block_x(); split < splits.count; split += grid_x()) {
    if (split != block_x()) tiles.begin(work, row, splits, split, sight);
    Softmax<kDim, kFp8> softmax;
    softmax.clear();
    tiles.add(work, row, queries, sight, softmax);
    softmax.finish();
    sync_block();  // all warps are done with their buffers
    leave(softmax);
    sync_block();
    add_warps<kDim, kFp8>(work, row, rows, split, splits.count == 1);
    sync_block();  // the buffers are free again
  }
}

// Grid: fours of a row's (token, head), rows. A warp adds the splits of one, in order.
TOLLGATE_KERNEL_OF(kAddingWarps* kWarp, 1)
add_splits(AttentionWork work) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const AttentionRow row = attention_row(work, block_y());
  if (row.tokens <= 0 || row.context <= 0 || !is_short(work, row.tokens)) return;
  const Splits splits = splits_of(work, row.tokens, row.context);
  const int index = block_x() * kAddingWarps + warp_index(), heads = work.args.heads;
  if (splits.count == 1 || index >= row.tokens * heads) return;
  const int token = index / heads, head = index % heads, dim = work.args.pool.dim;
  float largest = kNothing, total = 0;
  if (lane_index() < splits.count) {
    const Partial mine = partial_at(work, row, lane_index(), token, head);
    largest = mine.weights[0];
    total = mine.weights[1];
  }
  const float base = warp_max(largest);  // the row's own key is in the last split at least
  const float weight = exp2_fast(largest - base);
  const float factor = work.value_factor / warp_sum(total * weight);
  float sums[4][2] = {};
  for (int split = 0; split < splits.count; ++split) {
    const float split_weight = shuffle(weight, split);
    const float* from = partial_at(work, row, split, token, head).sums;
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int column = 2 * (i * kWarp + lane_index());
      if (column >= dim) continue;
      sums[i][0] = float_fma(from[column], split_weight, sums[i][0]);
      sums[i][1] = float_fma(from[column + 1], split_weight, sums[i][1]);
    }
  }
  std::uint16_t* out =
      work.args.out + query_offset(work, row, head / work.group, token * work.group + head % work.group);
  TOLLGATE_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int column = 2 * (i * kWarp + lane_index());
    if (column >= dim) continue;
    *reinterpret_cast<std::uint32_t*>(out + column) = pack_halves(sums[i][0] * factor, sums[i][1] * factor);
  }
}

template <int kDim, bool kFp8>
void launch_splits(Stream& stream, const Grid& grid, const AttentionWork& work) {
  Grid sized = grid;
  sized.threads = SplitMemory<kDim, kFp8>::kThreads;
  sized.shared_bytes = SplitMemory<kDim, kFp8>::kBytes;
  launch(stream, sized, attend_splits<kDim, kFp8>, work);
}

template <bool kFp8>
void launch_splits_of(Stream& stream, const Grid& grid, const AttentionWork& work) {
  switch (work.args.pool.dim) {
    case 64:
      return launch_splits<64, kFp8>(stream, grid, work);
    case 96:
      return launch_splits<96, kFp8>(stream, grid, work);
    case 128:
      return launch_splits<128, kFp8>(stream, grid, work);
    case 256:
      return launch_splits<256, kFp8>(stream, grid, work);
    default:
      return;  // see attention_supports()
  }
}

}  // namespace

void attend_short_rows(Stream& stream, const AttentionWork& work) {
  const AttendArgs& args = work.args;
  const int fitting = kShortPacked / work.group < kShortTokens ? kShortPacked / work.group : kShortTokens;
  const int most_tokens = args.max_tokens < fitting ? args.max_tokens : fitting;
  // A window's row sees no more than this; its splits begin at most a tile sooner.
  const int in_window = args.window + most_tokens + kSplitTile;
  const int seen = args.window > 0 && in_window < args.max_context ? in_window : args.max_context;
  const int most_splits = seen <= kSplit ? 1 : seen <= kSplit * kMaxSplits ? (seen + kSplit - 1) / kSplit : kMaxSplits;
  const int sixteens = (most_tokens * work.group + kPacked - 1) / kPacked;
  const int pairs = args.rows * args.pool.kv_heads * sixteens;
  const int enough = pairs < kEnoughBlocks ? kEnoughBlocks / pairs : 1;
  Grid grid;
  grid.x = static_cast<unsigned>(most_splits < enough ? most_splits : enough);
  grid.y = static_cast<unsigned>(args.pool.kv_heads * sixteens);
  grid.z = static_cast<unsigned>(args.rows);
  if (args.pool.fp8) {
    launch_splits_of<true>(stream, grid, work);
  } else {
    launch_splits_of<false>(stream, grid, work);
  }
  if (most_splits == 1) return;
  Grid adding;
  adding.x = static_cast<unsigned>((most_tokens * args.heads + kAddingWarps - 1) / kAddingWarps);
  adding.y = static_cast<unsigned>(args.rows);
  adding.threads = kAddingWarps * kWarp;
  launch(stream, adding, add_splits, work);
}

}  // namespace tollgate::local::gpu
