// The grid over a back end whose pace is known: times are those of the steps that are meant, and what cannot be
// measured is left out with the reason.
#include "gateway/bench/grid.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gateway/bench/bandwidth.h"
#include "gateway/bench/prefill_run.h"
#include "gateway/bench/samples.h"
#include "tests/unit/bench/steady_engine.h"

namespace tollgate::gateway::bench {
namespace {

using namespace std::chrono_literals;
using testing::Pace;
using testing::steady_engine;

std::shared_ptr<Pace> pace_of(std::chrono::microseconds step, std::chrono::microseconds token,
                              std::size_t blocks = 1024) {
  auto pace = std::make_shared<Pace>();
  pace->step = step;
  pace->token = token;
  pace->blocks = blocks;
  return pace;
}

Result<std::vector<GridFigure>> measure(local::Engine& engine, std::string_view rows, std::size_t depth = 64,
                                        std::size_t repeats = 3) {
  GridOptions options{.rows = *parse_rows(rows), .depth = depth, .steps = 8, .repeats = repeats};
  Progress progress;
  return run_grid(engine, options, progress);
}

TEST(Rows, AreParsed) {
  const auto rows = parse_rows("pp128,tg8");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].name(), "pp128");
  EXPECT_TRUE((*rows)[0].prefill);
  EXPECT_EQ((*rows)[1].name(), "tg8");
  EXPECT_EQ(largest_batch(*rows), 8u);
  EXPECT_TRUE(parse_rows(kUsualRows));
  for (const char* text : {"", "pp", "pp0", "tg-1", "tg513", "xx3", "pp8,,tg1", "tg1.5", "8"})
    EXPECT_FALSE(parse_rows(text)) << text;
}

