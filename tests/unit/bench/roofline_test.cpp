// Ceilings: bytes and operations of small models, counted by hand.
#include "gateway/bench/roofline.h"

#include <gtest/gtest.h>

#include "tests/unit/local/model/tiny_model.h"

namespace tollgate::gateway::bench {
namespace {

constexpr std::size_t kBlockBytes = 128 * local::kBlockTokens;  // 128 bytes of KV per token

ModelWork work_of_fixture(const char* name) {
  const auto file = local::TinyModel::load(name).file();
  return work_of(*file, *local::read_model_config(*file), kBlockBytes);
}

// Width 64, 2 layers, 4 heads of 16 (2 for keys), 4 experts of 96 of which 2 are used, an own head for 256 words.
TEST(ModelWorkOf, CountsExpertsApart) {
  const ModelWork work = work_of_fixture("mixtral");
  EXPECT_EQ(work.head_bytes, 64 * 256 * 4);
  EXPECT_EQ(work.head_flops, 2 * 64 * 256);
  EXPECT_EQ(work.layer_bytes, 4 * (2 * (2 * 64 + 64 * 64 + 2 * 64 * 32 + 64 * 64 + 64 * 4) + 64));
  EXPECT_EQ(work.expert_bytes, 4 * 2 * 3 * 64 * 96 * 4);
  EXPECT_EQ(work.layer_flops, 2 * 2 * (64 * 64 + 2 * 64 * 32 + 64 * 64 + 64 * 4 + 2 * 3 * 64 * 96));
  EXPECT_EQ(work.attention_flops, 4 * 2 * 4 * 16);
  EXPECT_EQ(work.kv_bytes, 128);
  EXPECT_EQ(work.windowed, 0);
}

TEST(ModelWorkOf, AHeadThatIsTheEmbedding) {
  const ModelWork work = work_of_fixture("gemma2");
  EXPECT_EQ(work.head_bytes, 64 * 256 * 4);
  EXPECT_EQ(work.windowed, 0.5);  // every second layer
  EXPECT_EQ(work.window, 8);
}

TEST(ModelWorkOf, WindowsByFamily) {
  EXPECT_EQ(work_of_fixture("mistral").windowed, 1);
  EXPECT_EQ(work_of_fixture("llama").windowed, 0);
}

TEST(DecodeStep, ReadsWeightsOnceAndEveryContext) {
  const ModelWork work = work_of_fixture("mixtral");
  const Work one = decode_step(work, 1, 10);
  EXPECT_DOUBLE_EQ(one.bytes, 101'632 + 65'536 + 589'824 / 2.0 + 10 * 128);
  EXPECT_DOUBLE_EQ(one.flops, 197'632 + 32'768 + 10 * 512);
  // Two tokens ask for three quarters of the experts on average.
  const Work two = decode_step(work, 2, 10);
  EXPECT_DOUBLE_EQ(two.bytes, 101'632 + 65'536 + 589'824 * 0.75 + 2 * 10 * 128);
  EXPECT_DOUBLE_EQ(two.flops, 2 * one.flops);
}

TEST(DecodeStep, AWindowIsAllThatIsRead) {
  const ModelWork work = work_of_fixture("gemma2");
  EXPECT_DOUBLE_EQ(decode_step(work, 1, 100).bytes - decode_step(work, 1, 8).bytes, 128 * 0.5 * 92);
}

TEST(Prefill, InOneStepAndInTwo) {
  const ModelWork work = work_of_fixture("mixtral");
  const Work whole = prefill(work, 4, 512);
  EXPECT_DOUBLE_EQ(whole.bytes, 101'632 + 65'536 + 589'824 * 0.9375 + 4 * 128);
  EXPECT_DOUBLE_EQ(whole.flops, 4 * 197'632 + 32'768 + (1 + 2 + 3 + 4) * 512);
  // The weights twice, the head once.
  const Work cut = prefill(work, 4, 2);
  EXPECT_DOUBLE_EQ(cut.bytes, 2 * (101'632 + 589'824 * 0.75) + 65'536 + (2 + 4) * 128);
  EXPECT_DOUBLE_EQ(cut.flops, whole.flops);
}

TEST(Prefill, WindowsBoundTheSum) {
  ModelWork work{.attention_flops = 1, .windowed = 1, .window = 3};
  EXPECT_DOUBLE_EQ(prefill(work, 5, 512).flops, 1 + 2 + 3 + 3 + 3);
  work.windowed = 0.5;
  EXPECT_DOUBLE_EQ(prefill(work, 5, 512).flops, 0.5 * 12 + 0.5 * 15);
}

TEST(Ceilings, FromWhatTheMachineGives) {
  const Work work{.bytes = 3e9, .flops = 4e12};
  EXPECT_DOUBLE_EQ(*memory_us(work, 30), 100'000);    // 3 GB at 30 GB/s
  EXPECT_DOUBLE_EQ(*compute_us(work, 2), 2'000'000);  // 4 TFLOP at 2 TFLOPS
  EXPECT_FALSE(memory_us(work, std::nullopt));
  EXPECT_FALSE(compute_us(work, std::nullopt));
}

}  // namespace
}  // namespace tollgate::gateway::bench
