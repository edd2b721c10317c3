// From logits to a token. One row at a time, the same result whatever else is in the batch: randomness is Philox keyed
// by (seed, position), so a device can do the same. Order of steps: mask, logit bias, repetition penalty, presence and
// frequency penalty, temperature, top-k, min-p, top-p, draw. Log probabilities are of the distribution after mask, bias
// and penalties at temperature 1 (the meaning that OpenAI's clients expect). Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

struct SamplingParams {
  float temperature = 1.0f;  // 0 = greedy, ties to the lowest id
  int top_k = 0;             // 0 = all
  float top_p = 1.0f;
  float min_p = 0.0f;
  float repetition_penalty = 1.0f;  // over prompt and answer
  float presence_penalty = 0.0f;    // over the answer
  float frequency_penalty = 0.0f;
  std::vector<std::pair<Token, float>> logit_bias;
  std::uint64_t seed = 0;
  int logprobs = -1;  // how many alternatives to tell; -1 = not even the chosen one's
};

// One token to be drawn.
struct SampleRow {
  const SamplingParams* params = nullptr;
  std::span<const Token> prompt, answer;  // history, for penalties; drafts that stand before this one are in `answer`
  std::int64_t position = 0;              // of the token to be drawn, counted from the prompt's first
  std::uint32_t stream = 0;               // which of n answers
  std::span<const std::uint32_t> mask;    // allowed tokens; empty = all
};

struct Sampled {
  Token token = -1;
  float logprob = 0;  // of the token; only if asked for
  std::vector<std::pair<Token, float>> top;
};

// `logits` may be changed. NaN counts as minus infinity; when nothing is left, the lowest allowed id is taken.
Sampled sample(std::span<float> logits, const SampleRow& row);

// The counter-based generator (Salmon et al. 2011, Philox4x32-10): 4 words for a counter and a key.
struct Philox {
  static void words(std::uint64_t counter_low, std::uint64_t counter_high, std::uint64_t key, std::uint32_t out[4]);
};

}  // namespace tollgate::local
