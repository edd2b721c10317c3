#include "local_backend/sampling/row_math.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace tollgate::local {
namespace {

constexpr std::size_t kLanes = 4;  // what every x86-64 and every ARM of 64 bits has
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(float))));
using Doubles = double __attribute__((vector_size(kLanes * sizeof(double))));

// The vector at `from`, of which `count` <= kLanes values exist; the others are `fill`.
Floats load(const float* from, std::size_t count, float fill) {
  Floats value = Floats{} + fill;
  std::memcpy(&value, from, count * sizeof(float));
  return value;
}

void store(float* to, std::size_t count, const Floats& value) { std::memcpy(to, &value, count * sizeof(float)); }

// Calls step(index, count) for each vector of [begin, end); the count is a constant for all but the last one.
template <class Step>
void for_each_vector(std::size_t begin, std::size_t end, const Step& step) {
  std::size_t i = begin;
  for (; i + kLanes <= end; i += kLanes) step(i, std::integral_constant<std::size_t, kLanes>());
  if (i < end) step(i, end - i);
}

Floats choose(const Ints& which, const Floats& yes, const Floats& no) {
  return reinterpret_cast<Floats>((which & reinterpret_cast<Ints>(yes)) | (~which & reinterpret_cast<Ints>(no)));
}

Floats cleaned(const Floats& x) {
  const Floats value = choose(x == x, x, Floats{} - kInfinity) + 0.0f;
  return choose(value > kLargest, Floats{} + kLargest, value);
}

// exp(x) for x <= 0: 2^n * e^r with |r| <= ln(2) / 2, e^r by its Taylor polynomial of degree 7, ln 2 in two parts
// (Cody and Waite, "Software Manual for the Elementary Functions", 1980, chapter 6).
Floats exp_below_zero(const Floats& x) {
  constexpr float kLowest = -87.0f, kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const Ints counts = x >= kLowest;                        // false for NaN, too
  const Floats bounded = choose(counts, x, Floats{});
  const Floats n = (bounded * 1.44269504f + kRound) - kRound;
  const Floats r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  Floats p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Ints exponent = __builtin_convertvector(n, Ints) << 23;
  const Floats value = reinterpret_cast<Floats>(reinterpret_cast<Ints>(p) + exponent);
  return choose(counts, value, Floats{});
}

}  // namespace

void apply_mask(std::span<float> logits, std::span<const std::uint32_t> mask) {
  if (mask.empty()) return;
  for (std::size_t word = 0; word * 32 < logits.size(); ++word) {
    const std::uint32_t bits = word < mask.size() ? mask[word] : 0;
    const std::span<float> part = logits.subspan(word * 32, std::min<std::size_t>(32, logits.size() - word * 32));
    if (bits == 0) {
      std::fill(part.begin(), part.end(), -kInfinity);
    } else if (bits != ~std::uint32_t{0}) {
      for (std::size_t i = 0; i < part.size(); ++i)
        if ((bits >> i & 1) == 0) part[i] = -kInfinity;
    }
  }
}

void clean(std::span<float> logits, std::vector<float>& maxima) {
  maxima.clear();
  for (std::size_t begin = 0; begin < logits.size(); begin += kSampleBlock) {
    const std::size_t end = std::min(begin + kSampleBlock, logits.size());
    Floats most = Floats{} - kInfinity;
    for_each_vector(begin, end, [&](std::size_t i, auto count) {
      const Floats value = cleaned(load(&logits[i], count, -kInfinity));
      store(&logits[i], count, value);
      most = choose(value > most, value, most);
    });
    float top = most[0];
    for (std::size_t lane = 1; lane < kLanes; ++lane) top = std::max(top, most[lane]);
    maxima.push_back(top);
  }
}

void weigh(std::span<const float> logits, float top, float scale, std::span<float> weights, std::vector<double>& sums) {
  sums.clear();
  for (std::size_t begin = 0; begin < logits.size(); begin += kSampleBlock) {
    const std::size_t end = std::min(begin + kSampleBlock, logits.size());
    Doubles sum = Doubles{};
    for_each_vector(begin, end, [&](std::size_t i, auto count) {
      const Floats weight = exp_below_zero((load(&logits[i], count, -kInfinity) - top) * scale);
      store(&weights[i], count, weight);
      sum += __builtin_convertvector(weight, Doubles);
    });
    sums.push_back((sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
}

void collect_from(std::span<const float> values, float bound, std::vector<std::uint32_t>& ids) {
  ids.clear();
  for_each_vector(0, values.size(), [&](std::size_t i, auto count) {
    const Ints enough = load(&values[i], count, -kInfinity) >= bound;
    if ((enough[0] | enough[1] | enough[2] | enough[3]) == 0) return;
    for (std::size_t lane = 0; lane < count; ++lane)
      if (enough[lane] != 0) ids.push_back(static_cast<std::uint32_t>(i + lane));
  });
}

}  // namespace tollgate::local
