// Attention: softmax over keys that come block by block (Milakov and Gimelshein 2018, Dao 2022). A block's keys are
// turned to [dim][32 tokens] and its values to floats once for all query rows of the tile, so scores are products with
// broadcast queries and no sum runs across lanes. A row's numbers do not depend on the other rows. Included after the
// file's vectors.
#pragma once

#include "local_backend/kernels/level_ops.h"
#include "local_backend/kernels/vector_math.h"

namespace tollgate::local {
namespace {

constexpr int kLanes = Vector::kLanes;
constexpr int kTokenVectors = kAttendTokens / kLanes;
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
  int rows = 0, width = 0;  // width: dim rounded up to whole vectors; what is beyond dim is zero
};

// A vector of a token's row from `column` on; zero behind `dim`.
inline Vector::Floats load_elements(const std::uint8_t* row, int column, int dim, bool bytes) {
  if (column >= dim) return Vector::zero();
  const auto n = static_cast<std::size_t>(dim - column);
  return bytes ? Vector::load_int8_first(row + column, n) : Vector::load_halves_first(row + 2 * column, n);
}

// Keys and values of the first `tokens` tokens of a block; keys of the rest are zero, their values are not read.
inline void load_block(const AttendTask& task, std::int32_t block, int tokens, Tile& tile) {
  const std::size_t at = static_cast<std::size_t>(block) * task.block_bytes;
  const std::uint8_t *keys = task.keys + at, *values = task.values + at;
  const std::size_t row_bytes = static_cast<std::size_t>(task.dim) * (task.bytes ? 1 : 2);
  if (task.bytes) {
    __builtin_memcpy(tile.key_scales, keys, sizeof tile.key_scales);
    __builtin_memcpy(tile.value_scales, values, sizeof tile.value_scales);
    keys += sizeof tile.key_scales, values += sizeof tile.value_scales;
  }
  for (int first = 0; first < kTokens; first += kLanes) {
    for (int column = 0; column < tile.width; column += kLanes) {
      Vector::Floats rows[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        rows[i] = first + i < tokens ? load_elements(keys + static_cast<std::size_t>(first + i) * row_bytes, column,
                                                     task.dim, task.bytes)
                                     : Vector::zero();
      Vector::transpose(rows);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) Vector::store(tile.keys + (column + i) * kTokens + first, rows[i]);
    }
  }
  for (int token = 0; token < tokens; ++token)
    for (int column = 0; column < tile.width; column += kLanes)
      Vector::store(tile.values + token * tile.width + column,
                    load_elements(values + static_cast<std::size_t>(token) * row_bytes, column, task.dim, task.bytes));
}

// Products of kRows query rows with the block's 32 keys.
template <int kRows>
inline void score_rows(Tile& tile, int row) {
  Vector::Floats scores[kTokenVectors][kRows];
#pragma GCC unroll 4
  for (int v = 0; v < kTokenVectors; ++v)
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) scores[v][i] = Vector::zero();
  const float* q = tile.q + row * tile.width;
  const float* keys = tile.keys;
  for (int d = 0; d < tile.width; ++d, keys += kTokens) {
    Vector::Floats in[kTokenVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kTokenVectors; ++v) in[v] = Vector::load(keys + v * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vector::Floats query = Vector::set1(q[i * tile.width + d]);
#pragma GCC unroll 4
      for (int v = 0; v < kTokenVectors; ++v) scores[v][i] = Vector::fma(in[v], query, scores[v][i]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kTokenVectors; ++v) Vector::store(tile.weights[row + i] + v * kLanes, scores[v][i]);
}

inline void score(Tile& tile) {
  int row = 0;
  for (; row + Vector::kScoreRows <= tile.rows; row += Vector::kScoreRows) score_rows<Vector::kScoreRows>(tile, row);
  if (Vector::kScoreRows > 4 && row + 4 <= tile.rows) score_rows<4>(tile, row), row += 4;
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
inline void weigh(const AttendTask& task, Tile& tile, int row, std::uint32_t seen) {
  const Vector::Floats none = Vector::set1(kNone), softcap = Vector::set1(task.softcap);
  Vector::Floats scores[kTokenVectors], top = none;
  for (int v = 0; v < kTokenVectors; ++v) {
    Vector::Floats s = Vector::load(tile.weights[row] + v * kLanes);
    if (task.bytes) s = Vector::mul(s, Vector::load(tile.key_scales + v * kLanes));
    if (task.softcap > 0) s = Vector::mul(tanh_of(Vector::div(s, softcap)), softcap);
    scores[v] = Vector::select(seen >> v * kLanes, s, none);
    top = Vector::max(top, scores[v]);
  }
  const float block_largest = Vector::reduce_max(top);
  const float largest = block_largest > tile.largest[row] ? block_largest : tile.largest[row];
  float keep[kLanes];
  Vector::store(keep, exp_of(Vector::set1(tile.largest[row] - largest)));
  Vector::Floats total = Vector::zero();
  for (int v = 0; v < kTokenVectors; ++v) {
    const Vector::Floats weight = exp_of(Vector::sub(scores[v], Vector::set1(largest)));
    total = Vector::add(total, Vector::select(seen >> v * kLanes, weight, Vector::zero()));
    // Scales of tokens that nobody has written may be anything.
    const Vector::Floats scaled =
        task.bytes ? Vector::mul(weight, Vector::load(tile.value_scales + v * kLanes)) : weight;
    Vector::store(tile.weights[row] + v * kLanes, Vector::select(seen >> v * kLanes, scaled, Vector::zero()));
  }
  tile.keep[row] = keep[0];
  tile.total[row] = tile.total[row] * keep[0] + Vector::reduce_add(total);
  tile.largest[row] = largest;
}

inline void pass_over(Tile& tile, int row) {
  tile.keep[row] = 1.0f;
  for (int v = 0; v < kTokenVectors; ++v) Vector::store(tile.weights[row] + v * kLanes, Vector::zero());
}

// sums = sums * keep + weights * values, for kRows rows and kVectors vectors of columns.
template <int kRows, int kVectors>
inline void add_values(Tile& tile, int row, int column, int tokens) {
  Vector::Floats sums[kRows][kVectors];
  float* out = tile.sums + row * tile.width + column;
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      sums[i][v] = Vector::mul(Vector::load(out + i * tile.width + kLanes * v), Vector::set1(tile.keep[row + i]));
  const float* values = tile.values + column;
  for (int token = 0; token < tokens; ++token, values += tile.width) {
    Vector::Floats in[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) in[v] = Vector::load(values + kLanes * v);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const Vector::Floats weight = Vector::set1(tile.weights[row + i][token]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[i][v] = Vector::fma(weight, in[v], sums[i][v]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) Vector::store(out + i * tile.width + kLanes * v, sums[i][v]);
}

template <int kRows>
inline void add_values_of(Tile& tile, int row, int tokens) {
  constexpr int kColumns = Vector::kValueVectors * kLanes;
  int column = 0;
  for (; column + kColumns <= tile.width; column += kColumns)
    add_values<kRows, Vector::kValueVectors>(tile, row, column, tokens);
  for (; column < tile.width; column += kLanes) add_values<kRows, 1>(tile, row, column, tokens);
}

inline void add_block(Tile& tile, int tokens) {
  int row = 0;
  for (; row + 4 <= tile.rows; row += 4) add_values_of<4>(tile, row, tokens);
  if (row + 2 <= tile.rows) add_values_of<2>(tile, row, tokens), row += 2;
  if (row < tile.rows) add_values_of<1>(tile, row, tokens);
}

inline void begin(const AttendTask& task, Tile& tile) {
  tile.rows = task.queries * task.group;
  tile.width = (task.dim + kLanes - 1) / kLanes * kLanes;
  const Vector::Floats scale = Vector::set1(task.scale);
  for (int row = 0; row < tile.rows; ++row) {
    const int head = row % task.group;
    const float* q = task.q + static_cast<std::size_t>(row / task.group) * task.q_stride + head * task.dim;
    for (int column = 0; column < tile.width; column += kLanes) {
      const Vector::Floats v = Vector::load_first(q + column, static_cast<std::size_t>(task.dim - column));
      Vector::store(tile.q + row * tile.width + column, Vector::mul(v, scale));
      Vector::store(tile.sums + row * tile.width + column, Vector::zero());
    }
    tile.largest[row] = task.sinks != nullptr ? task.sinks[head] : kNone;
    tile.total[row] = task.sinks != nullptr ? 1.0f : 0.0f;
  }
}

inline void finish(const AttendTask& task, const Tile& tile) {
  for (int row = 0; row < tile.rows; ++row) {
    float* out = task.out + static_cast<std::size_t>(row / task.group) * task.q_stride + row % task.group * task.dim;
    if (task.parts != nullptr)
      out = task.parts + static_cast<std::size_t>(row) * static_cast<std::size_t>(task.dim + 2);
    const Vector::Floats factor = Vector::set1(task.parts != nullptr ? 1.0f : 1.0f / tile.total[row]);
    for (int column = 0; column < task.dim; column += kLanes)
      Vector::store_first(out + column, static_cast<std::size_t>(task.dim - column),
                          Vector::mul(Vector::load(tile.sums + row * tile.width + column), factor));
    if (task.parts != nullptr) out[task.dim] = tile.largest[row], out[task.dim + 1] = tile.total[row];
  }
}

inline void attend(const AttendTask& task) {
  Tile tile;
  begin(task, tile);
  for (int block = task.first_block; block < task.end_block; ++block) {
    const int first_token = block * kTokens;
    const int left = task.context - first_token, tokens = left < kTokens ? left : kTokens;
    load_block(task, task.blocks[block], tokens, tile);
    score(tile);
    for (int row = 0; row < tile.rows; ++row) {
      const std::uint32_t seen = visible(task, first_token, task.first_position + row / task.group);
      seen != 0 ? weigh(task, tile, row, seen) : pass_over(tile, row);
    }
    add_block(tile, tokens);
  }
  finish(task, tile);
}

}  // namespace
}  // namespace tollgate::local
