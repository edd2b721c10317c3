// Steps planned while another one is in flight: what they hold, who has to wait, and how sequences end meanwhile.
#include "scripted.h"

namespace tollgate::local::testing {
namespace {

struct Overlapped : Bench {
  explicit Overlapped(const SchedulerOptions& options = {.max_drafts = 0}, std::size_t blocks = 64,
                      const FakeModel& model = {})
      : Bench(options, blocks, model) {
    backend.overlapping = true;
  }
  Result<void> ask(std::uint64_t id, std::size_t prompt, std::size_t answer, std::vector<Token> ends = {}) {
    return add({.id = id,
                .prompt = Bench::prompt(prompt, id),
                .max_new_tokens = answer,
                .end_tokens = std::move(ends),
                .masked = false});
  }
  // The next step, if it can be planned now; it is `step` then.
  bool start() {
    const std::uint64_t preempted = scheduler.stats().preemptions;
    const bool any = scheduler.plan(step, now);
    if (in_flight > 0) EXPECT_EQ(scheduler.stats().preemptions, preempted);
    if (!any) return false;
    EXPECT_TRUE(backend.start(step)) << backend.problem;
    ++in_flight;
    return true;
  }
  void land() {
    const Result<void> done = backend.finish(result);
    ASSERT_TRUE(done) << backend.problem;
    now += 1000;
    --in_flight;
    scheduler.finish(result, now);
    ASSERT_EQ(scheduler.check(), "");
  }
  // One step more, as an engine does it. False when there was nothing to do.
  bool turn() {
    const bool started = start();
    if (in_flight == 0) return false;
    if (!started || in_flight == 2) land();
    return true;
  }
  void serve() {
    while (turn() && !HasFatalFailure()) continue;
  }
  static bool HasFatalFailure() { return ::testing::Test::HasFatalFailure(); }

  int in_flight = 0;
};

std::vector<Token> sequential_answer(std::uint64_t id, std::size_t prompt, std::size_t answer) {
  Bench bench({.max_drafts = 0});
  EXPECT_TRUE(bench.add(id, Bench::prompt(prompt, id), answer));
  bench.run();
  return bench.owner(id).answer;
}

TEST(Overlap, ATokenIsPlannedBeforeItIsKnown) {
  Overlapped bench;
  ASSERT_TRUE(bench.ask(1, 10, 3));
  ASSERT_TRUE(bench.ask(2, 20, 3));
  ASSERT_TRUE(bench.start());
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.step.tokens, (std::vector<Token>{placeholder(0), placeholder(1)}));
  EXPECT_EQ(bench.step.positions, (std::vector<std::int32_t>{10, 20}));
  EXPECT_EQ(bench.step.samples[1].position, 21);
  EXPECT_TRUE(bench.step.samples[1].answer.empty());
  bench.land();
  EXPECT_EQ(bench.owner(1).answer.size(), 1u);
  ASSERT_TRUE(bench.start());
  bench.land();
  EXPECT_FALSE(bench.start());  // the third token ends both, as is known by count
  bench.land();
  EXPECT_FALSE(bench.start());
  for (const std::uint64_t id : {1, 2}) {
    EXPECT_EQ(bench.owner(id).answer, sequential_answer(id, 10 * id, 3));
    EXPECT_EQ(bench.owner(id).reason, StopReason::length);
  }
  EXPECT_EQ(bench.scheduler.stats().planned_ahead, 2u);
  EXPECT_EQ(bench.scheduler.stats().thrown_away, 0u);
  EXPECT_EQ(bench.scheduler.stats().computed_tokens, 34u);
}

TEST(Overlap, ChunksOfAPromptFollowEachOther) {
  Overlapped bench({.max_step_tokens = 64, .max_drafts = 0});
  ASSERT_TRUE(bench.ask(1, 150, 2));
  ASSERT_TRUE(bench.start());
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.rows(), std::vector<int>{64});
  EXPECT_EQ(bench.step.rows[0].context, 128);
  bench.land();
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.rows(), std::vector<int>{22});
  bench.land();
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.step.tokens, std::vector<Token>{placeholder(0)});
  bench.land();
  bench.land();
  EXPECT_EQ(bench.owner(1).answer, sequential_answer(1, 150, 2));
}

