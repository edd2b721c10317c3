// The back end's own ways: recorded steps, steps that overlap, blocks on their way, and what it refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "../model/plans.h"
#include "../model/wide_heads.h"
#include "local_backend/cuda/runtime.h"
#include "small_cuda.h"

namespace tollgate::local::gpu {
namespace {

std::vector<Token> tokens(std::size_t count, Token first = 3) {
  std::vector<Token> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back((first + static_cast<Token>(i * i * 7)) % 256);
  return result;
}

std::shared_ptr<const GgufFile> file_of(const char* family) {
  return with_wide_heads(TinyModel::load(family)).file(TensorType::q8_0);
}

class Steps : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_device()) GTEST_SKIP() << "no device";
  }
};

// `count` sequences of different lengths whose last token is still to be computed.
std::vector<TestSequence> prefilled(Backend& backend, std::int32_t count) {
  std::vector<TestSequence> sequences;
  PlanMaker step(backend);
  for (std::int32_t i = 0; i < count; ++i) {
    const auto size = static_cast<std::size_t>(5 + 7 * (i % 5));
    sequences.push_back({tokens(size + 3, i), blocks_from(3 * i, size + 3)});
  }
  for (TestSequence& sequence : sequences) step.add(sequence, static_cast<std::int32_t>(sequence.tokens.size()) - 3);
  step.run();
  return sequences;
}

TEST_F(Steps, RecordedOnesGiveTheSameBits) {
  for (const char* family : {"llama", "gemma3", "mixtral"}) {
    CudaBackendOptions eager = small_options();
    eager.graphs = false;
    const auto plain = cuda_backend(file_of(family), eager), recorded = cuda_backend(file_of(family));
    for (const std::int32_t count : {1, 3, 11}) {
      auto some = prefilled(*plain, count), same = prefilled(*recorded, count);
      for (int again = 0; again < 3; ++again) {
        PlanMaker one(*plain), other(*recorded);
        for (TestSequence& sequence : some) one.add(sequence, 1);
        for (TestSequence& sequence : same) other.add(sequence, 1);
        EXPECT_EQ(other.run(), one.run()) << family << " " << count << " step " << again;
        for (std::size_t i = 0; i < one.result().sampled.size(); ++i)
          EXPECT_EQ(other.result().sampled[i].token, one.result().sampled[i].token);
      }
    }
  }
}

TEST_F(Steps, AllSizesAreRecordedAtLoadIfWanted) {
  CudaBackendOptions options = small_options();
  options.record_at_load = true;
  options.max_step_tokens = 8;
  const auto plain = cuda_backend(file_of("llama")), ready = cuda_backend(file_of("llama"), options);
  TestSequence one{tokens(4), blocks_from(0, 4)}, same = one;
  EXPECT_EQ(PlanMaker(*ready).add(one, 3).run(), PlanMaker(*plain).add(same, 3).run());
  EXPECT_EQ(PlanMaker(*ready).add(one, 1).run(), PlanMaker(*plain).add(same, 1).run());
}

TEST_F(Steps, MoreLogitRowsThanAreComputedAtATimeAreDrawnFromTheirOwn) {
  const auto backend = cuda_backend(file_of("llama"));
  std::vector<TestSequence> sequences;
  for (std::int32_t i = 0; i < 3; ++i) sequences.push_back({tokens(100, i), blocks_from(4 * i, 100)});
  PlanMaker step(*backend);
  for (TestSequence& sequence : sequences) step.add(sequence, 100);
  const std::vector<float> logits = step.run();
  ASSERT_EQ(step.result().sampled.size(), 300u);
  for (std::size_t i = 0; i < 300; ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(256 * i);
    EXPECT_EQ(step.result().sampled[i].token, std::max_element(row, row + 256) - row) << i;
  }
}

// One plan of a token for each sequence; `known`: the tokens, else placeholders of the step before.
StepPlan decode(std::vector<TestSequence>& sequences, Backend& backend, const SamplingParams& params, bool known) {
  PlanMaker maker(backend);
  for (TestSequence& sequence : sequences) maker.add(sequence, 1);
  StepPlan plan = maker.plan();
  for (std::size_t i = 0; i < plan.samples.size(); ++i) {
    plan.samples[i] = {.params = &params,
                       .prompt = {},
                       .answer = {},
                       .position = plan.positions[i] + 1,
                       .stream = static_cast<std::uint32_t>(i),
                       .mask = {}};
    if (!known) plan.tokens[i] = placeholder(i);
  }
  return plan;
}

