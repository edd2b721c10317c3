// Attention of long rows (chunks of a prompt), and of all rows where exactness is asked for: tiles of 64 packed query
// rows, 16 for each warp, against tiles of keys and values that all warps share ("FlashAttention-2", Dao 2023,
// section 3). Tiles begin at multiples of their length, whatever the row, and are added in ascending order; a tile in
// which a row sees nothing leaves it as it is. So a token's result has the same bits whether it comes alone, in a chunk
// or in one piece with its prompt.
//
// What it should take on an H200: a prompt of 2,048 tokens, 32 heads of 128: 2,048 * 2,048 / 2 * 32 * 128 * 4 = 34
// GFLOP a layer = 98 us at 350 TFLOP/s, what mma.sync reaches of 990; 32 layers 3.1 ms. Keys and values come from L2:
// 1,024 blocks of 64 rows (16 tokens of 4 heads) read 1,024 tokens of 512 bytes on average, 0.54 GB = 98 us at 5.5
// TB/s, at the same time; shared memory, 32 KB for 16 rows and 64 tokens, allows 473 TFLOP/s. With e4m3 each operand of
// mma takes 7 operations of integers, 64 lanes a clock: 270 TFLOP/s at most, about 170 us a layer. Registers by
// ptxas 13.0 for dims 64, 96, 128, 256: f16 158, 191, 233, 243; e4m3 177, 173, 199, 218 for sm_90a; fewer for sm_80; no
// spills.
#include "local_backend/cuda/attention_tile.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarp, kRows = kWarps * kPacked;

template <int kDim, bool kFp8>
using TilesQueries = Queries<kDim, kFp8, (kDim > 128)>;

template <int kDim, bool kFp8>
struct TilesMemory {
  static constexpr int kTokens = kDim > 128 ? 32 : 64;  // of a tile
  static constexpr int kTileBytes = kTokens * TileShape<kDim, kFp8>::kStride;
  static constexpr int kBufferBytes = 4 * kTileBytes;  // two buffers of keys and values
  static constexpr int kBytes = kBufferBytes + kWarps * TilesQueries<kDim, kFp8>::kSharedBytes;
};

template <int kDim, bool kFp8>
TOLLGATE_DEVICE void write_rows(const AttentionWork& work, const AttentionRow& row, int first, int count,
                                const Softmax<kDim, kFp8>& softmax) {
  TOLLGATE_UNROLL
  for (int i = 0; i < 2; ++i) {
    const int packed = first + lane_index() / 4 + 8 * i;
    if (packed >= count) continue;
    const float factor = work.value_factor / softmax.total[i];
    std::uint16_t* out = work.args.out + query_offset(work, row, block_y(), packed);
    if constexpr (kFp8) {  // a pair of tiles has four dims in a row
      TOLLGATE_UNROLL
      for (int n = 0; n < kDim / 8; n += 2) {
        auto* to = reinterpret_cast<std::uint32_t*>(out + softmax.column(n));
        const float(&even)[4] = softmax.sums[n];
        const float(&odd)[4] = softmax.sums[n + 1];
        to[0] = pack_halves(even[2 * i] * factor, odd[2 * i] * factor);
        to[1] = pack_halves(even[2 * i + 1] * factor, odd[2 * i + 1] * factor);
      }
    } else {
      TOLLGATE_UNROLL
      for (int n = 0; n < kDim / 8; ++n)
        *reinterpret_cast<std::uint32_t*>(out + softmax.column(n)) =
            pack_halves(softmax.sums[n][2 * i] * factor, softmax.sums[n][2 * i + 1] * factor);
    }
  }
}

// Grid: tiles of query rows, the last (and longest) first; kv heads; rows.
template <int kDim, bool kFp8>
TOLLGATE_KERNEL_OF(kThreads, kDim <= 128 ? 2 : 1)
attend_tiles(AttentionWork work) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  using Memory = TilesMemory<kDim, kFp8>;
  constexpr int kTokens = Memory::kTokens;
  const AttentionRow row = attention_row(work, block_z());
  const int count = row.tokens * work.group, first = (grid_x() - 1 - block_x()) * kRows;
  if (row.context <= 0 || first >= count || is_short(work, row.tokens)) return;

  const int mine = first + warp_index() * kPacked;
  const bool has_rows = mine < count;
  const int start = row.context - row.tokens;
  const int last = first + kRows < count ? first + kRows - 1 : count - 1;
  const int from = first_seen(work, start + first / work.group), to = start + last / work.group + 1;
  const Sight sight = sight_of(work, row, mine, count);
  const auto stage = [&](int buffer, int tile) {
    std::byte* keys = shared_memory() + buffer * 2 * Memory::kTileBytes;
    stage_tile<kDim, kFp8, kTokens, kThreads>(work, row, block_y(), tile, from, to, keys, keys + Memory::kTileBytes,
                                              thread_index());
  };
  int buffer = 0, tile = from / kTokens * kTokens;
  stage(0, tile);
  TilesQueries<kDim, kFp8> queries;  // read while the first tile is on its way
  queries.load(work, row, block_y(), mine, count,
               shared_memory() + Memory::kBufferBytes + warp_index() * TilesQueries<kDim, kFp8>::kSharedBytes);
  Softmax<kDim, kFp8> softmax;
  softmax.clear();
  for (; tile < to; tile += kTokens, buffer ^= 1) {
    if (tile + kTokens < to) {
      stage(buffer ^ 1, tile + kTokens);
      wait_copies<1>();
    } else {
      wait_copies<0>();
    }
    sync_block();
    const std::byte* keys = shared_memory() + buffer * 2 * Memory::kTileBytes;
    if (has_rows && sight.sees(tile, kTokens))
      softmax.template add<kTokens>(work, queries, sight, tile, keys, keys + Memory::kTileBytes);
    sync_block();  // the buffer is filled again in the next round
  }
  if (!has_rows) return;
  softmax.finish();
  write_rows<kDim, kFp8>(work, row, mine, count, softmax);
}

template <int kDim, bool kFp8>
void launch_tiles(Stream& stream, const Grid& grid, const AttentionWork& work) {
  Grid sized = grid;
  sized.shared_bytes = TilesMemory<kDim, kFp8>::kBytes;
  launch(stream, sized, attend_tiles<kDim, kFp8>, work);
}

template <bool kFp8>
void launch_tiles_of(Stream& stream, const Grid& grid, const AttentionWork& work) {
  switch (work.args.pool.dim) {
    case 64:
      return launch_tiles<64, kFp8>(stream, grid, work);
    case 96:
      return launch_tiles<96, kFp8>(stream, grid, work);
    case 128:
      return launch_tiles<128, kFp8>(stream, grid, work);
    case 256:
      return launch_tiles<256, kFp8>(stream, grid, work);
    default:
      return;  // see attention_supports()
  }
}

}  // namespace

void attend_long_rows(Stream& stream, const AttentionWork& work) {
  const AttendArgs& args = work.args;
  Grid grid;
  grid.x = static_cast<unsigned>((args.max_tokens * work.group + kRows - 1) / kRows);
  grid.y = static_cast<unsigned>(args.pool.kv_heads);
  grid.z = static_cast<unsigned>(args.rows);
  grid.threads = kThreads;
  if (args.pool.fp8) {
    launch_tiles_of<true>(stream, grid, work);
  } else {
    launch_tiles_of<false>(stream, grid, work);
  }
}

}  // namespace tollgate::local::gpu
