// The embedder's queue over one that does what the test says: sharing of passes, limits, cancelling, stopping, failing.
#include "local_backend/engine/embed_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace tollgate::local {
namespace {

using Texts = std::vector<std::vector<Token>>;
constexpr auto kPatience = std::chrono::seconds(20);

// What the fake and the test both look at.
struct Stage {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = true;    // passes may end
  bool fails = false;  // passes end with an error
  std::chrono::milliseconds takes{0};
  std::vector<Texts> passes;  // as they were asked for

  void set_open(bool value) {
    const std::lock_guard lock(mutex);
    open = value;
    changed.notify_all();
  }
  bool wait_for_passes(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, [&] { return passes.size() >= count; });
  }
};

// A text's vector is its first token and its length.
class FakeEmbedder final : public Embedder {
 public:
  explicit FakeEmbedder(Stage& stage) : stage_(stage) {}
  std::size_t width() const override { return 2; }
  std::size_t context() const override { return 64; }
  Result<std::vector<std::vector<float>>> embed(std::span<const std::vector<Token>> texts) override {
    std::unique_lock lock(stage_.mutex);
    stage_.passes.emplace_back(texts.begin(), texts.end());
    stage_.changed.notify_all();
    EXPECT_TRUE(stage_.changed.wait_for(lock, kPatience, [this] { return stage_.open; }));
    std::this_thread::sleep_for(stage_.takes);
    if (stage_.fails) return Error{ErrorKind::fatal, 500, "out_of_memory", "no memory"};
    std::vector<std::vector<float>> vectors;
    for (const auto& text : texts) vectors.push_back({static_cast<float>(text[0]), static_cast<float>(text.size())});
    return vectors;
  }

 private:
  Stage& stage_;
};

// Where one request's end arrives.
class Desk {
 public:
  EmbedDone done() {
    return [this](Result<EmbedAnswer> answer) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(answer_) << "told twice";
      answer_.emplace(std::move(answer));
      changed_.notify_all();
    };
  }
  bool told() {
    const std::lock_guard lock(mutex_);
    return answer_.has_value();
  }
  const Result<EmbedAnswer>& wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [this] { return answer_.has_value(); }))
      answer_.emplace(Error{.message = "nothing was told"});
    return *answer_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<EmbedAnswer>> answer_;
};

std::shared_ptr<EmbedEngine> engine_over(Stage& stage, std::size_t max_waiting = 8) {
  return EmbedEngine::over(std::make_unique<FakeEmbedder>(stage), nullptr, "fake",
                           {.context = 32, .max_step_tokens = 8, .max_waiting = max_waiting});
}

Texts texts_of(Token mark, std::size_t count, std::size_t tokens = 2) {
  return Texts(count, std::vector<Token>(tokens, mark));
}

TEST(EmbedEngine, GivesEachRequestItsOwnVectorsInTheirOrder) {
  Stage stage;
  const auto engine = engine_over(stage);
  EXPECT_EQ(engine->context(), 32u);  // the smaller of the model's and what was asked for
  Desk one, other;
  ASSERT_TRUE(engine->submit({{5, 5}, {6}, {7, 7, 7}}, one.done()));
  ASSERT_TRUE(engine->submit({std::vector<Token>(30, 9)}, other.done()));  // more than a pass takes beside others
  const auto& answer = one.wait();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->vectors, (std::vector<std::vector<float>>{{5, 2}, {6, 1}, {7, 3}}));
  ASSERT_TRUE(other.wait());
  EXPECT_EQ(other.wait()->vectors, (std::vector<std::vector<float>>{{9, 30}}));
}

TEST(EmbedEngine, SharesPassesSoThatALargeRequestHoldsNobodyUp) {
  Stage stage;
  stage.open = false;
  const auto engine = engine_over(stage);
  Desk large, small;
  ASSERT_TRUE(engine->submit(texts_of(1, 40), large.done()));
  ASSERT_TRUE(stage.wait_for_passes(1));  // it alone
  ASSERT_TRUE(engine->submit(texts_of(2, 1), small.done()));
  stage.set_open(true);
  ASSERT_TRUE(small.wait());
  ASSERT_TRUE(large.wait());
  EXPECT_EQ(large.wait()->vectors.size(), 40u);
  ASSERT_EQ(stage.passes.size(), 11u);  // 41 texts, four to a pass of eight tokens
  EXPECT_EQ(stage.passes[0], texts_of(1, 4));
  const auto& second = stage.passes[1];
  EXPECT_EQ(second.size(), 4u);
  EXPECT_NE(std::find(second.begin(), second.end(), std::vector<Token>(2, 2)), second.end());
}