TEST_F(Steps, AStepStartedWhileAnotherRunsIsThePlainOne) {
  const SamplingParams params{.temperature = 0.8f, .seed = 7, .logprobs = 3};
  for (const bool graphs : {false, true}) {
    CudaBackendOptions options = small_options();
    options.graphs = graphs;
    const auto plain = cuda_backend(file_of("qwen3"), options), ahead = cuda_backend(file_of("qwen3"), options);
    auto some = prefilled(*plain, 5), same = prefilled(*ahead, 5);
    StepResult wanted, got;
    std::vector<StepResult> all;
    for (int step = 0; step < 3; ++step) {
      StepPlan plan = decode(some, *plain, params, true);
      if (step > 0)
        for (std::size_t i = 0; i < plan.tokens.size(); ++i) plan.tokens[i] = wanted.sampled[i].token;
      ASSERT_TRUE(plain->step(plan, wanted));
      all.push_back(wanted);
    }
    ASSERT_TRUE(ahead->overlaps());
    ASSERT_TRUE(ahead->start(decode(same, *ahead, params, true)));
    for (int step = 0; step < 3; ++step) {
      if (step < 2) {
        // What the plan points to is gone when start() returns.
        auto gone = std::make_unique<SamplingParams>(params);
        const StepPlan next = decode(same, *ahead, *gone, false);
        ASSERT_TRUE(ahead->start(next));
        gone->temperature = 0;
      }
      ASSERT_TRUE(ahead->finish(got));
      EXPECT_EQ(got.logits, all[static_cast<std::size_t>(step)].logits) << step;
      for (std::size_t i = 0; i < got.sampled.size(); ++i) {
        EXPECT_EQ(got.sampled[i].token, all[static_cast<std::size_t>(step)].sampled[i].token);
        EXPECT_EQ(got.sampled[i].logprob, all[static_cast<std::size_t>(step)].sampled[i].logprob);
        EXPECT_EQ(got.sampled[i].top, all[static_cast<std::size_t>(step)].sampled[i].top);
      }
    }
  }
}

TEST_F(Steps, AtMostTwoAreUnderWay) {
  const auto backend = cuda_backend(file_of("llama"));
  const SamplingParams greedy{.temperature = 0};
  auto sequences = prefilled(*backend, 2);
  StepResult result;
  EXPECT_FALSE(backend->finish(result));
  const StepPlan unknown = decode(sequences, *backend, greedy, false);
  EXPECT_FALSE(backend->start(unknown)) << "a placeholder with no step before";
  StepPlan known = unknown;
  for (std::size_t i = 0; i < 2; ++i) known.tokens[i] = sequences[i].tokens[0];
  ASSERT_TRUE(backend->start(known));
  StepPlan wrong = unknown;
  wrong.tokens[1] = placeholder(2);
  EXPECT_FALSE(backend->start(wrong)) << "the step before draws two";
  ASSERT_TRUE(backend->start(unknown));
  EXPECT_FALSE(backend->start(known));
  EXPECT_TRUE(backend->finish(result));
  EXPECT_TRUE(backend->finish(result));
  EXPECT_FALSE(backend->finish(result));
}

TEST_F(Steps, MasksBiasesAndHistoriesBeyondTheFirstRoomFindRoom) {
  const auto backend = cuda_backend(file_of("llama"));
  SamplingParams params{.temperature = 0};
  for (Token token = 0; token < 256; ++token) params.logit_bias.emplace_back(token, token == 77 ? 100.0f : -1.0f);
  auto sequences = prefilled(*backend, 3);
  StepPlan plan = decode(sequences, *backend, params, true);
  StepResult result;
  ASSERT_TRUE(backend->step(plan, result));
  for (const Sampled& sampled : result.sampled) EXPECT_EQ(sampled.token, 77);
  std::vector<std::uint32_t> mask(8, 0);
  mask[0] = 1u << 9;
  for (SampleRow& row : plan.samples) row.mask = mask;
  // 2,000 rows' worth of history and bias: far more than is there at first.
  TestSequence many{tokens(120), blocks_from(0, 120)};
  StepPlan wide = PlanMaker(*backend).add(many, 120).plan();
  for (SampleRow& row : wide.samples) row = {.params = &params, .prompt = many.tokens, .answer = {}, .mask = mask};
  ASSERT_TRUE(backend->step(wide, result));
  for (const Sampled& sampled : result.sampled) EXPECT_EQ(sampled.token, 9);
}

