// A warp's part of attention: 16 packed query rows against a tile of keys and values in shared memory, by online
// softmax (Milakov and Gimelshein 2018; Dao 2023, "FlashAttention-2", algorithm 1) with mma.m16n8k16. Included by .cu
// files alone.
//
// Keys and values lie in shared memory as they lie in the pool, [token][dim], a row 16 bytes longer than its numbers:
// then a row's length is an odd multiple of 16 bytes and the eight rows of an ldmatrix are in different banks.
//
// e4m3 bytes are loaded with the instructions that are made for halves, a "half" being two bytes; masks and shifts make
// two halves of bytes 0 and 2 of a word, and of bytes 1 and 3, divided by 256 (the exponents' biases differ by 8;
// exact, tensor cores take subnormal halves: Fasi et al. 2021, "Numerical behavior of NVIDIA tensor cores"). The 256
// are in AttentionWork's factors. What this permutes: products run over dims in another order, so queries have the same
// one, and the columns of a pair of result tiles are the even and the odd dims of 16.
#pragma once

#include "local_backend/cuda/attention_rows.h"

namespace tollgate::local::gpu {

inline constexpr float kNothing = -__builtin_huge_valf();  // the score of what is not seen

TOLLGATE_DEVICE float larger(float a, float b) { return a > b ? a : b; }

template <int kDim, bool kFp8>
struct TileShape {
  static constexpr int kRowBytes = kDim * (kFp8 ? 1 : 2);
  static constexpr int kStride = kRowBytes + 16;
  static constexpr int kChunks = kRowBytes / 16;  // of one row
  static constexpr int kParts = kRowBytes / 32;   // of one row, each two chunks: what one ldmatrix.x4 takes of 16 rows
};

TOLLGATE_DEVICE std::uint32_t even_bytes_to_halves(std::uint32_t word) {
  return (word & 0x00800080) << 8 | (word & 0x007F007F) << 7;
}
TOLLGATE_DEVICE std::uint32_t odd_bytes_to_halves(std::uint32_t word) {
  return (word & 0x80008000) | (word & 0x7F007F00) >> 1;
}

// Copies keys and values of the tokens [tile, tile + kTokens) to shared memory, by `kThreads` threads of which this is
// number `thread`; zeros for positions outside of [from, to), where nobody may have written. One group of copies.
template <int kDim, bool kFp8, int kTokens, int kThreads>
TOLLGATE_DEVICE void stage_tile(const AttentionWork& work, const AttentionRow& row, int kv_head, int tile, int from,
                                int to, std::byte* keys, std::byte* values, int thread) {
  using Shape = TileShape<kDim, kFp8>;
  static_assert(kTokens * Shape::kChunks % kThreads == 0);
  constexpr int kBlocks = (kTokens + kBlock - 1) / kBlock;
  const KvPool& pool = work.args.pool;
  const std::int32_t* table =
      work.args.plan.blocks + static_cast<std::size_t>(row.row) * static_cast<std::size_t>(work.args.plan.block_stride);
  const std::size_t head_bytes = pool.head_bytes();
  const std::size_t value_distance = head_bytes * static_cast<std::size_t>(pool.kv_heads);
  const std::size_t head_at = head_bytes * static_cast<std::size_t>(2 * work.args.layer * pool.kv_heads + kv_head);
  const std::byte* blocks[kBlocks];
  TOLLGATE_UNROLL
  for (int i = 0; i < kBlocks; ++i) {
    const int block = tile / kBlock + i;
    const bool read = block * kBlock < to && (block + 1) * kBlock > from;
    const auto number = static_cast<std::size_t>(read ? table[block] : 0);
    blocks[i] = pool.base + number * pool.block_bytes() + head_at;
  }
  TOLLGATE_UNROLL
  for (int i = 0; i < kTokens * Shape::kChunks / kThreads; ++i) {
    const int index = thread + i * kThreads, token = index / Shape::kChunks, chunk = index % Shape::kChunks;
    const int position = tile + token;
    const std::byte* block = kBlocks == 1 || token < kBlock ? blocks[0] : blocks[kBlocks - 1];
    const std::byte* key = block + (position % kBlock) * Shape::kRowBytes + chunk * 16;
    const bool valid = position >= from && position < to;
    copy_async(keys + token * Shape::kStride + chunk * 16, key, valid);
    copy_async(values + token * Shape::kStride + chunk * 16, key + value_distance, valid);
  }
  commit_copies();
}

// The 16 query rows as operands of mma: in registers, or in shared memory, as each lane wrote them.
template <int kDim, bool kFp8, bool kShared>
struct Queries {
  static constexpr int kSteps = kDim / 16;
  static constexpr int kSharedBytes = kShared ? kSteps * kWarp * 16 : 0;