TEST(EmbedEngine, SharesThePassesTimeByTokens) {
  Stage stage;
  stage.open = false;
  stage.takes = std::chrono::milliseconds(20);
  const auto engine = engine_over(stage);
  Desk first, many, few;
  ASSERT_TRUE(engine->submit(texts_of(1, 4), first.done()));
  ASSERT_TRUE(stage.wait_for_passes(1));
  ASSERT_TRUE(engine->submit({{2, 2, 2, 2, 2, 2}}, many.done()));
  ASSERT_TRUE(engine->submit({{3, 3}}, few.done()));
  stage.set_open(true);
  ASSERT_TRUE(first.wait());
  ASSERT_TRUE(many.wait());
  ASSERT_TRUE(few.wait());
  ASSERT_EQ(stage.passes.size(), 2u);  // the two shared one
  const std::int64_t six = many.wait()->machine_us, two = few.wait()->machine_us;
  EXPECT_GE(six + two, 20'000);
  EXPECT_LE(std::abs(six - 3 * two), 4) << six << " and " << two;
}

TEST(EmbedEngine, RefusesWhenTooManyWait) {
  Stage stage;
  stage.open = false;
  const auto engine = engine_over(stage, 2);
  Desk desks[2];
  for (Desk& desk : desks) ASSERT_TRUE(engine->submit(texts_of(1, 1), desk.done()));
  Desk refused;
  const auto full = engine->submit(texts_of(1, 1), refused.done());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().status, 429);
  EXPECT_GE(full.error().retry_after.count(), 1000);
  stage.set_open(true);
  for (Desk& desk : desks) EXPECT_TRUE(desk.wait());
  EXPECT_FALSE(refused.told());
  Desk again;
  EXPECT_TRUE(engine->submit(texts_of(1, 1), again.done()));
  EXPECT_TRUE(again.wait());
}

TEST(EmbedEngine, ComputesNothingMoreForWhoHasLeft) {
  Stage stage;
  stage.open = false;
  const auto engine = engine_over(stage);
  Desk gone, stays;
  const auto id = engine->submit(texts_of(1, 100), gone.done());
  ASSERT_TRUE(id);
  ASSERT_TRUE(stage.wait_for_passes(1));
  engine->cancel(*id);
  ASSERT_TRUE(engine->submit(texts_of(2, 1), stays.done()));
  stage.set_open(true);
  EXPECT_TRUE(stays.wait());
  EXPECT_EQ(stage.passes.size(), 2u);
  ASSERT_TRUE(gone.wait()) << "what it has used is told";
  EXPECT_EQ(gone.wait()->tokens, 8u);
  EXPECT_GT(gone.wait()->machine_us, 0);
  const EmbedStats stats = engine->stats();
  EXPECT_EQ(stats.busy_us, gone.wait()->machine_us + stays.wait()->machine_us);
  EXPECT_EQ(stats.passes, 2u);
  EXPECT_EQ(stats.requests, 0u);
}

TEST(EmbedEngine, CancelsWhatWaits) {
  Stage stage;
  stage.open = false;
  const auto engine = engine_over(stage);
  Desk first, waits;
  ASSERT_TRUE(engine->submit(texts_of(1, 1), first.done()));
  ASSERT_TRUE(stage.wait_for_passes(1));
  const auto id = engine->submit(texts_of(2, 1), waits.done());
  ASSERT_TRUE(id);
  engine->cancel(*id);
  stage.set_open(true);
  ASSERT_TRUE(waits.wait());
  EXPECT_EQ(waits.wait()->machine_us, 0);
  EXPECT_EQ(waits.wait()->tokens, 0u);
  EXPECT_TRUE(first.wait());
  EXPECT_EQ(stage.passes.size(), 1u);
}

TEST(EmbedEngine, TellsAFailureAndGoesOn) {
  Stage stage;
  stage.fails = true;
  const auto engine = engine_over(stage);
  Desk failed, after;
  ASSERT_TRUE(engine->submit(texts_of(1, 100), failed.done()));
  ASSERT_FALSE(failed.wait());
  EXPECT_EQ(failed.wait().error().code, "out_of_memory");
  {
    const std::lock_guard lock(stage.mutex);
    stage.fails = false;
  }
  ASSERT_TRUE(engine->submit(texts_of(1, 1), after.done()));
  EXPECT_TRUE(after.wait());
}

TEST(EmbedEngine, StoppingEndsWhatWaits) {
  Stage stage;
  stage.open = false;
  const auto engine = engine_over(stage);
  Desk waits;
  ASSERT_TRUE(engine->submit(texts_of(1, 100), waits.done()));
  ASSERT_TRUE(stage.wait_for_passes(1));
  std::thread opener([&stage] { stage.set_open(true); });
  engine->stop();
  opener.join();
  // Told before stop() came back: either it was just whole, or it was ended.
  ASSERT_TRUE(waits.told());
  Desk late;
  const auto refused = engine->submit(texts_of(1, 1), late.done());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 503);
}

TEST(EmbedEngine, KnowsWhichFilesAreItsOwn) {
  EXPECT_FALSE(EmbedEngine::serves("/nonexistent.gguf"));
  const auto missing = EmbedEngine::load({.file = "/nonexistent.gguf"});
  EXPECT_FALSE(missing);
}

}  // namespace
}  // namespace tollgate::local
