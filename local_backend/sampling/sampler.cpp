#include "local_backend/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "local_backend/sampling/philox.h"
#include "local_backend/sampling/row_math.h"
#include "local_backend/sampling/select.h"

namespace tollgate::local {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Working memory of one thread, kept so that drawing does not allocate per token. Holds no result between calls, except
// that `counts` is all zero there.
struct Scratch {
  std::vector<float> maxima, weights;
  std::vector<double> sums;
  std::vector<std::uint32_t> ids, counts, seen;
};

Scratch& scratch() {
  thread_local Scratch memory;
  return memory;
}

bool known(Token token, std::span<const float> logits) {
  return token >= 0 && static_cast<std::size_t>(token) < logits.size();
}

void apply_bias(std::span<float> logits, const SamplingParams& params) {
  for (const auto& [token, bias] : params.logit_bias)
    if (known(token, logits)) logits[static_cast<std::size_t>(token)] += bias;
}

// Calls change(logit, times) once for each different token of `parts`.
template <class Change>
void for_each_seen(std::span<float> logits, std::initializer_list<std::span<const Token>> parts, const Change& change) {
  Scratch& memory = scratch();
  if (memory.counts.size() < logits.size()) memory.counts.resize(logits.size());
  memory.seen.clear();
  for (const std::span<const Token> part : parts) {
    for (const Token token : part) {
      if (!known(token, logits)) continue;
      const auto id = static_cast<std::uint32_t>(token);
      if (memory.counts[id]++ == 0) memory.seen.push_back(id);
    }
  }
  for (const std::uint32_t id : memory.seen) {
    change(logits[id], memory.counts[id]);
    memory.counts[id] = 0;
  }
}

// Repetition: N. Keskar et al., "CTRL", 2019, section 4.1, with negative logits multiplied instead of divided so that
// the penalty never rewards. Presence and frequency: as OpenAI's API reference defines them.
void apply_penalties(std::span<float> logits, const SampleRow& row) {
  const SamplingParams& params = *row.params;
  const float repetition = params.repetition_penalty;
  if (repetition > 0 && repetition != 1.0f) {
    for_each_seen(logits, {row.prompt, row.answer}, [repetition](float& logit, std::uint32_t) {
      logit = logit > 0 ? logit / repetition : logit * repetition;
    });
  }
  const float presence = params.presence_penalty, frequency = params.frequency_penalty;
  if (presence != 0 || frequency != 0) {
    for_each_seen(logits, {row.answer}, [presence, frequency](float& logit, std::uint32_t times) {
      logit -= presence + frequency * static_cast<float>(times);
    });
  }
}

Token lowest_allowed(std::size_t vocabulary, std::span<const std::uint32_t> mask) {
  for (std::size_t i = 0; i < std::min(vocabulary, mask.size() * 32); ++i)
    if ((mask[i / 32] >> (i % 32) & 1) != 0) return static_cast<Token>(i);
  return 0;
}

// The lowest id of the largest logit. REQUIRES: `maxima` of clean(), not empty.
std::size_t most_likely(std::span<const float> logits, const std::vector<float>& maxima) {
  const auto block = static_cast<std::size_t>(std::max_element(maxima.begin(), maxima.end()) - maxima.begin());
  std::size_t id = block * kSampleBlock;
  while (logits[id] != maxima[block]) ++id;
  return id;
}

double sum_of(const std::vector<double>& sums) {
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

// Into `ids`: the `count` most likely tokens that are possible at all, ascending ids. The count-th largest of the
// blocks' maxima is no more than the count-th largest logit, which leaves few tokens to look at.
void most_likely_ids(std::span<const float> logits, std::vector<float> maxima, std::size_t count,
                     std::vector<std::uint32_t>& ids) {
  float bound = std::numeric_limits<float>::lowest();
  if (count <= maxima.size()) {
    const auto at = maxima.begin() + static_cast<std::ptrdiff_t>(count - 1);
    std::nth_element(maxima.begin(), at, maxima.end(), std::greater<>());
    bound = std::max(bound, *at);
  }
  collect_from(logits, bound, ids);
  keep_most_likely(logits, count, ids);
}

void tell_logprobs(std::span<const float> logits, std::size_t best, std::size_t alternatives, Sampled& out) {
  Scratch& memory = scratch();
  const float top = logits[best];
  weigh(logits, top, 1.0f, memory.weights, memory.sums);
  const double norm = std::log(sum_of(memory.sums));
  const auto logprob = [&](std::size_t id) {
    return static_cast<float>(static_cast<double>(logits[id]) - static_cast<double>(top) - norm);
  };
  out.logprob = logprob(static_cast<std::size_t>(out.token));
  if (alternatives == 0) return;
  most_likely_ids(logits, memory.maxima, alternatives, memory.ids);
  std::sort(memory.ids.begin(), memory.ids.end(), [logits](std::uint32_t a, std::uint32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  for (const std::uint32_t id : memory.ids) out.top.emplace_back(static_cast<Token>(id), logprob(id));
}

// Into `ids`: what top-k, min-p and top-p leave, each over what the one before left. REQUIRES: weights and sums of the
// row at its temperature. False: nothing is cut, `ids` is not filled.
bool truncate(std::span<const float> logits, const SamplingParams& params, Scratch& memory) {
  const bool by_count = params.top_k > 0 && static_cast<std::size_t>(params.top_k) < logits.size();
  const bool by_share = params.min_p > 0;
  const bool by_mass = params.top_p < 1.0f;
  if (!by_count && !by_share && !by_mass) return false;
  std::vector<std::uint32_t>& ids = memory.ids;
  double mass = sum_of(memory.sums);
  const float share = std::min(params.min_p, 1.0f);  // the most likely token weighs 1 and always stays
  if (by_count) {
    most_likely_ids(logits, memory.maxima, static_cast<std::size_t>(params.top_k), ids);
    if (by_share) std::erase_if(ids, [&](std::uint32_t id) { return memory.weights[id] < share; });
  } else if (by_share) {
    collect_from(memory.weights, std::max(share, std::numeric_limits<float>::min()), ids);
  } else {
    // Tokens below the bound weigh less than 1 - top_p of the whole all together, so none of them is in the nucleus.
    const double spare = (1.0 - std::max(params.top_p, 0.0f)) * mass / static_cast<double>(logits.size());
    collect_from(memory.weights, std::max(static_cast<float>(0.5 * spare), std::numeric_limits<float>::min()), ids);
  }
  if (by_mass) {
    if (by_count || by_share) {
      mass = 0;
      for (const std::uint32_t id : ids) mass += memory.weights[id];
    }
    keep_mass(logits, memory.weights, std::max(params.top_p, 0.0f) * mass, ids);
  }
  return true;
}

// The token at which the running sum of weights, in the order of ids, exceeds `u` of the whole.
std::size_t draw_from_ids(const Scratch& memory, double u) {
  double mass = 0, sum = 0;
  for (const std::uint32_t id : memory.ids) mass += memory.weights[id];
  std::size_t last = memory.ids.front();
  for (const std::uint32_t id : memory.ids) {
    if (memory.weights[id] > 0) last = id;
    sum += memory.weights[id];
    if (sum > u * mass) break;
  }
  return last;
}

std::size_t draw_from_all(const Scratch& memory, std::size_t vocabulary, double u) {
  const double target = u * sum_of(memory.sums);
  double sum = 0;
  std::size_t block = 0, last_with_mass = 0;
  for (; block < memory.sums.size(); ++block) {
    if (memory.sums[block] > 0) last_with_mass = block;
    if (sum + memory.sums[block] > target) break;
    sum += memory.sums[block];
  }
  if (block == memory.sums.size()) sum -= memory.sums[last_with_mass];  // rounding: the sum fell short of itself
  std::size_t last = last_with_mass * kSampleBlock;
  for (std::size_t id = last; id < std::min(vocabulary, (last_with_mass + 1) * kSampleBlock); ++id) {
    if (memory.weights[id] > 0) last = id;
    sum += memory.weights[id];
    if (sum > target) break;
  }
  return last;
}

std::size_t draw(std::span<const float> logits, const SampleRow& row, std::size_t best) {
  const float scale = 1.0f / row.params->temperature;
  if (!(row.params->temperature > 0) || !std::isfinite(scale)) return best;
  Scratch& memory = scratch();
  weigh(logits, logits[best], scale, memory.weights, memory.sums);
  const double u = uniform_number(static_cast<std::uint64_t>(row.position), row.stream, row.params->seed);
  return truncate(logits, *row.params, memory) ? draw_from_ids(memory, u) : draw_from_all(memory, logits.size(), u);
}

}  // namespace

Sampled sample(std::span<float> logits, const SampleRow& row) {
  Sampled out;
  apply_mask(logits, row.mask);
  apply_bias(logits, *row.params);
  apply_penalties(logits, row);
  Scratch& memory = scratch();
  clean(logits, memory.maxima);
  memory.weights.resize(logits.size());
  if (logits.empty() || *std::max_element(memory.maxima.begin(), memory.maxima.end()) == -kInfinity) {
    out.token = lowest_allowed(logits.size(), row.mask);
    return out;
  }
  const std::size_t best = most_likely(logits, memory.maxima);
  out.token = static_cast<Token>(draw(logits, row, best));
  if (row.params->logprobs >= 0) tell_logprobs(logits, best, static_cast<std::size_t>(row.params->logprobs), out);
  return out;
}

}  // namespace tollgate::local
