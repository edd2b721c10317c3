// Attention of the AVX-512 levels: softmax over keys that come block by block (Milakov and Gimelshein 2018, Dao 2022).
// A block's keys are turned to [dim][32 tokens] and its values to floats once for all query rows of the tile, so scores
// are products with broadcast queries and no sum runs across lanes. A row's numbers do not depend on the other rows.
#include "local_backend/kernels/avx512_math.h"
#include "local_backend/kernels/avx512_ops.h"

namespace tollgate::local {
namespace {

constexpr int kTokens = kAttendTokens;
constexpr float kNone = -__builtin_huge_valf();

struct Tile {
  alignas(64) float q[kAttendRows * kAttendDim];     // [rows][width], times the scale of scores
  alignas(64) float sums[kAttendRows * kAttendDim];  // [rows][width]
  alignas(64) float keys[kAttendDim * kTokens];      // [width][32]
  alignas(64) float values[kTokens * kAttendDim];    // [32][width]
  alignas(64) float weights[kAttendRows][kTokens];
  alignas(64) float key_scales[kTokens], value_scales[kTokens];
  float largest[kAttendRows], total[kAttendRows], keep[kAttendRows];
  int rows = 0, width = 0;  // width: dim rounded up to 16; what is beyond dim is zero
};

// Sixteen elements of a token's row from `column` on.
inline __m512 load_elements(const std::uint8_t* row, int column, int dim, bool bytes) {
  const __mmask16 lanes = first_lanes(static_cast<std::size_t>(dim - column));
  if (bytes) return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes, row + column)));
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, row + 2 * column));
}

// rows[i] lane j becomes rows[j] lane i.
inline void transpose16(__m512 (&rows)[16]) {
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    rows[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
    rows[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    rows[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xDD);
    t[i + 8] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xDD);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xDD);
    rows[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    rows[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xDD);
  }
}

// Keys and values of the first `tokens` tokens of a block; keys of the rest are zero, their values are not read.
void load_block(const AttendTask& task, std::int32_t block, int tokens, Tile& tile) {
  const std::size_t at = static_cast<std::size_t>(block) * task.block_bytes;
  const std::uint8_t *keys = task.keys + at, *values = task.values + at;
  const std::size_t row_bytes = static_cast<std::size_t>(task.dim) * (task.bytes ? 1 : 2);
  if (task.bytes) {
    for (int half = 0; half < 2; ++half) {
      _mm512_store_ps(tile.key_scales + 16 * half, _mm512_loadu_ps(keys + 64 * half));
      _mm512_store_ps(tile.value_scales + 16 * half, _mm512_loadu_ps(values + 64 * half));
    }
    keys += kTokens * sizeof(float), values += kTokens * sizeof(float);
  }
  for (int first = 0; first < kTokens; first += 16) {
    for (int column = 0; column < tile.width; column += 16) {
      __m512 rows[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i)
        rows[i] = first + i < tokens ? load_elements(keys + static_cast<std::size_t>(first + i) * row_bytes, column,
                                                     task.dim, task.bytes)
                                     : _mm512_setzero_ps();
      transpose16(rows);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) _mm512_store_ps(tile.keys + (column + i) * kTokens + first, rows[i]);
    }
  }
  for (int token = 0; token < tokens; ++token)
    for (int column = 0; column < tile.width; column += 16)
      _mm512_store_ps(
          tile.values + token * tile.width + column,
          load_elements(values + static_cast<std::size_t>(token) * row_bytes, column, task.dim, task.bytes));
}

