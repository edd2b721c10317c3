// write_heads(): from the parts of q, k and v to the pool and to attention's queries. A warp for each head of each
// token: 32 + 8 + 8 heads of 128 at one row are 12 blocks, 2 us expected, of them 1 for the launch.
// Rope: Su et al., "RoFormer", 2021, section 3.2.2, in the two pairings of model/architecture.h.
#include "local_backend/cuda/rows.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kHeadWarps = 4;     // of a block
constexpr int kMaxHeadDim = 256;  // two chunks of four values for each lane
constexpr int kHeadChunks = kMaxHeadDim / (4 * kWarp);
constexpr int kSlots = 32;  // tokens of a block of the pool

// Which head a warp has: of q, then of k, then of v.
struct HeadPlace {
  Partials parts;
  const float* bias = nullptr;
  const float* norm = nullptr;
  int head = 0;
  bool query = false, key = false;
};

TOLLGATE_DEVICE HeadPlace head_place(const HeadsArgs& args, int index) {
  const int kv_heads = args.pool.kv_heads;
  if (index < args.heads) return {args.q, args.q_bias, args.q_norm, index, true, false};
  index -= args.heads;
  if (index < kv_heads) return {args.k, args.k_bias, args.k_norm, index, false, true};
  return {args.v, args.v_bias, nullptr, index - kv_heads, false, false};
}

// Into `head` (shared memory, [dim]): the head's values, normed. By a whole warp.
TOLLGATE_DEVICE void read_head(const HeadsArgs& args, const HeadPlace& place, int token, float* head) {
  const int dim = args.pool.dim, column = 4 * lane_index(), step = 4 * kWarp;
  Partials parts = place.parts;
  parts.data += static_cast<std::int64_t>(place.head) * dim;
  Floats4 sums[kHeadChunks] = {};
  add_parts(sums, parts, token, column, step, dim);
  if (place.bias != nullptr) add_vector(sums, place.bias + place.head * dim, column, step, dim);
  if (place.norm != nullptr) {
    float squares = 0;
    TOLLGATE_UNROLL
    for (int i = 0; i < kHeadChunks; ++i)
      for (int j = 0; j < 4; ++j) squares += sums[i].at[j] * sums[i].at[j];
    const float scale = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(dim) + args.eps);
    TOLLGATE_UNROLL
    for (int i = 0; i < kHeadChunks; ++i) {
      if (column + i * step >= dim) continue;
      const Floats4 weight = load_floats(place.norm + column + i * step);
      TOLLGATE_UNROLL
      for (int j = 0; j < 4; ++j) sums[i].at[j] = sums[i].at[j] * scale * weight.at[j];
    }
  }
  TOLLGATE_UNROLL
  for (int i = 0; i < kHeadChunks; ++i)
    if (column + i * step < dim) store_floats(head + column + i * step, sums[i]);
}

// Turns the pairs of a head in shared memory, each by one lane.
TOLLGATE_DEVICE void turn_head(const HeadsArgs& args, int position, float* head) {
  const int pairs = args.rope_dims / 2;
  const float* angles = args.angles + static_cast<std::int64_t>(position) * args.rope_dims;
  const int step = args.adjacent_pairs ? 2 : 1, apart = args.adjacent_pairs ? 1 : pairs;
  for (int i = lane_index(); i < pairs; i += kWarp) {
    const float cosine = angles[2 * i], sine = angles[2 * i + 1];
    const float a = head[i * step], b = head[i * step + apart];
    head[i * step] = a * cosine - b * sine;
    head[i * step + apart] = a * sine + b * cosine;
  }
}

TOLLGATE_DEVICE std::byte* pool_slot(const HeadsArgs& args, const HeadPlace& place, int token, int position) {
  const KvPool& pool = args.pool;
  const std::int64_t row = args.plan.token_row[token];
  const std::int32_t block = args.plan.blocks[row * args.plan.block_stride + position / kSlots];
  const std::size_t which = static_cast<std::size_t>(args.layer) * 2 + (place.key ? 0 : 1);
  const std::size_t head = which * static_cast<std::size_t>(pool.kv_heads) + static_cast<std::size_t>(place.head);
  return pool.base + static_cast<std::size_t>(block) * pool.block_bytes() + head * pool.head_bytes() +
         static_cast<std::size_t>(position % kSlots) * static_cast<std::size_t>(pool.dim) * (pool.fp8 ? 1 : 2);
}

TOLLGATE_DEVICE void write_head(const float* head, int dim, bool fp8, std::byte* to) {
  for (int column = 4 * lane_index(); column < dim; column += 4 * kWarp) {
    const Floats4 four = load_floats(head + column);
    if (fp8)
      *reinterpret_cast<std::uint32_t*>(to + column) = fp8_word(four, 1);
    else
      write_halves(reinterpret_cast<std::uint16_t*>(to + 2 * column), four, 1);
  }
}

TOLLGATE_KERNEL_OF(kHeadWarps* kWarp, 8) write_heads_kernel(HeadsArgs args) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int token = block_x(), dim = args.pool.dim;
  const int index = block_y() * kHeadWarps + warp_index();
  const int position = args.plan.positions[token];
  // Whole warps leave; there are no barriers of the block below.
  if (position < 0 || index >= args.heads + 2 * args.pool.kv_heads) return;
  float* head = reinterpret_cast<float*>(shared_memory()) + warp_index() * kMaxHeadDim;
  const HeadPlace place = head_place(args, index);
  read_head(args, place, token, head);
  sync_warp();
  if (place.query || place.key) turn_head(args, position, head);
  sync_warp();
  if (place.query) {
    std::uint16_t* out = args.q_out + (static_cast<std::int64_t>(token) * args.heads + place.head) * dim;
    write_head(head, dim, false, reinterpret_cast<std::byte*>(out));
  } else {
    write_head(head, dim, args.pool.fp8, pool_slot(args, place, token, position));
  }
}

}  // namespace

void write_heads(Stream& stream, const HeadsArgs& args) {
  const int heads = args.heads + 2 * args.pool.kv_heads;
  const auto blocks = static_cast<unsigned>((heads + kHeadWarps - 1) / kHeadWarps);
  launch(stream,
         {static_cast<unsigned>(args.m), blocks, 1, kHeadWarps * kWarp, kHeadWarps * kMaxHeadDim * sizeof(float)},
         write_heads_kernel, args);
}

}  // namespace tollgate::local::gpu
