// Who is taken, who waits, who is refused, and what need not be computed again.
#include "scripted.h"

namespace tollgate::local::testing {
namespace {

using Rows = std::vector<int>;

TEST(Admission, RefusesWhatCanNeverFit) {
  Bench bench({.context = 100}, 3);
  EXPECT_EQ(bench.add(1, {}, 5).error().code, "empty_prompt");
  EXPECT_EQ(bench.add(1, Bench::prompt(10), 0).error().code, "bad_max_tokens");
  EXPECT_EQ(bench.add(1, Bench::prompt(100), 1).error().code, "context_length_exceeded");
  EXPECT_EQ(bench.add(1, Bench::prompt(50), 51).error().status, 400);
  EXPECT_EQ(bench.add(1, Bench::prompt(50), SIZE_MAX).error().kind, ErrorKind::client_fault);
  EXPECT_EQ(bench.add(1, {1, 64}, 1).error().code, "bad_token");
  EXPECT_EQ(bench.add(1, {1, -1}, 1).error().code, "bad_token");
  // 96 slots; the last token drawn needs none.
  EXPECT_EQ(bench.add(1, Bench::prompt(50), 48).error().code, "context_length_exceeded");
  EXPECT_TRUE(bench.add(1, Bench::prompt(50), 47));
  EXPECT_EQ(bench.add(1, Bench::prompt(50), 1).error().code, "duplicate_id");
  bench.run();
  EXPECT_EQ(bench.owner(1).answer.size(), 47u);
  EXPECT_EQ(bench.owner(1).reason, StopReason::length);
  EXPECT_EQ(bench.scheduler.stats().blocks_used, 0u);
}

TEST(Admission, RefusesBeyondTheQueueAndTellsWhenItIsDrained) {
  Bench bench({.max_step_tokens = 100, .max_running = 1, .max_waiting = 2});
  ASSERT_TRUE(bench.add(1, Bench::prompt(400, 1), 500));
  bench.one_step();  // 100 tokens in 1000 us
  ASSERT_TRUE(bench.add(2, Bench::prompt(100, 2), 400));
  ASSERT_TRUE(bench.add(3, Bench::prompt(100, 3), 400));
  const Result<void> full = bench.add(4, Bench::prompt(10), 1);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::limited);
  EXPECT_EQ(full.error().status, 429);
  EXPECT_EQ(full.error().retry_after.count(), 1000);  // 1804 tokens need 19 ms: the least that is told
  EXPECT_EQ(bench.scheduler.stats().rejected, 1u);
  bench.plan();
  const Result<void> done = bench.backend.step(bench.step, bench.result);
  bench.now += 2'000'000;
  bench.scheduler.finish(bench.result, bench.now);
  // 96 tokens a step, fading: 190 in 2.00098 s; 1708 are left or expected.
  EXPECT_NEAR(static_cast<double>(bench.add(4, Bench::prompt(10), 1).error().retry_after.count()), 17'980, 50);
}

TEST(Admission, TheSamePromptIsFoundNotComputed) {
  Bench bench;
  ASSERT_TRUE(bench.add(1, Bench::prompt(100), 2));
  bench.run();
  ASSERT_TRUE(bench.add(2, Bench::prompt(100), 2));
  ASSERT_TRUE(bench.plan());
  EXPECT_EQ(bench.rows(), Rows{4});
  EXPECT_EQ(bench.step.rows[0].context, 100);
  bench.finish();
  bench.run();
  EXPECT_EQ(bench.owner(1).answer, bench.owner(2).answer);
  EXPECT_EQ(bench.scheduler.stats().prefix_hits, 96u);
  EXPECT_EQ(bench.scheduler.stats().prefix_queried, 200u);
}

TEST(Admission, AWholeBlockAtTheEndIsCopiedForItsLastToken) {
  Bench bench;
  ASSERT_TRUE(bench.add(1, Bench::prompt(96), 2));
  bench.run();
  ASSERT_TRUE(bench.add(2, Bench::prompt(96), 2));
  ASSERT_TRUE(bench.plan());
  EXPECT_EQ(bench.rows(), Rows{1});
  EXPECT_EQ(bench.step.copies.size(), 1u);
  bench.finish();
  bench.run();
  EXPECT_EQ(bench.owner(1).answer, bench.owner(2).answer);
}

TEST(Admission, AnswersOfOnePromptShareIt) {
  Bench bench({.max_drafts = 0});
  for (std::uint32_t i = 0; i < 3; ++i)
    ASSERT_TRUE(bench.add({.id = i, .prompt = Bench::prompt(50), .stream = i, .max_new_tokens = 5}));
  ASSERT_TRUE(bench.plan());
  EXPECT_EQ(bench.rows(), Rows{50});  // the others wait for it
  bench.finish();
  ASSERT_TRUE(bench.plan());
  EXPECT_EQ(bench.rows(), (Rows{1, 1, 1}));
  EXPECT_EQ(bench.step.copies.size(), 2u);  // of the part of the last block that is the prompt's
  EXPECT_EQ(bench.step.blocks[0], bench.step.blocks[2]);
  bench.finish();
  bench.run();
  EXPECT_NE(bench.owner(0).answer, bench.owner(1).answer);
  EXPECT_EQ(bench.scheduler.stats().computed_tokens, 50u + 2u + 3u * 4u);
}

TEST(Admission, TenantsWithOtherSaltsShareNothing) {
  Bench bench;
  ASSERT_TRUE(bench.add({.id = 1, .prompt = Bench::prompt(100), .max_new_tokens = 9, .salt = "a"}));
  bench.one_step();
  ASSERT_TRUE(bench.add({.id = 2, .prompt = Bench::prompt(100), .max_new_tokens = 9, .salt = "b"}));
  ASSERT_TRUE(bench.plan());
  EXPECT_EQ(bench.rows(), (Rows{1, 100}));
  bench.finish();
  bench.run();
  EXPECT_EQ(bench.scheduler.stats().prefix_hits, 0u);
}

TEST(Admission, InteractiveGoesFirstUntilBatchHasWaitedLong) {
  Bench bench({.max_running = 1, .batch_age_us = 10'000});
  ASSERT_TRUE(bench.add(1, Bench::prompt(10, 1), 3, Lane::batch));
  ASSERT_TRUE(bench.add(2, Bench::prompt(10, 2), 3));
  bench.one_step();
  EXPECT_EQ(bench.owner(2).answer.size(), 1u);
  bench.run();
  bench.now = 100'000;
  ASSERT_TRUE(bench.add(3, Bench::prompt(10, 3), 30));
  bench.one_step();
  ASSERT_TRUE(bench.add(4, Bench::prompt(10, 4), 3, Lane::batch));
  ASSERT_TRUE(bench.add(5, Bench::prompt(10, 5), 3));
  while (bench.owner(3).reason == StopReason::none) bench.one_step();
  bench.one_step();
  EXPECT_EQ(bench.owner(4).answer.size(), 1u);
  EXPECT_TRUE(bench.owner(5).answer.empty());
}

TEST(Admission, BatchMakesPlaceForInteractive) {
  Bench bench({.max_step_tokens = 150, .max_drafts = 0}, 10);
  ASSERT_TRUE(bench.add(1, Bench::prompt(250), 5, Lane::batch));
  bench.one_step();
  bench.one_step();  // it decodes from now on
  ASSERT_TRUE(bench.add(2, Bench::prompt(150, 7), 5));
  ASSERT_TRUE(bench.plan());
  EXPECT_EQ(bench.rows(), Rows{150});
  bench.finish();
  EXPECT_EQ(bench.scheduler.stats().preemptions, 1u);
  bench.run();
  EXPECT_EQ(bench.owner(1).reason, StopReason::length);
  EXPECT_EQ(bench.owner(2).reason, StopReason::length);
}

TEST(Admission, InteractiveDoesNotWaitForABatchTwin) {
  Bench bench({.max_step_tokens = 64});
  ASSERT_TRUE(bench.add(1, Bench::prompt(200), 5, Lane::batch));
  bench.one_step();
  ASSERT_TRUE(bench.add(2, Bench::prompt(200), 5));
  bench.plan();
  EXPECT_EQ(bench.rows(), Rows{64});
  EXPECT_EQ(bench.step.rows[0].context, 128);  // it goes on where the batch one stands, in its place
  bench.finish();
  bench.run();
  EXPECT_EQ(bench.owner(1).answer, bench.owner(2).answer);
  EXPECT_EQ(bench.scheduler.stats().prefix_hits, 64u);
}

TEST(Admission, BatchLeavesSlotsFree) {
  Bench bench({.max_running = 10}, 100);
  for (std::uint64_t id = 1; id <= 10; ++id) ASSERT_TRUE(bench.add(id, Bench::prompt(5, id), 9, Lane::batch));
  bench.one_step();
  EXPECT_EQ(bench.scheduler.stats().running, 9u);
  EXPECT_EQ(bench.scheduler.stats().waiting, 1u);
}

}  // namespace
}  // namespace tollgate::local::testing
