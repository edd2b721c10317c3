// One model on several devices: the logits and answers are those of one device, whatever goes wrong is told, and no
// device waits for another for ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../model/plans.h"
#include "many_heads.h"
#include "small_cuda.h"
#include "tests/support/simulated_gpu/simulated_runtime.h"

namespace tollgate::local::gpu {
namespace {

// llama: grouped heads; qwen2: biases, a tied head; gemma2: norms behind the sums, soft-caps; phi3: fused matrices;
// qwen2moe: experts and a shared one.
constexpr const char* kFamilies[] = {"llama", "qwen2", "gemma2", "phi3", "qwen2moe"};

class Ranks : public testing::Test {
 protected:
  ~Ranks() override { simulated_machine() = SimulatedMachine(); }

  static CudaBackendOptions on(int ranks) {
    CudaBackendOptions options = small_options();
    options.max_step_tokens = 64;
    options.ordinals.clear();
    for (int i = 0; i < ranks; ++i) options.ordinals.push_back(i);
    return options;
  }
  static std::string refusal(std::shared_ptr<const GgufFile> file, const CudaBackendOptions& options) {
    const auto backend = make_cuda_backend(std::move(file), options);
    return backend ? "" : backend.error().code + ": " + backend.error().message;
  }
  static std::vector<Token> tokens(std::size_t count, Token first = 3) {
    std::vector<Token> result;
    for (std::size_t i = 0; i < count; ++i) result.push_back((first + static_cast<Token>(i * i * 7)) % 256);
    return result;
  }
  // The row of the best logit, then what the model says to that, and so on.
  static std::vector<Token> greedy(Backend& backend, std::size_t count) {
    TestSequence sequence{tokens(9), blocks_from(2, 9 + count)};
    std::vector<Token> answer;
    for (std::size_t i = 0; i < count; ++i) {
      PlanMaker step(backend);
      step.add(sequence, static_cast<std::int32_t>(sequence.tokens.size()) - sequence.computed, false).run();
      answer.push_back(step.result().sampled.at(0).token);
      sequence.tokens.push_back(answer.back());
    }
    return answer;
  }
};

double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, spread = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    spread += b[i] * b[i];
  }
  return a.size() == b.size() ? std::sqrt(difference / spread) : INFINITY;
}

// Only the order of the sums differs, and in the narrow products the power of two that brings a row of fewer columns
// into a half's range: halves of 11 bits a few layers deep.
TEST_F(Ranks, LogitsAndAnswersAreThoseOfOneDevice) {
  for (const char* family : kFamilies) {
    const auto file = with_many_heads(family).file(TensorType::q8_0);
    const auto one = cuda_backend(file, on(1));
    const std::vector<float> wanted = whole(*one, tokens(37));
    const std::vector<Token> answer = greedy(*one, 4);
    for (const int ranks : {2, 4}) {
      const auto several = cuda_backend(file, on(ranks));
      const double error = relative_error(whole(*several, tokens(37)), wanted);
      EXPECT_LE(error, 1e-3) << family << " on " << ranks;
      EXPECT_EQ(greedy(*several, 4), answer) << family << " on " << ranks;
    }
  }
}

TEST_F(Ranks, StepsOverlap) {
  const auto file = with_many_heads("llama").file(TensorType::q8_0);
  const SamplingParams params{.temperature = 0.8f, .seed = 7};
  std::vector<std::vector<Token>> answers;
  for (const int ranks : {1, 4}) {
    const auto backend = cuda_backend(file, on(ranks));
    ASSERT_TRUE(backend->overlaps());
    TestSequence sequence{tokens(9), blocks_from(0, 9)};
    PlanMaker(*backend).add(sequence, 5).run();
    const auto plan_of = [&](bool known) {
      PlanMaker maker(*backend);
      StepPlan plan = maker.add(sequence, 1).plan();
      plan.samples[0] = {.params = &params, .prompt = {}, .answer = {}, .position = plan.positions[0] + 1, .mask = {}};
      if (!known) plan.tokens[0] = placeholder(0);
      return plan;
    };
    StepResult result;
    std::vector<Token>& answer = answers.emplace_back();
    ASSERT_TRUE(backend->start(plan_of(true)));
    for (int i = 0; i < 4; ++i) {
      if (i < 3) ASSERT_TRUE(backend->start(plan_of(false)));
      ASSERT_TRUE(backend->finish(result));
      answer.push_back(result.sampled.at(0).token);
    }
  }
  EXPECT_EQ(answers[0], answers[1]);
}