TEST_F(Steps, PlansThatDoNotFitAreRefused) {
  const auto backend = cuda_backend(file_of("llama"));
  TestSequence sequence{tokens(40), blocks_from(0, 40)};
  PlanMaker maker(*backend);  // the plan points to its parameters
  const StepPlan good = maker.add(sequence, 40).plan();
  StepResult result;
  const auto refused = [&](auto&& change) {
    StepPlan plan = good;
    change(plan);
    const auto done = backend->step(plan, result);
    return !done && done.error().code == "bad_plan";
  };
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.tokens[3] = 256; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.positions[3] = 99; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.blocks[0] = 1 << 20; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.rows[0].tokens = 39; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.rows[0].context += 4096; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.copies = {{0, -1}}; }));
  EXPECT_TRUE(backend->step(good, result)) << "and nothing is broken by it";
}

TEST_F(Steps, BlocksTravelWhileAStepRuns) {
  const auto backend = cuda_backend(file_of("llama"));
  auto sequences = prefilled(*backend, 2);
  const std::size_t size = backend->info().block_bytes;
  std::vector<std::byte> first(size), again(size);
  const SamplingParams greedy{.temperature = 0};
  ASSERT_TRUE(backend->read_block(3, first));  // of the second sequence, which the step below does not compute
  std::vector<TestSequence> one{sequences[0]};
  ASSERT_TRUE(backend->start(decode(one, *backend, greedy, true)));
  ASSERT_TRUE(backend->write_block(40, first));
  ASSERT_TRUE(backend->read_block(40, again));
  EXPECT_EQ(std::memcmp(first.data(), again.data(), size), 0);
  StepResult result;
  ASSERT_TRUE(backend->finish(result));
  std::vector<TestSequence> moved{sequences[1]}, stayed = moved;
  moved[0].blocks[0] = 40;
  StepResult other;
  ASSERT_TRUE(backend->step(decode(stayed, *backend, greedy, true), result));
  ASSERT_TRUE(backend->step(decode(moved, *backend, greedy, true), other));
  EXPECT_EQ(result.logits, other.logits);
}

TEST_F(Steps, ItTellsWhatItIs) {
  const auto halves = cuda_backend(file_of("llama"));
  CudaBackendOptions options = small_options();
  options.fp8_kv = true;
  const auto bytes = cuda_backend(file_of("llama"), options);
  EXPECT_EQ(halves->info().device.substr(0, 8), "cuda:0 (");
  EXPECT_EQ(halves->info().block_bytes, 2 * bytes->info().block_bytes);
  EXPECT_EQ(halves->info().blocks, (std::size_t{16} << 20) / halves->info().block_bytes);
  EXPECT_NE(halves->info().fingerprint, bytes->info().fingerprint);
  EXPECT_NE(halves->info().fingerprint, scalar_backend(file_of("llama"))->info().fingerprint);
  EXPECT_EQ(halves->info().fingerprint, cuda_backend(file_of("llama"))->info().fingerprint);
}

std::string refusal(std::shared_ptr<const GgufFile> file, const CudaBackendOptions& options) {
  const auto backend = make_cuda_backend(std::move(file), options);
  return backend ? "" : backend.error().code + ": " + backend.error().message;
}

TEST_F(Steps, WhatTheKernelsDoNotTakeIsRefused) {
  EXPECT_NE(refusal(TinyModel::load("llama").file(), small_options()).find("does not take heads of 16"),
            std::string::npos);
  EXPECT_NE(refusal(with_wide_heads(TinyModel::load("llama")).file(), {.ordinals = {900}}).find("no_device"),
            std::string::npos);
}

}  // namespace
}  // namespace tollgate::local::gpu
