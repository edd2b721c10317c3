#include "local_backend/engine/advised_sampling.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "local_backend/gguf/gguf_writer.h"

namespace tollgate::local {
namespace {

SamplingParams read(const std::vector<std::pair<std::string, float>>& values, std::uint32_t top_k) {
  const std::string path = testing::TempDir() + "advised_sampling_test.gguf";
  GgufWriter writer(path);
  for (const auto& [key, value] : values) writer.add_f32("general.sampling." + key, value);
  writer.add_u32("general.sampling.top_k", top_k);
  EXPECT_TRUE(writer.begin());
  EXPECT_TRUE(writer.finish());
  const auto file = GgufFile::open(path);
  EXPECT_TRUE(file);
  return file ? read_advised_sampling(**file) : SamplingParams{};
}

TEST(AdvisedSampling, IsTakenFromTheFile) {
  const SamplingParams params = read({{"temp", 0.3f}, {"top_p", 0.9f}, {"min_p", 0.05f}, {"penalty_repeat", 1.1f}}, 40);
  EXPECT_FLOAT_EQ(params.temperature, 0.3f);
  EXPECT_FLOAT_EQ(params.top_p, 0.9f);
  EXPECT_FLOAT_EQ(params.min_p, 0.05f);
  EXPECT_FLOAT_EQ(params.repetition_penalty, 1.1f);
  EXPECT_EQ(params.top_k, 40);
}

TEST(AdvisedSampling, NonsenseCountsAsAbsent) {
  const SamplingParams params =
      read({{"temp", -1.0f}, {"top_p", 2.0f}, {"min_p", 7.0f}, {"penalty_repeat", 0.0f}}, 0xffffffffu);
  EXPECT_EQ(params.temperature, 1.0f);
  EXPECT_EQ(params.top_p, 1.0f);
  EXPECT_EQ(params.min_p, 0.0f);
  EXPECT_EQ(params.repetition_penalty, 1.0f);
  EXPECT_EQ(params.top_k, 0);
}

}  // namespace
}  // namespace tollgate::local
