// Serving over a back end whose pace is known: counts add up, times count from the planned arrival, failures are
// counted and do not end the run.
#include "gateway/bench/serve.h"

#include <gtest/gtest.h>

#include "tests/unit/bench/steady_engine.h"

namespace tollgate::gateway::bench {
namespace {

using namespace std::chrono_literals;
using testing::Pace;
using testing::steady_engine;

std::vector<PlannedRequest> plan_for(std::string_view shape, std::size_t requests, double rate = 0) {
  return *plan_requests(
      {.shape = *parse_shape(shape), .requests = requests, .rate = rate, .group = 4, .context = 1024});
}

ServeFigures serve(local::Engine& engine, const std::vector<PlannedRequest>& plan) {
  Progress progress;
  auto figures = run_serve(engine, plan, 1, kPatience, progress);
  EXPECT_TRUE(figures) << figures.error().message;
  return figures ? *std::move(figures) : ServeFigures();
}

TEST(Serve, CountsAddUp) {
  const auto engine = steady_engine(std::make_shared<Pace>());
  const auto figures = serve(*engine, plan_for("20/10", 30));
  EXPECT_EQ(figures.requests, 30u);
  EXPECT_EQ(figures.failed, 0u);
  EXPECT_EQ(figures.input_tokens, 30 * 20);
  EXPECT_EQ(figures.output_tokens, 30 * 10);
  EXPECT_EQ(figures.cached_tokens, 0);
  ASSERT_EQ(figures.traffic.size(), 30u);
  EXPECT_EQ(figures.traffic.front().output, 10);
  EXPECT_GT(figures.steps, 9u);
  EXPECT_GE(figures.took_us, static_cast<std::int64_t>(figures.whole->most));
}

TEST(Serve, TimesAreThoseOfTheSteps) {
  auto pace = std::make_shared<Pace>();
  pace->step = 3ms;
  const auto engine = steady_engine(pace);
  const auto figures = serve(*engine, plan_for("20/11", 1));
  ASSERT_TRUE(figures.first_token && figures.between_tokens && figures.whole);
  EXPECT_GE(figures.first_token->p50, 2'900u);
  EXPECT_GE(figures.between_tokens->p50, 3'000u);
  EXPECT_LT(figures.between_tokens->p50, 15'000u);
  EXPECT_GE(figures.whole->p50, 11 * 3'000u - 100);
  EXPECT_LE(figures.first_token->p50, figures.whole->p50);
}

TEST(Serve, TimesCountFromThePlannedArrival) {
  auto pace = std::make_shared<Pace>();
  pace->step = 20ms;
  const auto engine = steady_engine(pace);
  // One comes in the middle of a long prompt's steps, the next much later.
  std::vector<PlannedRequest> plan{{.at_us = 0, .prompt = 600, .answer = 1},
                                   {.at_us = 5'000, .prompt = 8, .answer = 1},
                                   {.at_us = 600'000, .prompt = 8, .answer = 1}};
  const auto figures = serve(*engine, plan);
  EXPECT_GE(figures.took_us, 620'000 - 1'000);
  EXPECT_GE(figures.idle_us, 300'000);
  EXPECT_LE(figures.idle_us, figures.took_us - 40'000);
  EXPECT_LT(figures.whole->most, 400'000u);  // the wait until 600 ms is in nobody's time
  EXPECT_FALSE(figures.between_tokens);      // answers of one token have no gaps
}

TEST(Serve, SharedPrefixesAreFound) {
  auto pace = std::make_shared<Pace>();
  pace->step = 100us;
  const auto engine = steady_engine(pace);
  const auto figures = serve(*engine, plan_for("shared-prefix:128+32/4", 8, 50));
  // Two groups of four: the first of each computes the prefix.
  EXPECT_EQ(figures.cached_tokens, 2 * 3 * 128);
  EXPECT_EQ(figures.input_tokens, 8 * 160);
}

TEST(Serve, PreemptionsAreTold) {
  auto pace = std::make_shared<Pace>();
  pace->blocks = 12;  // for four of the eight to their ends, for all of them at first
  const auto engine = steady_engine(pace);
  const auto figures = serve(*engine, plan_for("16/80", 8));
  EXPECT_EQ(figures.failed, 0u);
  EXPECT_EQ(figures.output_tokens, 8 * 80);
  EXPECT_GT(figures.preemptions, 0u);
}

TEST(Serve, RefusalsAreCounted) {
  auto pace = std::make_shared<Pace>();
  pace->blocks = 2;
  const auto engine = steady_engine(pace, 1024);
  std::vector<PlannedRequest> plan{{.prompt = 20, .answer = 10}, {.prompt = 500, .answer = 10}};
  const auto figures = serve(*engine, plan);  // the second fits into no pool of two blocks
  EXPECT_EQ(figures.requests, 2u);
  EXPECT_EQ(figures.failed, 1u);
  EXPECT_NE(figures.first_failure.find("context"), std::string::npos) << figures.first_failure;
  EXPECT_EQ(figures.output_tokens, 10);
  EXPECT_EQ(figures.traffic.size(), 1u);
}

TEST(Serve, FailedStepsAreCounted) {
  auto pace = std::make_shared<Pace>();
  const auto engine = steady_engine(pace);
  pace->steps_to_failure = 2;
  const auto figures = serve(*engine, plan_for("20/10", 3));
  EXPECT_GE(figures.failed, 1u);
  EXPECT_NE(figures.first_failure, "");
  EXPECT_EQ(figures.output_tokens, static_cast<std::int64_t>(3 - figures.failed) * 10);
}

TEST(Serve, AnEngineThatHangsIsGivenUp) {
  auto pace = std::make_shared<Pace>();
  pace->step = 1500ms;
  const auto engine = steady_engine(pace);
  Progress progress;
  const auto figures = run_serve(*engine, plan_for("8/8", 2), 1, 300ms, progress);
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().code, kStalled);
}

TEST(Serve, AnIdleEngineIsNotGivenUp) {
  const auto engine = steady_engine(std::make_shared<Pace>());
  Progress progress;
  const std::vector<PlannedRequest> plan{{.prompt = 8, .answer = 2}, {.at_us = 1'500'000, .prompt = 8, .answer = 2}};
  const auto figures = run_serve(*engine, plan, 1, 600ms, progress);
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->failed, 0u);
}

TEST(ServeBlocks, AreThoseOfTheLargestThatMayRun) {
  const std::vector<PlannedRequest> plan{
      {.prompt = 32, .answer = 32}, {.prompt = 1, .answer = 1}, {.prompt = 320, .answer = 1}};
  EXPECT_EQ(blocks_for(plan, 1), 11u + 1);
  EXPECT_EQ(blocks_for(plan, 2), 11u + 2 + 1);
  EXPECT_EQ(blocks_for(plan, 100), 11u + 2 + 1 + 1);
}

}  // namespace
}  // namespace tollgate::gateway::bench
