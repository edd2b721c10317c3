// Traffic for a bench: when requests come, how long prompts and answers are, and the prompts' tokens. The same options
// give the same traffic, request by request. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/text/tokenizer.h"

namespace tollgate::gateway::bench {

// Numbers from a seed: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  double uniform();                      // in (0, 1]
  double normal();                       // mean 0, deviation 1
  std::size_t below(std::size_t bound);  // in [0, bound); bound >= 1

 private:
  std::uint64_t state_;
};

struct Shape {
  enum class Kind : unsigned char { fixed, sharegpt, shared_prefix };
  Kind kind = Kind::fixed;
  std::size_t prompt = 0, answer = 0;  // tokens of each request; of sharegpt: not looked at
  std::size_t prefix = 0;              // shared_prefix: tokens before `prompt` that a group of requests has in common
};

// "IN/OUT", "sharegpt", "shared-prefix" (1024+128/128) or "shared-prefix:PREFIX+IN/OUT". Errors: client_fault with what
// may be said.
Result<Shape> parse_shape(std::string_view text);

// Lengths like those of ShareGPT's conversations: log-normal with the means that Kwon et al. give (arXiv:2309.06180,
// figure 11). The spreads are our choice: many short prompts, few long ones. Lengths are kept within [4, 1024].
inline constexpr double kShareGptPromptMean = 161.31, kShareGptAnswerMean = 337.99;
inline constexpr double kShareGptPromptSpread = 1.4, kShareGptAnswerSpread = 0.8;  // deviation of the logarithm
inline constexpr std::size_t kShareGptLeast = 4, kShareGptMost = 1024;

// Bounds of one run: samples and waiting prompts are kept in memory, 4 bytes for each token.
inline constexpr std::size_t kMostRequests = 100'000;
inline constexpr std::size_t kMostAnswerTokens = 8u << 20, kMostPromptTokens = 64u << 20;

struct WorkloadOptions {
  Shape shape;
  std::size_t requests = 100;
  double rate = 0;  // requests per second, arriving at random (Poisson); 0 = all at once
  std::uint64_t seed = 1;
  std::size_t group = 8;    // shared_prefix: requests that share a prefix
  std::size_t context = 0;  // of the model: the most that a prompt and its answer may have together
};

struct PlannedRequest {
  std::int64_t at_us = 0;  // after the start
  std::size_t prompt = 0, answer = 0;
  std::size_t prefix = 0, group = 0;  // of the prompt, shared with the others of the group
};

// In the order of arrival. Errors: client_fault when a shape does not fit into the context, or a bound is passed.
Result<std::vector<PlannedRequest>> plan_requests(const WorkloadOptions& options);

// Random tokens that text may have: neither control tokens nor unused ones.
std::vector<local::Token> random_tokens(const local::Tokenizer& tokenizer, std::uint64_t seed, std::size_t count);
// The prompt of request `index`: the group's prefix, then tokens of its own.
std::vector<local::Token> prompt_of(const local::Tokenizer& tokenizer, const PlannedRequest& request, std::size_t index,
                                    std::uint64_t seed);

}  // namespace tollgate::gateway::bench
