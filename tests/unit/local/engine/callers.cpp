#include "callers.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <stdexcept>

namespace tollgate::local::testing {
namespace {

constexpr std::size_t kVocabulary = 256;  // of all small models

std::size_t between(std::mt19937_64& random, std::size_t low, std::size_t high) {
  return low + static_cast<std::size_t>(random() % (high - low + 1));
}

std::vector<Token> random_tokens(std::mt19937_64& random, std::size_t count) {
  std::vector<Token> tokens(count);
  for (Token& token : tokens) token = static_cast<Token>(random() % kVocabulary);
  return tokens;
}

// A prompt is a beginning that others have, too, and then a phrase again and again, with a few words between.
std::vector<Token> random_prompt(std::mt19937_64& random, const std::vector<Token>& beginning, std::size_t size) {
  std::vector<Token> prompt(beginning.begin(),
                            beginning.begin() + static_cast<std::ptrdiff_t>(std::min(beginning.size(), size)));
  const std::vector<Token> phrase = random_tokens(random, between(random, 2, 6));
  while (prompt.size() < size) {
    prompt.insert(prompt.end(), phrase.begin(), phrase.end());
    if (random() % 3 == 0) prompt.push_back(static_cast<Token>(random() % kVocabulary));
  }
  prompt.resize(size);
  return prompt;
}

SamplingParams random_sampling(std::mt19937_64& random) {
  SamplingParams sampling;
  sampling.temperature = random() % 2 == 0 ? 0.0f : 0.7f;
  sampling.seed = random() % 4;
  sampling.logprobs = 2;
  if (random() % 4 == 0) sampling.top_p = 0.8f;
  if (random() % 4 == 0) sampling.top_k = 8;
  if (random() % 4 == 0) sampling.repetition_penalty = 1.1f;
  if (random() % 4 == 0) sampling.frequency_penalty = 0.2f;
  // Answers of three tokens only: they repeat themselves, and guesses are right now and then.
  if (random() % 3 == 0)
    for (int i = 0; i < 3; ++i) sampling.logit_bias.emplace_back(static_cast<Token>(random() % kVocabulary), 30.0f);
  return sampling;
}

TinyModel roomy(const ModelCase& model, std::size_t context) {
  TinyModel tiny = shaped(TinyModel::load(model.family));
  tiny.field(tiny.field("general.architecture").value + ".context_length").value = std::to_string(context);
  return tiny;
}

}  // namespace

std::vector<std::uint32_t> mask_after(const Request& request, std::span<const Token> answer, std::size_t vocabulary) {
  if (request.mask_seed == 0) return {};
  std::uint64_t state = request.mask_seed;
  for (const Token token : answer.last(std::min<std::size_t>(answer.size(), 2)))
    state = state * 1000003 + static_cast<std::uint64_t>(token);
  std::mt19937_64 bits(state);
  std::vector<std::uint32_t> mask((vocabulary + 31) / 32);
  for (std::uint32_t& word : mask) word = static_cast<std::uint32_t>(bits() | bits());
  mask[0] |= 1;
  return mask;
}

std::vector<Request> random_requests(std::mt19937_64& random, std::size_t count, std::size_t context) {
  const std::size_t longest_answer = context / 4;
  const std::vector<std::vector<Token>> beginnings{random_tokens(random, context / 2), random_tokens(random, 40), {}};
  std::vector<Request> requests;
  while (requests.size() < count) {
    Request request;
    const std::size_t size = between(random, 1, context - longest_answer - 1);
    request.prompt = random_prompt(random, beginnings[random() % beginnings.size()], size);
    request.sampling = random_sampling(random);
    request.answer_tokens = between(random, 1, longest_answer);
    if (random() % 5 == 0) request.mask_seed = random() | 1;
    if (random() % 3 == 0) request.lane = Lane::batch;
    if (random() % 6 == 0) request.salt = "tenant";
    const std::size_t answers = random() % 3 == 0 ? 3 : 1;
    for (std::uint32_t i = 0; i < answers && requests.size() < count; ++i) {
      request.stream = i;
      requests.push_back(request);
    }
  }
  return requests;
}

std::shared_ptr<const GgufFile> small_file(const ModelCase& model, std::size_t context) {
  return roomy(model, context).file(TensorType::q8_0);
}

std::shared_ptr<const GgufFile> similar_file(const ModelCase& model, std::size_t context, float noise) {
  TinyModel tiny = roomy(model, context);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> factor(1 - noise, 1 + noise);
  for (TinyTensor& tensor : tiny.tensors)
    if (tensor.dims.size() > 1)
      for (float& value : tensor.values) value *= factor(random);
  return tiny.file(TensorType::q8_0);
}

std::vector<Sampled> Alone::answer(const Request& request) {
  std::vector<Token> answer;
  std::vector<Sampled> drawn;
  StepPlan plan;
  StepResult result;
  while (drawn.size() < request.answer_tokens) {
    const std::size_t context = request.prompt.size() + answer.size();
    const std::size_t count = answer.empty() ? context : 1;
    const std::vector<std::uint32_t> mask = mask_after(request, answer, backend_->info().vocabulary);
    plan.clear();
    plan.tokens = answer.empty() ? request.prompt : std::vector<Token>{answer.back()};
    plan.positions.resize(count);
    std::iota(plan.positions.begin(), plan.positions.end(), static_cast<std::int32_t>(context - count));
    plan.rows.push_back({.tokens = static_cast<std::int32_t>(count), .context = static_cast<std::int32_t>(context)});
    plan.blocks.resize((context + kBlockTokens - 1) / kBlockTokens);
    std::iota(plan.blocks.begin(), plan.blocks.end(), 0);
    plan.logit_rows = {static_cast<std::int32_t>(count - 1)};
    plan.samples.push_back({.params = &request.sampling,
                            .prompt = request.prompt,
                            .answer = answer,
                            .position = static_cast<std::int64_t>(context),
                            .stream = request.stream,
                            .mask = mask});
    if (auto done = backend_->step(plan, result); !done) throw std::runtime_error(done.error().message);
    drawn.push_back(result.sampled.at(0));
    answer.push_back(drawn.back().token);
  }
  return drawn;
}

std::string difference(const std::vector<Sampled>& got, const std::vector<Sampled>& wanted) {
  const auto bits = [](float value) { return std::bit_cast<std::uint32_t>(value); };
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    const std::string at = " at " + std::to_string(i) + " of " + std::to_string(wanted.size());
    if (got[i].token != wanted[i].token)
      return "token " + std::to_string(got[i].token) + " instead of " + std::to_string(wanted[i].token) + at;
    if (bits(got[i].logprob) != bits(wanted[i].logprob) || got[i].top != wanted[i].top)
      return "other log probabilities" + at;
  }
  if (got.size() == wanted.size()) return {};
  return std::to_string(got.size()) + " tokens instead of " + std::to_string(wanted.size());
}

}  // namespace tollgate::local::testing
