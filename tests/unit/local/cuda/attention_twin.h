// Attention in plain doubles, over keys, values and queries that are functions of where they are: the same sequence may
// be asked for in many plans. Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "local_backend/cuda/fp8.h"

namespace tollgate::local::gpu {

// What a step's attention is about, without the rows.
struct AttentionModel {
  int heads = 1, kv_heads = 1, dim = 64;
  bool fp8 = false;
  int window = 0;
  float softcap = 0;
  int group() const { return heads / kv_heads; }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(dim)); }
  std::string text() const {
    return std::to_string(heads) + "/" + std::to_string(kv_heads) + " heads of " + std::to_string(dim) +
           (fp8 ? ", e4m3" : ", f16") + ", window " + std::to_string(window) + ", cap " + std::to_string(softcap);
  }
};

// One sequence's part of a step: its last `tokens` tokens at a context of `context`.
struct AttentionPart {
  int sequence = 0, tokens = 1, context = 1;
};

enum class Of : std::uint64_t { query, key, value };

// In [-1, 1), queries in [-4, 4): scores differ by a few units.
inline float drawn(Of of, int sequence, int position, int head, int column) {
  std::uint64_t bits = static_cast<std::uint64_t>(of);
  for (const int part : {sequence, position, head, column}) {
    bits = (bits + static_cast<std::uint64_t>(part) + 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9;
    bits ^= bits >> 29;
  }
  const float value = static_cast<float>(bits >> 40) * 0x1p-23f - 1;
  return of == Of::query ? 4 * value : value;
}

inline std::uint16_t half_bits(float value) { return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value)); }
inline float half_value(std::uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }

// As it is stored.
inline float stored(const AttentionModel& model, Of of, int sequence, int position, int head, int column) {
  const float value = drawn(of, sequence, position, head, column);
  if (of != Of::query && model.fp8) return fp8_to_float(float_to_fp8(value));
  return half_value(half_bits(value));
}

// Keys and values of one sequence and head, [position][dim].
struct TwinHead {
  std::vector<float> keys, values;
  TwinHead(const AttentionModel& model, int sequence, int kv_head, int context) {
    for (int position = 0; position < context; ++position) {
      for (int column = 0; column < model.dim; ++column) {
        keys.push_back(stored(model, Of::key, sequence, position, kv_head, column));
        values.push_back(stored(model, Of::value, sequence, position, kv_head, column));
      }
    }
  }
};

inline double dot(const std::vector<float>& query, const float* key) {
  double sum = 0;
  for (std::size_t i = 0; i < query.size(); ++i) sum += static_cast<double>(query[i]) * static_cast<double>(key[i]);
  return sum;
}

// The result of the query at `position`: [dim].
inline std::vector<double> twin_attention(const AttentionModel& model, const TwinHead& head, int sequence, int position,
                                          int query_head) {
  const auto dim = static_cast<std::size_t>(model.dim);
  std::vector<float> query(dim);
  for (std::size_t i = 0; i < dim; ++i)
    query[i] = stored(model, Of::query, sequence, position, query_head, static_cast<int>(i));
  const int first = model.window > 0 ? std::max(0, position - model.window + 1) : 0;
  std::vector<double> weights;
  double largest = -1e300, total = 0;
  for (int other = first; other <= position; ++other) {
    double score = dot(query, head.keys.data() + static_cast<std::size_t>(other) * dim) * model.scale();
    if (model.softcap > 0) score = model.softcap * std::tanh(score / model.softcap);
    weights.push_back(score);
    largest = std::max(largest, score);
  }
  for (double& weight : weights) total += weight = std::exp(weight - largest);
  std::vector<double> out(dim);
  for (int other = first; other <= position; ++other) {
    const double weight = weights[static_cast<std::size_t>(other - first)] / total;
    const float* value = head.values.data() + static_cast<std::size_t>(other) * dim;
    for (std::size_t i = 0; i < dim; ++i) out[i] += weight * static_cast<double>(value[i]);
  }
  return out;
}

}  // namespace tollgate::local::gpu