// Without one of its sequences a step would cost that one the time of a whole step: it is rather not planned ahead.
TEST(Overlap, NobodyIsLeftOutOfAStepForTheSakeOfOthers) {
  const auto steps_ahead = [](SequenceParams params, int max_drafts = 0) {
    Overlapped bench({.max_drafts = max_drafts}, 64, {.vocabulary = 64, .predictable = 16});
    EXPECT_TRUE(bench.ask(1, 10, 200));
    params.id = 2;
    params.prompt = Bench::prompt(20);
    params.max_new_tokens = 200;
    EXPECT_TRUE(bench.add(std::move(params)));
    bench.serve();
    EXPECT_EQ(bench.owner(2).answer.size(), 200u);
    return bench.scheduler.stats().planned_ahead;
  };
  EXPECT_EQ(steps_ahead({.masked = false}), 199u);
  EXPECT_EQ(steps_ahead({.masked = true}), 0u);
  EXPECT_EQ(steps_ahead({.sampling = {.logit_bias = {{1, 1.0f}}}, .masked = false}), 199u);
  EXPECT_EQ(steps_ahead({.sampling = {.repetition_penalty = 1.1f}, .masked = false}), 0u);
  EXPECT_EQ(steps_ahead({.sampling = {.presence_penalty = 0.1f}, .masked = false}), 0u);
  EXPECT_EQ(steps_ahead({.sampling = {.frequency_penalty = 0.1f}, .masked = false}), 0u);
  // What follows in this text can be guessed: that brings more tokens per step than steps ahead do.
  EXPECT_LT(steps_ahead({.masked = false}, 4), 100u);
}

TEST(Overlap, ATokenBehindTheEndIsThrownAwayAndTheEndIsToldWhenItIsPaid) {
  const std::vector<Token> whole = sequential_answer(1, 40, 30);
  const auto end = static_cast<std::size_t>(std::ranges::find(whole, whole[12]) - whole.begin());
  Overlapped bench;
  ASSERT_TRUE(bench.ask(1, 40, 30, {whole[12]}));
  ASSERT_TRUE(bench.ask(2, 10, 30));
  ASSERT_TRUE(bench.start());
  while (bench.owner(1).answer.size() <= end) {
    ASSERT_TRUE(bench.start());
    bench.land();
  }
  EXPECT_EQ(bench.owner(1).reason, StopReason::none);
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.step.rows.size(), 1u);  // no third token behind the end
  const std::size_t used = bench.scheduler.stats().blocks_used;
  EXPECT_EQ(bench.scheduler.stats().running, 1u);
  bench.land();
  EXPECT_EQ(bench.owner(1).reason, StopReason::end_token);
  EXPECT_EQ(bench.owner(1).answer.size(), end + 1);
  EXPECT_EQ(bench.scheduler.stats().thrown_away, 1u);
  EXPECT_EQ(bench.scheduler.stats().blocks_used, used - 2);
  bench.land();
  bench.serve();
  EXPECT_EQ(bench.owner(2).answer, sequential_answer(2, 10, 30));
}

TEST(Overlap, CancelledInBothStepsItEndsWithTheSecond) {
  Overlapped bench;
  for (std::uint64_t id = 1; id <= 2; ++id) ASSERT_TRUE(bench.ask(id, 10, 30));
  ASSERT_TRUE(bench.start());
  ASSERT_TRUE(bench.start());
  bench.scheduler.cancel(1);
  bench.land();
  EXPECT_EQ(bench.owner(1).reason, StopReason::none);
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.step.rows.size(), 1u);
  bench.land();
  EXPECT_EQ(bench.owner(1).reason, StopReason::cancelled);
  EXPECT_TRUE(bench.owner(1).answer.empty());
  bench.scheduler.cancel(2);
  EXPECT_FALSE(bench.start());  // nothing more is planned for it
  bench.land();
  EXPECT_EQ(bench.owner(2).reason, StopReason::cancelled);
  EXPECT_EQ(bench.scheduler.stats().blocks_used, 0u);
}