// A sleeping machine is late, never early: lower bounds are exact, upper ones have room.
TEST(Grid, TimesAreThoseOfTheSteps) {
  const auto engine = steady_engine(pace_of(2ms, 10us));
  const auto figures = measure(*engine, "pp200,tg1,tg4");
  ASSERT_TRUE(figures) << figures.error().message;
  const GridFigure &prompt = (*figures)[0], &one = (*figures)[1], &four = (*figures)[2];
  ASSERT_EQ(prompt.us.size(), 3u);
  EXPECT_EQ(prompt.tokens, 200);
  EXPECT_GE(median(prompt.us), 3'900);  // 2 ms + 200 * 10 us; clocks are read a little later
  EXPECT_LT(std::ranges::min(prompt.us), 20'000);
  ASSERT_EQ(one.us.size(), 3u) << one.left_out;
  EXPECT_EQ(one.tokens, 8);
  EXPECT_GE(median(one.us), 8 * 2'000);
  EXPECT_LT(std::ranges::min(one.us), 8 * 10'000);
  ASSERT_EQ(four.us.size(), 3u) << four.left_out;
  EXPECT_EQ(four.tokens, 4 * 8);
  EXPECT_GE(median(four.us), 8 * 2'000);
  EXPECT_LT(std::ranges::min(four.us), 8 * 10'000);  // one step for all of them
}

TEST(Grid, PromptsAreComputedEachTimeAndContextsAreFound) {
  const auto engine = steady_engine(pace_of(0us, 0us));
  const auto before = engine->stats().scheduler;
  ASSERT_TRUE(measure(*engine, "pp200,pp200", 64, 2));
  const auto prompts = engine->stats().scheduler;
  EXPECT_EQ(prompts.prefix_hits, before.prefix_hits);
  ASSERT_TRUE(measure(*engine, "tg4", 64, 2));
  // 4 sequences, twice: 64 tokens each.
  EXPECT_EQ(engine->stats().scheduler.prefix_hits - prompts.prefix_hits, 2u * 4 * 64);
}

TEST(Grid, TellsTheContextOfTheTimedSteps) {
  const auto engine = steady_engine(pace_of(1ms, 0us));
  const auto figures = measure(*engine, "tg1", 64, 1);
  ASSERT_TRUE(figures);
  // 64 before, the one that is fed and the one that it gives; then 8 steps, 4.5 tokens on in the mean.
  EXPECT_DOUBLE_EQ(figures->front().context, 64 + 1 + 4.5);
}

TEST(Grid, NothingRunsOnAfterwards) {
  const auto engine = steady_engine(pace_of(1ms, 0us));
  ASSERT_TRUE(measure(*engine, "tg8", 0, 2));
  // An engine tells of a step a moment after its answers have ended.
  auto stats = engine->stats().scheduler;
  for (int i = 0; i < 2000 && stats.running > 0; ++i) {
    std::this_thread::sleep_for(1ms);
    stats = engine->stats().scheduler;
  }
  EXPECT_EQ(stats.running, 0u);
  EXPECT_EQ(stats.waiting, 0u);
}

TEST(Grid, WhatDoesNotFitIsLeftOutWithTheReason) {
  const auto engine = steady_engine(pace_of(0us, 0us, 20), 400);
  const auto figures = measure(*engine, "pp400,pp399,tg1,tg8");
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ((*figures)[0].left_out, "needs a context of 401, the model has 400");
  EXPECT_TRUE((*figures)[1].left_out.empty());
  EXPECT_TRUE((*figures)[2].left_out.empty()) << (*figures)[2].left_out;
  // 64 + 1 + 8 + 1 + 64 tokens are 5 blocks for each.
  EXPECT_EQ((*figures)[3].left_out, "needs 42 KV blocks, there are 20: say --kv-memory 1MiB");
  for (const std::size_t i : {0, 3}) EXPECT_TRUE((*figures)[i].us.empty());
  GridOptions options{.rows = *parse_rows("pp400,tg1,tg8"), .depth = 64, .steps = 8};
  EXPECT_EQ(blocks_for(options, 400), 42u);
}

TEST(Grid, SequencesThatDoNotRunTogetherAreNotTimed) {
  const auto engine = steady_engine(pace_of(0us, 0us), 1024, 2);  // at most two run
  const auto figures = measure(*engine, "tg4,tg2");
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_NE((*figures)[0].left_out.find("did not run together"), std::string::npos);
  EXPECT_TRUE((*figures)[0].us.empty());
  EXPECT_EQ((*figures)[1].us.size(), 3u) << (*figures)[1].left_out;
}

TEST(Grid, AFailingDeviceIsAnError) {
  auto pace = pace_of(0us, 0us);
  const auto engine = steady_engine(pace);
  for (const int steps : {0, 2, 9}) {
    pace->steps_to_failure = steps;
    const auto figures = measure(*engine, "tg4", 0);
    ASSERT_FALSE(figures) << steps;
    EXPECT_EQ(figures.error().code, "engine_failed");
  }
}

TEST(Grid, ADeviceThatHangsIsGivenUp) {
  const auto engine = steady_engine(pace_of(2500ms, 0us));
  GridOptions options{.rows = *parse_rows("tg1"), .depth = 0, .steps = 8, .repeats = 1, .patience = 300ms};
  Progress progress;
  const auto began = SteadyClock::now();
  const auto figures = run_grid(*engine, options, progress);
  EXPECT_LT(SteadyClock::now() - began, 2300ms);
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().code, kStalled);
}

TEST(WarmUp, MakesAStep) {
  const auto engine = steady_engine(pace_of(0us, 0us), 20);
  ASSERT_TRUE(warm_up(*engine, kPatience));
  EXPECT_EQ(engine->stats().steps, 1u);
}

TEST(Bandwidth, IsPositiveAndOfRealMemory) {
  const auto found = read_bandwidth(std::size_t{64} << 20, 1);
  ASSERT_TRUE(found);
  EXPECT_GT(*found, 0.1);
  EXPECT_LT(*found, 2000);
  EXPECT_FALSE(read_bandwidth(0, 1));
  EXPECT_GE(beyond_caches(), std::size_t{256} << 20);
}

}  // namespace
}  // namespace tollgate::gateway::bench
