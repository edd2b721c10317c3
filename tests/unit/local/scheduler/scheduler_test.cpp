// Steps one by one: who computes how much, and how sequences end.
#include "local_backend/scheduler/scheduler.h"

#include <list>

#include "scripted.h"

namespace tollgate::local::testing {
namespace {

using Rows = std::vector<int>;

TEST(Plan, ChunksLeaveRoomForThoseThatDecode) {
  Bench bench({.max_step_tokens = 200, .max_prefill_chunk = 70});
  ASSERT_TRUE(bench.add(1, Bench::prompt(500, 1), 100));
  bench.plan();
  EXPECT_EQ(bench.rows(), Rows{192});  // all of the budget, down to a block's end
  bench.finish();
  bench.one_step();
  bench.plan();
  EXPECT_EQ(bench.rows(), Rows{116});
  bench.finish();
  ASSERT_TRUE(bench.add(2, Bench::prompt(300, 2), 100));
  ASSERT_TRUE(bench.add(3, Bench::prompt(300, 3), 100));
  bench.plan();
  EXPECT_EQ(bench.rows(), (Rows{1, 64, 64}));
  bench.finish();
}

TEST(Plan, NothingToDo) {
  Bench bench;
  EXPECT_FALSE(bench.plan());
  ASSERT_TRUE(bench.add(1, Bench::prompt(5), 2));
  bench.run();
  EXPECT_FALSE(bench.plan());
}

TEST(Plan, TheNewestMakesRoomAndTheOldestFinishesFirst) {
  Bench bench({.max_drafts = 0}, 6);
  for (std::uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(bench.add(id, Bench::prompt(31, id), 100));
  std::vector<std::uint64_t> ended;
  while (bench.one_step())
    for (std::uint64_t id = 1; id <= 3; ++id)
      if (bench.owner(id).reason == StopReason::length && std::ranges::find(ended, id) == ended.end())
        ended.push_back(id);
  EXPECT_EQ(ended, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_GT(bench.scheduler.stats().preemptions, 1u);
}

TEST(Plan, GuessesAreVerifiedInTheSameStep) {
  const FakeModel model{.vocabulary = 64, .predictable = 16};
  Bench with({.max_drafts = 4}, 64, model), without({.max_drafts = 0}, 64, model);
  int steps_with = 0, steps_without = 0;
  for (Bench* bench : {&with, &without}) ASSERT_TRUE(bench->add(1, Bench::prompt(20), 200));
  for (; with.plan(); with.finish(), ++steps_with)
    EXPECT_LE(with.step.rows[0].context, 219);  // the last token is never computed, nor guesses behind it
  while (without.one_step()) ++steps_without;
  EXPECT_EQ(with.owner(1).answer, without.owner(1).answer);
  EXPECT_EQ(steps_without, 200);
  EXPECT_LT(steps_with, 100);
  EXPECT_EQ(with.owner(1).most_drafts, 4u);
  EXPECT_EQ(without.scheduler.stats().drafted, 0u);
  // What was guessed right is not computed again.
  const SchedulerStats stats = with.scheduler.stats();
  EXPECT_EQ(stats.computed_tokens, 219 + stats.drafted - stats.accepted);
}

struct Masked : Recorder {
  std::span<const std::uint32_t> mask(std::span<const Token> drafts) override {
    Recorder::mask(drafts);
    only = {0, 0};
    const auto next = (answer.size() + drafts.size()) % 3;  // 0 1 2 0 1 2 ..., but each round is shifted by the 50th
    only[0] = 1u << (answer.size() + drafts.size() >= 50 ? next + 10 : next);
    return only_views.emplace_back(only);
  }
  std::vector<std::uint32_t> only;
  std::list<std::vector<std::uint32_t>> only_views;
};

TEST(Plan, AGuessThatMayNotBeDrawnIsNotTried) {
  Bench bench({.max_drafts = 4});
  Masked owner;
  ASSERT_TRUE(bench.scheduler.add({.id = 1, .prompt = Bench::prompt(20), .max_new_tokens = 100}, owner, 0));
  bench.run();
  EXPECT_EQ(owner.answer.size(), 100u);
  const SchedulerStats stats = bench.scheduler.stats();
  EXPECT_GT(stats.accepted, 50u);
  EXPECT_EQ(stats.drafted, stats.accepted);  // the mask leaves one token: a guess that it lets through is right
}

TEST(Plan, GuessesThatAreNeverRightCease) {
  // Two tokens: pairs repeat all the time, but what follows is chance.
  Bench bench({.max_running = 32, .max_drafts = 4}, 600, {.vocabulary = 2});
  bench.token_us = 100;
  for (std::uint64_t id = 0; id < 32; ++id) ASSERT_TRUE(bench.add(id, {0, 1, 1, 0}, 500));
  bench.run();
  const SchedulerStats stats = bench.scheduler.stats();
  EXPECT_LT(stats.drafted, stats.answer_tokens / 5);
}

TEST(Ends, EndTokensStopStringsAndLength) {
  Bench bench;
  ASSERT_TRUE(bench.add(1, Bench::prompt(10), 50));
  bench.run();
  const std::vector<Token> whole = bench.owner(1).answer;
  EXPECT_EQ(bench.owner(1).reason, StopReason::length);
  const auto first = std::find(whole.begin(), whole.end(), whole[20]);
  const std::vector<Token> until(whole.begin(), first + 1);
  ASSERT_TRUE(bench.add({.id = 2, .prompt = Bench::prompt(10), .max_new_tokens = 50, .end_tokens = {whole[20]}}));
  bench.run();
  EXPECT_EQ(bench.owner(2).answer, until);
  EXPECT_EQ(bench.owner(2).reason, StopReason::end_token);
  ASSERT_TRUE(bench.add(
      {.id = 3, .prompt = Bench::prompt(10), .max_new_tokens = 50, .end_tokens = {whole[20]}, .ignore_end = true}));
  bench.owner(3).stop_after = 30;
  bench.run();
  EXPECT_EQ(bench.owner(3).answer.size(), 30u);
  EXPECT_EQ(bench.owner(3).reason, StopReason::stop);
  EXPECT_EQ(bench.scheduler.stats().blocks_used, 0u);
}

TEST(Ends, CancelAtOnceOrWithTheStep) {
  Bench bench;
  for (std::uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(bench.add(id, Bench::prompt(10, id), 50));
  bench.scheduler.cancel(1);
  EXPECT_EQ(bench.owner(1).reason, StopReason::cancelled);
  bench.plan();
  bench.scheduler.cancel(2);
  EXPECT_EQ(bench.owner(2).reason, StopReason::none);
  bench.finish();
  EXPECT_EQ(bench.owner(2).reason, StopReason::cancelled);
  EXPECT_TRUE(bench.owner(2).answer.empty());
  bench.scheduler.cancel(3);
  EXPECT_EQ(bench.owner(3).reason, StopReason::cancelled);
  EXPECT_EQ(bench.scheduler.stats().blocks_used, 0u);
  bench.scheduler.cancel(99);
  EXPECT_FALSE(bench.plan());
}

TEST(Ends, AFailedStepEndsThoseInIt) {
  Bench bench({.max_running = 1});
  ASSERT_TRUE(bench.add(1, Bench::prompt(10, 1), 5));
  ASSERT_TRUE(bench.add(2, Bench::prompt(10, 2), 5));
  bench.one_step();
  bench.plan();
  bench.scheduler.fail();
  EXPECT_EQ(bench.owner(1).reason, StopReason::failed);
  EXPECT_EQ(bench.owner(2).reason, StopReason::none);
  bench.run();
  EXPECT_EQ(bench.owner(2).reason, StopReason::length);
  ASSERT_TRUE(bench.add(3, Bench::prompt(10, 3), 5));
  bench.plan();
  bench.scheduler.cancel(3);
  bench.scheduler.fail();
  EXPECT_EQ(bench.owner(3).reason, StopReason::cancelled);
}

TEST(Ends, ABackEndThatBreaksItsPromiseFailsTheStep) {
  Bench bench;
  ASSERT_TRUE(bench.add(1, Bench::prompt(10), 5));
  bench.plan();
  bench.scheduler.finish({}, 1);
  EXPECT_EQ(bench.owner(1).reason, StopReason::failed);
  ASSERT_TRUE(bench.add(2, Bench::prompt(10), 5));
  bench.plan();
  bench.scheduler.finish({.sampled = {{.token = 64}}, .logits = {}}, 2);
  EXPECT_EQ(bench.owner(2).reason, StopReason::failed);
  EXPECT_TRUE(bench.owner(2).answer.empty());
  EXPECT_EQ(bench.scheduler.stats().blocks_used, 0u);
}

// An owner that uses the scheduler from inside its calls.
struct Chain : Recorder {
  explicit Chain(Bench& its_bench) : bench(its_bench) {}
  bool on_token(const Sampled& sampled) override {
    if (answer.size() == 2) bench.scheduler.cancel(1);
    return Recorder::on_token(sampled);
  }
  void on_end(StopReason why) override {
    Recorder::on_end(why);
    EXPECT_TRUE(bench.add(1, Bench::prompt(10), 5));
  }
  Bench& bench;
};

TEST(Ends, OwnersMayCallBack) {
  Bench bench;
  Chain chain(bench);
  ASSERT_TRUE(bench.scheduler.add({.id = 1, .prompt = Bench::prompt(10), .max_new_tokens = 50}, chain, 0));
  bench.run();
  EXPECT_EQ(chain.reason, StopReason::cancelled);
  EXPECT_EQ(chain.answer.size(), 3u);
  EXPECT_EQ(bench.owner(1).reason, StopReason::length);
}

}  // namespace
}  // namespace tollgate::local::testing