TEST(Overlap, NobodyIsPreemptedInFlightNorLeftOutForLackOfRoom) {
  Overlapped bench({.max_drafts = 0}, 6);
  for (std::uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(bench.ask(id, 10 * id, 100));  // the newest needs room first
  for (bool any = true; any;) {
    any = bench.start();
    std::size_t leaving = 0;  // the step in flight may draw their last token
    for (std::uint64_t id = 1; id <= 3; ++id) leaving += bench.owner(id).answer.size() >= 98;
    if (any) EXPECT_GE(bench.step.rows.size() + leaving, bench.scheduler.stats().running);
    if (bench.in_flight == 2 || (!any && bench.in_flight == 1)) {
      bench.land();
      any = true;
    }
  }
  EXPECT_GT(bench.scheduler.stats().preemptions, 0u);
  EXPECT_GT(bench.scheduler.stats().planned_ahead, 50u);
  for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(bench.owner(id).answer, sequential_answer(id, 10 * id, 100));
}

TEST(Overlap, BlocksAreFoundOnceTheirStepIsOver) {
  Overlapped bench;
  ASSERT_TRUE(bench.ask(1, 110, 5));
  ASSERT_TRUE(bench.start());
  EXPECT_TRUE(bench.scheduler.findable().empty());
  ASSERT_TRUE(bench.add({.id = 2, .prompt = Bench::prompt(110, 1), .max_new_tokens = 5, .masked = false}));
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.step.rows.size(), 1u);  // the second waits for what the first is computing
  bench.land();
  EXPECT_EQ(bench.scheduler.findable().size(), 3u);
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.rows(), (std::vector<int>{1, 1}));
  EXPECT_EQ(bench.step.copies.size(), 1u);  // of the block that the first writes on
  bench.land();
  ASSERT_TRUE(bench.start());
  EXPECT_TRUE(bench.step.copies.empty());  // once is enough
  bench.land();
  bench.land();
  bench.serve();
  EXPECT_EQ(bench.owner(1).answer, bench.owner(2).answer);
}

TEST(Overlap, ASecondComputationOfABlockIsKeptWhileAStepReadsIt) {
  Overlapped bench({.max_step_tokens = 64, .max_drafts = 0});
  // Different prompts of which the answers bring the same 32 tokens would be rare; equal ones that are admitted in one
  // step are not: they share less than what is worth waiting for.
  for (std::uint64_t id = 1; id <= 2; ++id)
    ASSERT_TRUE(bench.add({.id = id, .prompt = Bench::prompt(10), .max_new_tokens = 60, .masked = false}));
  bench.serve();
  EXPECT_EQ(bench.owner(1).answer, bench.owner(2).answer);
  EXPECT_EQ(bench.scheduler.stats().blocks_used, 0u);
  EXPECT_EQ(bench.scheduler.findable().size(), 2u);
}

TEST(Overlap, AFailedStepEndsThoseInItButNotThoseWhoCameLater) {
  Overlapped bench;
  ASSERT_TRUE(bench.ask(1, 10, 5));
  bench.backend.fail_next = true;
  ASSERT_TRUE(bench.start());
  ASSERT_TRUE(bench.ask(2, 20, 5));
  ASSERT_TRUE(bench.start());
  EXPECT_EQ(bench.step.rows.size(), 2u);
  EXPECT_FALSE(bench.backend.finish(bench.result));
  --bench.in_flight;
  bench.scheduler.fail();
  EXPECT_EQ(bench.scheduler.check(), "");
  EXPECT_EQ(bench.owner(1).reason, StopReason::none);
  bench.land();
  EXPECT_EQ(bench.owner(1).reason, StopReason::failed);
  EXPECT_TRUE(bench.owner(1).answer.empty());
  bench.serve();
  EXPECT_EQ(bench.owner(2).answer, sequential_answer(2, 20, 5));
  EXPECT_EQ(bench.scheduler.stats().blocks_used, 0u);
}

TEST(Overlap, AStepsTimeBeginsWhenTheOneBeforeIsOver) {
  // 100 tokens in 1000 us, whether planned ahead or not: what is told to wait is the same.
  const auto wait = [](bool overlapped) {
    Overlapped bench({.max_step_tokens = 100, .max_running = 1, .max_waiting = 1, .max_drafts = 0}, 1000);
    EXPECT_TRUE(bench.ask(1, 3000, 900));
    bench.start();
    for (int i = 0; i < 20; ++i) {
      if (overlapped) bench.start();
      bench.now += 99'000;
      bench.land();
      if (!overlapped) bench.start();
    }
    EXPECT_TRUE(bench.ask(2, 100, 400));
    return bench.ask(3, 100, 400).error().retry_after.count();
  };
  EXPECT_GT(wait(false), 1000);
  EXPECT_EQ(wait(true), wait(false));
}

}  // namespace
}  // namespace tollgate::local::testing