// Products of kRows query rows with the block's 32 keys.
template <int kRows>
inline void score_rows(Tile& tile, int row) {
  __m512 scores[2][kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) scores[0][i] = scores[1][i] = _mm512_setzero_ps();
  const float* q = tile.q + row * tile.width;
  const float* keys = tile.keys;
  for (int d = 0; d < tile.width; ++d, keys += kTokens) {
    const __m512 low = _mm512_load_ps(keys), high = _mm512_load_ps(keys + 16);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const __m512 query = _mm512_set1_ps(q[i * tile.width + d]);
      scores[0][i] = _mm512_fmadd_ps(low, query, scores[0][i]);
      scores[1][i] = _mm512_fmadd_ps(high, query, scores[1][i]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    _mm512_store_ps(tile.weights[row + i], scores[0][i]);
    _mm512_store_ps(tile.weights[row + i] + 16, scores[1][i]);
  }
}

void score(Tile& tile) {
  int row = 0;
  for (; row + 8 <= tile.rows; row += 8) score_rows<8>(tile, row);
  if (row + 4 <= tile.rows) score_rows<4>(tile, row), row += 4;
  if (row + 2 <= tile.rows) score_rows<2>(tile, row), row += 2;
  if (row < tile.rows) score_rows<1>(tile, row);
}

// Tokens of the block that a query at `position` sees, as bits.
inline std::uint32_t visible(const AttendTask& task, int first_token, int position) {
  const int end = task.causal ? position + 1 : task.context;
  const int from =
      task.window > 0 && position - task.window + 1 > first_token ? position - task.window + 1 - first_token : 0;
  const int to = end - first_token < kTokens ? end - first_token : kTokens;
  if (from >= to) return 0;
  const std::uint32_t below = to == kTokens ? ~0u : (1u << to) - 1;
  return below & (~0u << from);
}

// Scores of one row become weights; `keep` is what the row's sums so far are worth.
void weigh(const AttendTask& task, Tile& tile, int row, std::uint32_t seen) {
  const __mmask16 masks[2] = {static_cast<__mmask16>(seen), static_cast<__mmask16>(seen >> 16)};
  const __m512 none = _mm512_set1_ps(kNone);
  __m512 scores[2];
  for (int half = 0; half < 2; ++half) {
    __m512 s = _mm512_load_ps(tile.weights[row] + 16 * half);
    if (task.bytes) s = _mm512_mul_ps(s, _mm512_load_ps(tile.key_scales + 16 * half));
    if (task.softcap > 0)
      s = _mm512_mul_ps(tanh16(_mm512_div_ps(s, _mm512_set1_ps(task.softcap))), _mm512_set1_ps(task.softcap));
    scores[half] = _mm512_mask_blend_ps(masks[half], none, s);
  }
  const float top = _mm512_reduce_max_ps(_mm512_max_ps(scores[0], scores[1]));
  const float largest = top > tile.largest[row] ? top : tile.largest[row];
  const __m512 base = _mm512_set1_ps(largest);
  const float keep = _mm512_cvtss_f32(exp16(_mm512_set1_ps(tile.largest[row] - largest)));
  __m512 total = _mm512_setzero_ps();
  for (int half = 0; half < 2; ++half) {
    __m512 w = _mm512_maskz_mov_ps(masks[half], exp16(_mm512_sub_ps(scores[half], base)));
    total = _mm512_add_ps(total, w);
    if (task.bytes) w = _mm512_maskz_mul_ps(masks[half], w, _mm512_load_ps(tile.value_scales + 16 * half));
    _mm512_store_ps(tile.weights[row] + 16 * half, w);
  }
  tile.keep[row] = keep;
  tile.total[row] = tile.total[row] * keep + _mm512_reduce_add_ps(total);
  tile.largest[row] = largest;
}

// sums = sums * keep + weights * values, for kRows rows and kVectors times 16 columns.
template <int kRows, int kVectors>
inline void add_values(Tile& tile, int row, int column, int tokens) {
  __m512 sums[kRows][kVectors];
  float* out = tile.sums + row * tile.width + column;
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      sums[i][v] = _mm512_mul_ps(_mm512_load_ps(out + i * tile.width + 16 * v), _mm512_set1_ps(tile.keep[row + i]));
  const float* values = tile.values + column;
  for (int token = 0; token < tokens; ++token, values += tile.width) {
    __m512 in[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) in[v] = _mm512_load_ps(values + 16 * v);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const __m512 weight = _mm512_set1_ps(tile.weights[row + i][token]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[i][v] = _mm512_fmadd_ps(weight, in[v], sums[i][v]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) _mm512_store_ps(out + i * tile.width + 16 * v, sums[i][v]);
}

template <int kRows>
void add_values_of(Tile& tile, int row, int tokens) {
  int column = 0;
  for (; column + 64 <= tile.width; column += 64) add_values<kRows, 4>(tile, row, column, tokens);
  for (; column < tile.width; column += 16) add_values<kRows, 1>(tile, row, column, tokens);
}

void add_block(Tile& tile, int tokens) {
  int row = 0;
  for (; row + 4 <= tile.rows; row += 4) add_values_of<4>(tile, row, tokens);
  if (row + 2 <= tile.rows) add_values_of<2>(tile, row, tokens), row += 2;
  if (row < tile.rows) add_values_of<1>(tile, row, tokens);
}

void begin(const AttendTask& task, Tile& tile) {
  tile.rows = task.queries * task.group;
  tile.width = (task.dim + 15) / 16 * 16;
  const __m512 scale = _mm512_set1_ps(task.scale);
  for (int row = 0; row < tile.rows; ++row) {
    const int head = row % task.group;
    const float* q = task.q + static_cast<std::size_t>(row / task.group) * task.q_stride + head * task.dim;
    for (int column = 0; column < tile.width; column += 16) {
      const __m512 v = _mm512_maskz_loadu_ps(first_lanes(static_cast<std::size_t>(task.dim - column)), q + column);
      _mm512_store_ps(tile.q + row * tile.width + column, _mm512_mul_ps(v, scale));
      _mm512_store_ps(tile.sums + row * tile.width + column, _mm512_setzero_ps());
    }
    tile.largest[row] = task.sinks != nullptr ? task.sinks[head] : kNone;
    tile.total[row] = task.sinks != nullptr ? 1.0f : 0.0f;
  }
}

void finish(const AttendTask& task, const Tile& tile) {
  for (int row = 0; row < tile.rows; ++row) {
    float* out =
        task.parts != nullptr
            ? task.parts + static_cast<std::size_t>(row) * static_cast<std::size_t>(task.dim + 2)
            : task.out + static_cast<std::size_t>(row / task.group) * task.q_stride + row % task.group * task.dim;
    const __m512 factor = _mm512_set1_ps(task.parts != nullptr ? 1.0f : 1.0f / tile.total[row]);
    for (int column = 0; column < task.dim; column += 16)
      _mm512_mask_storeu_ps(out + column, first_lanes(static_cast<std::size_t>(task.dim - column)),
                            _mm512_mul_ps(_mm512_load_ps(tile.sums + row * tile.width + column), factor));
    if (task.parts != nullptr) out[task.dim] = tile.largest[row], out[task.dim + 1] = tile.total[row];
  }
}

}  // namespace

void avx512_attend(const AttendTask& task) {
  Tile tile;
  begin(task, tile);
  for (int block = task.first_block; block < task.end_block; ++block) {
    const int first_token = block * kTokens;
    const int left = task.context - first_token, tokens = left < kTokens ? left : kTokens;
    load_block(task, task.blocks[block], tokens, tile);
    score(tile);
    for (int row = 0; row < tile.rows; ++row) {
      const std::uint32_t seen = visible(task, first_token, task.first_position + row / task.group);
      if (seen != 0) {
        weigh(task, tile, row, seen);
        continue;
      }
      tile.keep[row] = 1.0f;
      for (int half = 0; half < 2; ++half) _mm512_store_ps(tile.weights[row] + 16 * half, _mm512_setzero_ps());
    }
    add_block(tile, tokens);
  }
  finish(task, tile);
}

}  // namespace tollgate::local
