// A scheduler, a fake back end and owners that write down what they are told, for tests that say each step themselves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "fake_backend.h"
#include "local_backend/scheduler/scheduler.h"

namespace tollgate::local::testing {

struct Recorder : SequenceOwner {
  bool on_token(const Sampled& sampled) override {
    answer.push_back(sampled.token);
    return answer.size() != stop_after;
  }
  std::span<const std::uint32_t> mask(std::span<const Token> drafts) override {
    most_drafts = std::max(most_drafts, drafts.size());
    return {};
  }
  void on_end(StopReason why) override { reason = why; }

  std::vector<Token> answer;
  StopReason reason = StopReason::none;
  std::size_t stop_after = 0, most_drafts = 0;
};

struct Bench {
  explicit Bench(const SchedulerOptions& options = {}, std::size_t blocks = 64, const FakeModel& model = {},
                 const BlockHooks& hooks = {})
      : backend(model, blocks, 512), scheduler(options, backend.info(), hooks) {}

  // A prompt of `tokens` tokens, the same for the same `text`.
  static std::vector<Token> prompt(std::size_t tokens, std::uint64_t text = 0) {
    std::vector<Token> out(tokens);
    for (std::size_t i = 0; i < tokens; ++i) out[i] = static_cast<Token>(mix(text * 1000 + i) % 64);
    return out;
  }
  Result<void> add(std::uint64_t id, std::vector<Token> prompt, std::size_t answer, Lane lane = Lane::interactive) {
    return add({.id = id, .prompt = std::move(prompt), .max_new_tokens = answer, .lane = lane});
  }
  Result<void> add(SequenceParams params) {
    auto owner = std::make_unique<Recorder>();
    Recorder& kept = *owner;
    const std::uint64_t id = params.id;
    Result<void> added = scheduler.add(std::move(params), kept, now);
    if (added) owners[id] = std::move(owner);
    return added;
  }
  bool plan() { return scheduler.plan(step, now); }
  void finish() {
    const Result<void> done = backend.step(step, result);
    ASSERT_TRUE(done) << backend.problem;
    now += 1000 + token_us * static_cast<std::int64_t>(step.tokens.size());
    scheduler.finish(result, now);
    ASSERT_EQ(scheduler.check(), "");
  }
  bool one_step() {
    if (!plan()) return false;
    finish();
    return true;
  }
  void run() {
    while (one_step()) continue;
  }
  Recorder& owner(std::uint64_t id) { return *owners.at(id); }
  // Query tokens per row of the plan.
  std::vector<int> rows() const {
    std::vector<int> out;
    for (const PlanRow& row : step.rows) out.push_back(row.tokens);
    return out;
  }

  FakeBackend backend;
  Scheduler scheduler;
  StepPlan step;
  StepResult result;
  std::map<std::uint64_t, std::unique_ptr<Recorder>> owners;
  std::int64_t now = 0, token_us = 0;  // a step takes 1000 us and this per token
};

}  // namespace tollgate::local::testing
