// Embeddings against transformers, and that neighbours in a batch do not matter.
#include <gtest/gtest.h>

#include "plans.h"
#include "tiny_model.h"

namespace tollgate::local {
namespace {

CpuBackendOptions scalar(std::size_t max_step_tokens = 512) {
  CpuBackendOptions options;
  options.level = CpuLevel::scalar;
  options.threads = 2;
  options.max_step_tokens = max_step_tokens;
  return options;
}

std::unique_ptr<Embedder> embedder(const TinyModel& model, const CpuBackendOptions& options = scalar()) {
  auto made = make_cpu_embedder(model.file(), options);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

class Embeddings : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Poolings, Embeddings, testing::Values("bert_mean", "bert_cls"),
                         [](const auto& info) { return info.param; });

TEST_P(Embeddings, MatchTheReference) {
  const TinyModel model = TinyModel::load(GetParam());
  const auto engine = embedder(model);
  const auto vectors = engine->embed(model.sequences);
  ASSERT_TRUE(vectors);
  std::vector<float> all;
  for (const std::vector<float>& vector : *vectors) all.insert(all.end(), vector.begin(), vector.end());
  // Keys and values are rounded to half floats here, and not there.
  EXPECT_LE(largest_difference(all, model.reference), 2e-4f);
}

TEST_P(Embeddings, DoNotDependOnTheBatch) {
  const TinyModel model = TinyModel::load(GetParam());
  const auto engine = embedder(model), small = embedder(model, scalar(1));  // a pass takes 64 tokens: the context
  std::vector<std::vector<Token>> many;
  for (int i = 0; i < 5; ++i) many.insert(many.end(), model.sequences.begin(), model.sequences.end());
  const auto batch = engine->embed(many), passes = small->embed(many);
  ASSERT_TRUE(batch && passes);
  EXPECT_EQ(*batch, *passes);
  for (std::size_t i = 0; i < many.size(); ++i) {
    const auto alone = engine->embed({&many[i], 1});
    ASSERT_TRUE(alone);
    EXPECT_EQ(alone->front(), (*batch)[i]);
  }
}

TEST(Embedder, RefusesTokensThatItCannotTake) {
  const TinyModel model = TinyModel::load("bert_mean");
  const auto engine = embedder(model);
  EXPECT_EQ(engine->context(), 64u);
  EXPECT_EQ(engine->width(), 64u);
  for (const std::vector<Token>& bad : {std::vector<Token>{}, std::vector<Token>(65, 1), {1, 256}, {-1}})
    EXPECT_FALSE(engine->embed({&bad, 1}));
  EXPECT_TRUE(engine->embed({})->empty());
}

TEST(Embedder, TakesNoDecoder) {
  const auto made = make_cpu_embedder(TinyModel::load("llama").file(), scalar());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "unsupported_model");
}

}  // namespace
}  // namespace tollgate::local