  std::uint32_t words[kShared ? 1 : kSteps][4];
  std::byte* shared = nullptr;

  // Rows from packed row `first` on, zeros from `count` on. A lane reads what it wrote itself: no barrier is
  // needed, also where several warps write the same rows to the same `memory`.
  TOLLGATE_DEVICE void load(const AttentionWork& work, const AttentionRow& row, int kv_head, int first, int count,
                            std::byte* memory) {
    shared = memory;
    const int packed = first + lane_index() / 4, column = lane_index() % 4;
    const bool has[2] = {packed < count, packed + 8 < count};
    const std::uint16_t* rows[2];
    TOLLGATE_UNROLL
    for (int i = 0; i < 2; ++i) rows[i] = work.args.q + (has[i] ? query_offset(work, row, kv_head, packed + 8 * i) : 0);
    TOLLGATE_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      std::uint32_t a[4];
      TOLLGATE_UNROLL
      for (int i = 0; i < 2; ++i) {
        const auto* dims = reinterpret_cast<const std::uint32_t*>(rows[i] + 16 * step);
        const std::uint32_t low = has[i] ? dims[kFp8 ? 2 * column : column] : 0;
        const std::uint32_t high = has[i] ? dims[kFp8 ? 2 * column + 1 : column + 4] : 0;
        a[i] = kFp8 ? pick_bytes(low, high, 0x5410) : low;
        a[i + 2] = kFp8 ? pick_bytes(low, high, 0x7632) : high;
      }
      if constexpr (kShared) {
        store_words(shared + (step * kWarp + lane_index()) * 16, {a[0], a[1], a[2], a[3]});
      } else {
        TOLLGATE_UNROLL
        for (int i = 0; i < 4; ++i) words[step][i] = a[i];
      }
    }
  }

  TOLLGATE_DEVICE void get(int step, std::uint32_t (&a)[4]) const {
    if constexpr (kShared) {
      const Words4 all = load_words(shared + (step * kWarp + lane_index()) * 16);
      a[0] = all.x, a[1] = all.y, a[2] = all.z, a[3] = all.w;
    } else {
      TOLLGATE_UNROLL
      for (int i = 0; i < 4; ++i) a[i] = words[step][i];
    }
  }
};

// What each of the lane's two rows (lane / 4 and 8 more) sees, and what all rows of the warp see.
struct Sight {
  int first[2], last[2];    // positions; last < first: a row that is none
  int first_any, last_any;  // somebody sees nothing outside
  int first_all, last_all;  // everybody sees all inside
  TOLLGATE_DEVICE bool border(int tile, int tokens) const { return tile < first_all || tile + tokens - 1 > last_all; }
  TOLLGATE_DEVICE bool sees(int tile, int tokens) const { return tile <= last_any && tile + tokens > first_any; }
};

// Of packed rows [first, first + 16), of which those below `count` are there; first < count.
TOLLGATE_DEVICE Sight sight_of(const AttentionWork& work, const AttentionRow& row, int first, int count) {
  const int start = row.context - row.tokens;
  Sight sight;
  TOLLGATE_UNROLL
  for (int i = 0; i < 2; ++i) {
    const int packed = first + lane_index() / 4 + 8 * i;
    const int position = start + packed / work.group;
    sight.first[i] = first_seen(work, position);
    sight.last[i] = packed < count ? position : -1;
  }
  const int end = first + kPacked < count ? first + kPacked : count;
  sight.last_all = start + first / work.group;
  sight.last_any = start + (end - 1) / work.group;
  sight.first_any = first_seen(work, sight.last_all);
  sight.first_all = first_seen(work, sight.last_any);
  return sight;
}

