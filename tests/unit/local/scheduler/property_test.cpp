// Every answer equals the sequential oracle's, whatever the scheduler does to serve it; after each step blocks, lists
// and counts agree; at the end nothing is left. Each world prints its seed: the same seed gives the same run. All of it
// once more on a device that overlaps.
#include <gtest/gtest.h>

#include "world.h"

namespace tollgate::local::testing {
namespace {

SchedulerStats run_one_way(const WorldOptions& options, std::uint64_t seeds, std::uint64_t steps) {
  SchedulerStats sum;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    World world(options, seed);
    for (std::uint64_t i = 0; i < steps && world.problem.empty(); ++i) world.step();
    EXPECT_EQ(world.drain(), "") << "seed " << seed << (options.overlap ? ", overlapped" : "");
    if (!world.problem.empty()) break;
    const SchedulerStats stats = world.scheduler.stats();
    sum.preemptions += stats.preemptions;
    sum.prefix_hits += stats.prefix_hits;
    sum.drafted += stats.drafted;
    sum.accepted += stats.accepted;
    sum.model_drafted += stats.model_drafted;
    sum.model_accepted += stats.model_accepted;
    sum.rejected += stats.rejected;
    sum.answer_tokens += stats.answer_tokens;
    sum.planned_ahead += stats.planned_ahead;
    sum.thrown_away += stats.thrown_away;
  }
  return sum;
}

SchedulerStats run_overlapped(WorldOptions options, std::uint64_t seeds, std::uint64_t steps = 1500) {
  options.overlap = true;
  return run_one_way(options, seeds, steps);
}

// Both ways; what is returned is of steps one after the other.
SchedulerStats run(const WorldOptions& options, std::uint64_t seeds, std::uint64_t steps = 1500) {
  run_overlapped(options, seeds, steps);
  const SchedulerStats sum = run_one_way(options, seeds, steps);
  EXPECT_EQ(sum.planned_ahead + sum.thrown_away, 0u);
  return sum;
}

TEST(SchedulerProperty, UsualLoad) {
  const SchedulerStats stats = run({.blocks = 200}, 6);
  EXPECT_GT(stats.prefix_hits, 10'000u);
  EXPECT_GT(stats.answer_tokens, 10'000u);
}

TEST(SchedulerProperty, TinyPoolPreempts) {
  const SchedulerStats stats = run({.blocks = 8, .cancel_percent = 1}, 8);
  EXPECT_GT(stats.preemptions, 100u);
}

TEST(SchedulerProperty, PoolOfExactlyOneSequence) {
  run({.blocks = 7, .longest_prompt = 165, .arrival_percent = 10}, 6);
}

TEST(SchedulerProperty, GuessesChangeNothing) {
  WorldOptions options{.model = {.vocabulary = 6, .predictable = 14}, .blocks = 80, .longest_prompt = 40};
  options.scheduler.max_drafts = 6;
  const SchedulerStats stats = run(options, 8);
  EXPECT_GT(stats.drafted, 1000u);
  EXPECT_GT(stats.accepted, 500u);
  EXPECT_LT(stats.accepted, stats.drafted);
}

TEST(SchedulerProperty, GuessesUnderMasksAndPressure) {
  WorldOptions options{
      .model = {.vocabulary = 5, .predictable = 13}, .blocks = 9, .longest_prompt = 90, .mask_percent = 80};
  options.scheduler.max_drafts = 8;
  options.scheduler.max_running = 3;
  const SchedulerStats stats = run(options, 8);
  EXPECT_GT(stats.accepted, 100u);
}

TEST(SchedulerProperty, ASecondModelChangesNothing) {
  WorldOptions options{.blocks = 80, .longest_prompt = 40};
  options.scheduler.max_drafts = 6;
  options.drafter = {.hit_percent = 85};
  const SchedulerStats good = run(options, 6);
  EXPECT_GT(good.model_accepted, 2000u);
  EXPECT_LT(good.model_accepted, good.model_drafted);
  EXPECT_LE(good.model_accepted, good.accepted);
  options.drafter->hit_percent = 0;
  const SchedulerStats hopeless = run(options, 6);
  EXPECT_GT(hopeless.model_drafted, 0u);
  EXPECT_LT(hopeless.model_drafted, hopeless.answer_tokens / 20);  // it was given up
}

TEST(SchedulerProperty, ASecondModelUnderMasksAndPressure) {
  WorldOptions options{.blocks = 9, .longest_prompt = 90, .mask_percent = 80};
  options.scheduler.max_drafts = 8;
  options.scheduler.max_running = 3;
  options.drafter = {.hit_percent = 80, .late_percent = 40, .forbidden_percent = 30};
  EXPECT_GT(run(options, 8).model_accepted, 500u);
}

TEST(SchedulerProperty, StepsOfOneToken) {
  WorldOptions options{.blocks = 20, .arrival_percent = 5};
  options.scheduler.max_step_tokens = 1;
  run(options, 4, 4000);
}

TEST(SchedulerProperty, OddChunks) {
  for (const std::size_t chunk : {1, 7, 31, 32, 33, 100}) {
    WorldOptions options{.blocks = 30, .cancel_percent = 0};
    options.scheduler.max_prefill_chunk = chunk;
    options.scheduler.max_step_tokens = chunk + 16;
    run(options, 2);
  }
}

TEST(SchedulerProperty, ManyAnswersOfOnePrompt) {
  const SchedulerStats stats = run({.blocks = 60, .groups = 1, .arrival_percent = 20, .answers_percent = 90}, 6);
  EXPECT_GT(stats.prefix_hits, 50'000u);
}

TEST(SchedulerProperty, FailingSteps) { run({.blocks = 20, .cancel_percent = 5, .fail_percent = 3}, 6); }

TEST(SchedulerProperty, BlocksFromATier) {
  WorldOptions options{.blocks = 16, .groups = 6, .arrival_percent = 15, .tier = true};
  World world(options, 5);
  for (int i = 0; i < 3000; ++i) world.step();
  EXPECT_EQ(world.drain(), "");
  EXPECT_GT(world.loaded, 50u);
  run(options, 6);
}

TEST(SchedulerProperty, WorldsOfAnyShape) {
  for (const bool overlap : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
      Dice dice(seed * 7919);
      WorldOptions options = random_world(dice);
      options.overlap = overlap;
      World world(options, seed);
      for (int i = 0; i < 300 && world.problem.empty(); ++i) world.step();
      ASSERT_EQ(world.drain(), "") << "seed " << seed << (overlap ? ", overlapped" : "");
    }
  }
}

TEST(SchedulerProperty, NearlyEveryStepIsPlannedAheadWhereNobodyWaits) {
  WorldOptions options{.blocks = 200, .mask_percent = 0};
  options.scheduler.max_drafts = 0;
  const SchedulerStats stats = run_overlapped(options, 4);
  EXPECT_GT(stats.planned_ahead, 5000u);  // of 6000
  EXPECT_GT(stats.thrown_away, 1000u);
  EXPECT_LT(stats.thrown_away, stats.answer_tokens / 10);
}

TEST(SchedulerProperty, TinyPoolsOverlapped) {
  WorldOptions options{.blocks = 8, .cancel_percent = 6, .mask_percent = 0};
  options.scheduler.max_drafts = 0;
  const SchedulerStats stats = run_overlapped(options, 8);
  EXPECT_GT(stats.preemptions, 100u);
  EXPECT_GT(stats.planned_ahead, 2000u);
}

TEST(SchedulerProperty, GuessesAndStepsAheadTakeTurns) {
  WorldOptions options{.model = {.vocabulary = 24, .predictable = 6}, .blocks = 80, .mask_percent = 2};
  options.scheduler.max_running = 3;
  options.drafter = {.hit_percent = 30};
  const SchedulerStats stats = run_overlapped(options, 8);
  EXPECT_GT(stats.planned_ahead, 500u);
  EXPECT_GT(stats.accepted, 500u);
}

}  // namespace
}  // namespace tollgate::local::testing
