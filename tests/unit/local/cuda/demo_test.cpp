// The model inside the program answers on the GPU as it does on the CPU.
#include <gtest/gtest.h>

#include <algorithm>

#include "../model/plans.h"
#include "local_backend/text/tokenizer.h"
#include "models/embedded.h"
#include "small_cuda.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kAnswer = 8;  // tokens

struct Greedy {
  std::vector<Token> tokens;
  std::vector<float> margins;  // by how much each was the likeliest
};

Greedy answer(Backend& backend, const std::vector<Token>& prompt) {
  TestSequence sequence{prompt, blocks_from(0, prompt.size() + kAnswer)};
  Greedy answer;
  auto count = static_cast<std::int32_t>(prompt.size());
  while (answer.tokens.size() < kAnswer) {
    PlanMaker step(backend);
    std::vector<float> logits = step.add(sequence, count, false).run();
    answer.tokens.push_back(step.result().sampled.at(0).token);
    sequence.tokens.push_back(answer.tokens.back());
    std::ranges::nth_element(logits, logits.begin() + 1, std::greater<>());
    answer.margins.push_back(logits[0] - logits[1]);
    count = 1;
  }
  return answer;
}

TEST(Demo, AnswersAsOnTheCpu) {
  if (!has_device()) GTEST_SKIP() << "no device";
  const auto file = GgufFile::parse(models::demo(), "demo");
  ASSERT_TRUE(file) << file.error().message;
  const auto tokenizer = Tokenizer::load(*file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::vector<Token> prompt = (*tokenizer)->encode("A gateway is");
  CudaBackendOptions options = small_options();
  options.max_step_tokens = 64;
  const Greedy wanted = answer(*scalar_backend(*file), prompt), got = answer(*cuda_backend(*file, options), prompt);
  for (std::size_t i = 0; i < kAnswer; ++i) {
    if (wanted.margins[i] < 0.05f) break;  // what comes behind a near tie may be another sentence
    EXPECT_EQ(got.tokens[i], wanted.tokens[i]) << i;
  }
  EXPECT_GE(wanted.margins[0], 0.05f) << "the prompt decides nothing: take another";
}

}  // namespace
}  // namespace tollgate::local::gpu