TEST_F(Ranks, ABlockGoesOutAndInWhole) {
  const auto backend = cuda_backend(with_many_heads("llama").file(TensorType::q8_0), on(4));
  const auto one = cuda_backend(with_many_heads("llama").file(TensorType::q8_0), on(1));
  EXPECT_EQ(backend->info().block_bytes, one->info().block_bytes);
  TestSequence stayed{tokens(20), {0}}, moved{tokens(20), {7}, 18};
  PlanMaker(*backend).add(stayed, 18).run();
  std::vector<std::byte> block(backend->info().block_bytes);
  ASSERT_TRUE(backend->read_block(0, block));
  ASSERT_TRUE(backend->write_block(7, block));
  std::vector<std::byte> again(block.size());
  ASSERT_TRUE(backend->read_block(7, again));
  EXPECT_EQ(block, again);
  EXPECT_EQ(PlanMaker(*backend).add(moved, 2).run(), PlanMaker(*backend).add(stayed, 2).run());
}

TEST_F(Ranks, TheyTellWhatTheyAre) {
  const auto file = with_many_heads("llama").file(TensorType::q8_0);
  const auto one = cuda_backend(file, on(1)), two = cuda_backend(file, on(2)), four = cuda_backend(file, on(4));
  EXPECT_EQ(two->info().device, "cuda:0,1 (2 x simulated GPU)");
  EXPECT_NE(two->info().fingerprint, one->info().fingerprint);
  EXPECT_NE(two->info().fingerprint, four->info().fingerprint);
  EXPECT_EQ(four->info().blocks, one->info().blocks) << "the same memory, of all devices together";
  EXPECT_EQ(four->info().vocabulary, 256u);
}

TEST_F(Ranks, WhatCannotBeSharedIsRefused) {
  const auto with = [](const char* key, const char* value) {
    TinyModel model = with_many_heads("llama");
    model.field(key).value = value;
    return model;
  };
  const auto many = with_many_heads("llama").file();
  EXPECT_NE(refusal(many, on(8))
                .find("unsupported_on_device: tiny: 8 GPUs cannot share 4 heads of keys and values; "
                      "use 4 GPUs or one"),
            std::string::npos)
      << refusal(many, on(8));
  for (TinyModel model : {with("llama.attention.head_count_kv", "1")}) {
    for (TinyTensor& tensor : model.tensors)
      if (tensor.name.find("attn_k.") != std::string::npos || tensor.name.find("attn_v.") != std::string::npos) {
        tensor.dims[1] = 64;
        tensor.values.resize(tensor.dims[0] * 64);
      }
    EXPECT_NE(refusal(model.file(), on(2)).find("2 GPUs cannot share 1 heads of keys and values; use one GPU"),
              std::string::npos);
  }
  for (const std::vector<int>& ordinals : {std::vector<int>{0, 1, 2}, {}, {1, 1}}) {
    CudaBackendOptions options = on(1);
    options.ordinals = ordinals;
    EXPECT_NE(refusal(many, options).find("bad_options: a model is on 1, 2, 4 or 8 GPUs, each named once"),
              std::string::npos);
  }
  CudaBackendOptions absent = on(1);
  absent.ordinals = {0, 9};
  EXPECT_NE(refusal(many, absent).find("no_device"), std::string::npos);
  simulated_machine().has_collective = false;
  EXPECT_NE(refusal(many, on(2)).find("no_collective"), std::string::npos);
}

TEST_F(Ranks, WithoutMemoryOnOneNobodyWaits) {
  simulated_machine().memory = std::size_t{3} << 20;
  EXPECT_NE(refusal(with_many_heads("llama").file(), on(4)).find("out_of_device_memory"), std::string::npos);
}

TEST_F(Ranks, ABadPlanDoesNoHarmAndALostDeviceEndsIt) {
  const auto backend = cuda_backend(with_many_heads("llama").file(TensorType::q8_0), on(2));
  TestSequence sequence{tokens(9), blocks_from(0, 9)};
  PlanMaker maker(*backend);
  const StepPlan good = maker.add(sequence, 9).plan();
  StepPlan bad = good;
  bad.tokens[3] = 256;
  StepResult result;
  ASSERT_FALSE(backend->step(bad, result));
  ASSERT_TRUE(backend->step(good, result)) << "all ranks refused it";
  simulated_machine().collective_fails_on = 1;
  const auto lost = backend->step(good, result);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().message, "the simulated NCCL fails on rank 1");
  simulated_machine().collective_fails_on = -1;
  const auto later = backend->step(good, result);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, "device_lost");
  EXPECT_NE(later.error().message.find("(the simulated NCCL fails on rank 1); start Tollgate again"),
            std::string::npos);
}

}  // namespace
}  // namespace tollgate::local::gpu
