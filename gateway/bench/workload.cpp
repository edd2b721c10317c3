#include "gateway/bench/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "config/units.h"

namespace tollgate::gateway::bench {
namespace {

constexpr std::size_t kMostLength = 1u << 24;
constexpr int kTries = 64;  // for a token that text may have
constexpr Shape kSharedPrefix{.kind = Shape::Kind::shared_prefix, .prompt = 128, .answer = 128, .prefix = 1024};

Error wrong(std::string message) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = "bad_workload", .message = std::move(message)};
}

bool parse_length(std::string_view text, std::size_t& out) {
  const auto value = config::parse_integer(text);
  if (!value || *value < 1 || static_cast<std::uint64_t>(*value) > kMostLength) return false;
  out = static_cast<std::size_t>(*value);
  return true;
}

// "IN/OUT"
bool parse_pair(std::string_view text, Shape& shape) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && parse_length(text.substr(0, slash), shape.prompt) &&
         parse_length(text.substr(slash + 1), shape.answer);
}

// Seeds of things that must not follow from one another.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t kind, std::uint64_t number) {
  Random random(seed ^ (kind << 56) ^ (number * 0xd1342543de82ef95u));
  random.next();
  return random.next();
}
constexpr std::uint64_t kArrivals = 1, kLengths = 2, kPrefixes = 3, kPrompts = 4;

std::size_t log_normal(Random& random, double mean, double spread) {
  const double centre = std::log(mean) - spread * spread / 2;
  const double length = std::exp(centre + spread * random.normal());
  return static_cast<std::size_t>(
      std::clamp(std::round(length), static_cast<double>(kShareGptLeast), static_cast<double>(kShareGptMost)));
}

void draw_sharegpt(const WorkloadOptions& options, std::size_t index, PlannedRequest& request) {
  Random random(mixed(options.seed, kLengths, index));
  request.prompt = log_normal(random, kShareGptPromptMean, kShareGptPromptSpread);
  request.answer = log_normal(random, kShareGptAnswerMean, kShareGptAnswerSpread);
  // A short context cuts the answer first, as a server would, then the prompt.
  request.prompt = std::min(request.prompt, options.context - 1);
  request.answer = std::min(request.answer, options.context - request.prompt);
}

Result<void> check_bounds(const WorkloadOptions& options) {
  const Shape& shape = options.shape;
  if (options.requests < 1 || options.requests > kMostRequests)
    return wrong(fmt::format("the number of requests must be 1 to {}", kMostRequests));
  if (options.group < 1) return wrong("a group has at least one request");
  if (options.context < 2 * kShareGptLeast) return wrong("the model's context is too short to be measured");
  const std::size_t wanted = shape.prefix + shape.prompt + shape.answer;
  if (shape.kind != Shape::Kind::sharegpt && wanted > options.context)
    return wrong(
        fmt::format("a request of this shape has {} tokens, the context holds {}; take a smaller shape, or "
                    "more --context if the model has it",
                    wanted, options.context));
  return {};
}

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double Random::uniform() { return static_cast<double>((next() >> 11) + 1) * 0x1p-53; }

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::size_t Random::below(std::size_t bound) {
  return static_cast<std::size_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

Result<Shape> parse_shape(std::string_view text) {
  Shape shape;
  if (text == "sharegpt") return Shape{.kind = Shape::Kind::sharegpt};
  if (text == "shared-prefix") return kSharedPrefix;
  constexpr std::string_view kWithSizes = "shared-prefix:";
  if (text.starts_with(kWithSizes)) {
    shape.kind = Shape::Kind::shared_prefix;
    const std::string_view sizes = text.substr(kWithSizes.size());
    const std::size_t plus = sizes.find('+');
    if (plus != std::string_view::npos && parse_length(sizes.substr(0, plus), shape.prefix) &&
        parse_pair(sizes.substr(plus + 1), shape))
      return shape;
  } else if (parse_pair(text, shape)) {
    return shape;
  }
  return wrong("'" + std::string(text) +
               "' is no shape; say sharegpt, IN/OUT such as 1000/1000, shared-prefix or shared-prefix:PREFIX+IN/OUT");
}

Result<std::vector<PlannedRequest>> plan_requests(const WorkloadOptions& options) {
  if (auto fits = check_bounds(options); !fits) return std::move(fits).error();
  const Shape& shape = options.shape;
  const std::size_t groups = (options.requests + options.group - 1) / options.group;
  Random arrivals(mixed(options.seed, kArrivals, 0));
  std::vector<PlannedRequest> plan(options.requests);
  double at = 0;
  std::size_t prompts = 0, answers = 0;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    PlannedRequest& request = plan[i];
    if (options.rate > 0) at -= std::log(arrivals.uniform()) * 1e6 / options.rate;
    request.at_us = static_cast<std::int64_t>(at);
    if (shape.kind == Shape::Kind::sharegpt) {
      draw_sharegpt(options, i, request);
    } else {
      request = {request.at_us, shape.prefix + shape.prompt, shape.answer, shape.prefix, i % groups};
    }
    prompts += request.prompt;
    answers += request.answer;
  }
  if (prompts > kMostPromptTokens || answers > kMostAnswerTokens)
    return wrong(
        fmt::format("{} tokens of prompts and {} of answers are more than one run holds ({} and {}); take "
                    "fewer --requests",
                    prompts, answers, kMostPromptTokens, kMostAnswerTokens));
  return plan;
}

std::vector<local::Token> random_tokens(const local::Tokenizer& tokenizer, std::uint64_t seed, std::size_t count) {
  const auto common = [&](local::Token token) {
    const local::TokenKind kind = tokenizer.kind(token);
    return kind == local::TokenKind::normal || kind == local::TokenKind::byte;
  };
  Random random(seed);
  std::vector<local::Token> tokens(count);
  for (local::Token& token : tokens) {
    int tries = 0;
    do {
      token = static_cast<local::Token>(random.below(tokenizer.size()));
    } while (!common(token) && ++tries < kTries);
  }
  return tokens;
}

std::vector<local::Token> prompt_of(const local::Tokenizer& tokenizer, const PlannedRequest& request, std::size_t index,
                                    std::uint64_t seed) {
  std::vector<local::Token> prompt = random_tokens(tokenizer, mixed(seed, kPrefixes, request.group), request.prefix);
  const auto own = random_tokens(tokenizer, mixed(seed, kPrompts, index), request.prompt - request.prefix);
  prompt.insert(prompt.end(), own.begin(), own.end());
  return prompt;
}

}  // namespace tollgate::gateway::bench