template <int kDim, bool kFp8>
struct Softmax {
  using Shape = TileShape<kDim, kFp8>;

  float sums[kDim / 8][4];  // of weighted values: tiles of 8 columns, the lane's two columns of its two rows
  float largest[2];         // score so far, times score_factor
  float total[2];           // of weights, of the lane's columns only until finish()

  TOLLGATE_DEVICE void clear() {
    TOLLGATE_UNROLL
    for (int n = 0; n < kDim / 8; ++n) TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) sums[n][i] = 0;
    largest[0] = largest[1] = kNothing;
    total[0] = total[1] = 0;
  }

  // Adds the tokens [tile, tile + kTokens).
  template <int kTokens, bool kShared>
  TOLLGATE_DEVICE void add(const AttentionWork& work, const Queries<kDim, kFp8, kShared>& queries, const Sight& sight,
                           int tile, const std::byte* keys, const std::byte* values) {
    float scores[kTokens / 8][4];
    multiply_keys<kTokens>(queries, keys, scores);
    cap_and_mask<kTokens>(work, sight, tile, scores);
    weigh<kTokens>(work.score_factor, scores);
    add_values<kTokens>(values, scores);
  }

  // Makes `total` whole.
  TOLLGATE_DEVICE void finish() {
    TOLLGATE_UNROLL
    for (int i = 0; i < 2; ++i) {
      total[i] += shuffle_xor(total[i], 1);
      total[i] += shuffle_xor(total[i], 2);
    }
  }

  // The dim of sums[n][i], i even; that of i + 1 is kColumnStep further.
  static constexpr int kColumnStep = kFp8 ? 2 : 1;
  TOLLGATE_DEVICE static int column(int n) {
    const int t = lane_index() % 4;
    return kFp8 ? n / 2 * 16 + 4 * t + n % 2 : n * 8 + 2 * t;
  }

 private:
  template <int kTokens, bool kShared>
  TOLLGATE_DEVICE static void multiply_keys(const Queries<kDim, kFp8, kShared>& queries, const std::byte* keys,
                                            float (&scores)[kTokens / 8][4]) {
    TOLLGATE_UNROLL
    for (int n = 0; n < kTokens / 8; ++n) TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) scores[n][i] = 0;
    // Matrices 0 and 1: two chunks of tokens 0 to 7; 2 and 3: of tokens 8 to 15.
    const int lane = lane_index();
    const std::byte* at = keys + (lane / 16 * 8 + lane % 8) * Shape::kStride + lane / 8 % 2 * 16;
    TOLLGATE_UNROLL
    for (int part = 0; part < Shape::kParts; ++part) {
      std::uint32_t a[kFp8 ? 2 : 1][4];
      TOLLGATE_UNROLL
      for (int i = 0; i < (kFp8 ? 2 : 1); ++i) queries.get((kFp8 ? 2 : 1) * part + i, a[i]);
      TOLLGATE_UNROLL
      for (int j = 0; j < kTokens / 16; ++j) {
        std::uint32_t words[4];
        load_matrices(words, at + j * 16 * Shape::kStride + part * 32);
        TOLLGATE_UNROLL
        for (int n = 0; n < 2; ++n) {
          if constexpr (kFp8) {
            TOLLGATE_UNROLL
            for (int i = 0; i < 2; ++i)
              mma(scores[2 * j + n], a[i],
                  {even_bytes_to_halves(words[2 * n + i]), odd_bytes_to_halves(words[2 * n + i])});
          } else {
            mma(scores[2 * j + n], a[0], {words[2 * n], words[2 * n + 1]});
          }
        }
      }
    }
  }

  // The soft cap; what is not seen becomes nothing.
  template <int kTokens>
  TOLLGATE_DEVICE static void cap_and_mask(const AttentionWork& work, const Sight& sight, int tile,
                                           float (&scores)[kTokens / 8][4]) {
    if (work.tanh_factor != 0) {
      // tanh(x) = 1 - 2 / (e^2x + 1), which needs no care for large x.
      TOLLGATE_UNROLL
      for (int n = 0; n < kTokens / 8; ++n) TOLLGATE_UNROLL
      for (int i = 0; i < 4; ++i) scores[n][i] = 1 - 2 / (exp2_fast(scores[n][i] * work.tanh_factor) + 1);
    }
    if (!sight.border(tile, kTokens)) return;
    TOLLGATE_UNROLL
    for (int n = 0; n < kTokens / 8; ++n) TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int position = tile + 8 * n + 2 * (lane_index() % 4) + i % 2;
      if (position < sight.first[i / 2] || position > sight.last[i / 2]) scores[n][i] = kNothing;
    }
  }

  // Scores become weights, and the sums so far what they are worth beside them. Products and sums are rounded where it
  // is written here, also if the compiler makes several copies of this, so that a tile in which a row sees nothing
  // leaves the row's numbers as they are, and a tile has the same result with a mask that masks nothing.
  template <int kTokens>
  TOLLGATE_DEVICE void weigh(float factor, float (&scores)[kTokens / 8][4]) {
    TOLLGATE_UNROLL
    for (int row = 0; row < 2; ++row) {
      float top = kNothing;
      TOLLGATE_UNROLL
      for (int n = 0; n < kTokens / 8; ++n) TOLLGATE_UNROLL
      for (int i = 2 * row; i < 2 * row + 2; ++i) top = larger(scores[n][i], top);
      top = larger(shuffle_xor(top, 1), top);
      top = larger(shuffle_xor(top, 2), top);
      const float now = larger(top * factor, largest[row]);
      const float base = now == kNothing ? 0 : now;  // a row that has seen nothing yet: its weights are 2^-inf
      const float keep = exp2_fast(largest[row] - base);
      float sum = 0;
      TOLLGATE_UNROLL
      for (int n = 0; n < kTokens / 8; ++n) TOLLGATE_UNROLL
      for (int i = 2 * row; i < 2 * row + 2; ++i) {
        scores[n][i] = exp2_fast(float_fma(scores[n][i], factor, -base));
        sum += scores[n][i];
      }
      largest[row] = now;
      total[row] = float_fma(total[row], keep, sum);
      TOLLGATE_UNROLL
      for (int n = 0; n < kDim / 8; ++n) {
        sums[n][2 * row] *= keep;
        sums[n][2 * row + 1] *= keep;
      }
    }
  }

  template <int kTokens>
  TOLLGATE_DEVICE void add_values(const std::byte* values, const float (&weights)[kTokens / 8][4]) {
    // Matrices 0 and 1: one chunk of tokens 0 to 7 and 8 to 15; 2 and 3: the next chunk.
    const int lane = lane_index();
    const std::byte* at = values + lane % 16 * Shape::kStride + lane / 16 * 16;
    TOLLGATE_UNROLL
    for (int j = 0; j < kTokens / 16; ++j) {
      const float(&low)[4] = weights[2 * j];
      const float(&high)[4] = weights[2 * j + 1];
      const std::uint32_t a[4] = {pack_halves(low[0], low[1]), pack_halves(low[2], low[3]),
                                  pack_halves(high[0], high[1]), pack_halves(high[2], high[3])};
      TOLLGATE_UNROLL
      for (int part = 0; part < Shape::kParts; ++part) {
        std::uint32_t words[4];
        load_matrices_transposed(words, at + j * 16 * Shape::kStride + part * 32);
        TOLLGATE_UNROLL
        for (int n = 0; n < 2; ++n) {
          if constexpr (kFp8) {
            mma(sums[4 * part + 2 * n], a,
                {even_bytes_to_halves(words[2 * n]), even_bytes_to_halves(words[2 * n + 1])});
            mma(sums[4 * part + 2 * n + 1], a,
                {odd_bytes_to_halves(words[2 * n]), odd_bytes_to_halves(words[2 * n + 1])});
          } else {
            mma(sums[2 * part + n], a, {words[2 * n], words[2 * n + 1]});
          }
        }
      }
    }
  }
};

}  // namespace tollgate::local::gpu
