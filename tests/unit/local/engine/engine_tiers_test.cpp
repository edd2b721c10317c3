// Engines that share a store of prefix blocks, over a back end whose answers depend on every slot of KV that they see:
// a wrong block gives another text.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "local_backend/engine/engine.h"
#include "tests/unit/local/kv/faulty_store.h"
#include "tests/unit/local/scheduler/fake_backend.h"

namespace tollgate::local {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kVocabulary = 64, kContext = 512;

class LetterTokenizer final : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view, EncodeOptions) const override { return {}; }
  std::string_view bytes(Token token, bool) const override {
    return letters_.substr(static_cast<std::size_t>(token), 1);
  }
  std::size_t size() const override { return kVocabulary; }
  TokenKind kind(Token) const override { return TokenKind::normal; }
  std::optional<Token> find(std::string_view) const override { return std::nullopt; }

 private:
  std::string_view letters_ = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
};

class Heard final : public AnswerListener {
 public:
  void on_piece(const Piece& piece) override { text += piece.text; }
  void on_end(const AnswerEnd& what, const Error*) override {
    const std::lock_guard lock(mutex_);
    end = what;
    ended_ = true;
    changed_.notify_all();
  }
  bool wait_end() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [this] { return ended_; });
  }

  std::string text;  // to be read after the end
  AnswerEnd end;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

// The back end, slowed down so that fetching pays.
class SlowBackend final : public testing::FakeBackend {
 public:
  SlowBackend(std::size_t blocks, std::chrono::microseconds per_token)
      : FakeBackend({.vocabulary = kVocabulary}, blocks, 64), per_token_(per_token) {}
  Result<void> step(const StepPlan& plan, StepResult& result) override {
    std::this_thread::sleep_for(per_token_ * static_cast<int>(plan.tokens.size()));
    return FakeBackend::step(plan, result);
  }

 private:
  std::chrono::microseconds per_token_;
};

struct Answered {
  std::string text;
  std::size_t cached = 0;
  Clock::duration took{};
};

struct Process {
  explicit Process(Shelf* shelf, std::size_t host_bytes = 0, std::size_t blocks = 64) {
    EngineOptions options;
    options.prefixes.host_bytes = host_bytes;
    if (shelf)
      options.prefixes.open_store = [this, shelf](const BackendInfo&) {
        auto store = std::make_unique<FaultyStore>(*shelf);
        stores.push_back(store.get());
        return store;
      };
    auto made = std::make_unique<SlowBackend>(blocks, 20us);
    backend = made.get();
    engine = Engine::over(std::move(made), std::make_shared<LetterTokenizer>(), "fake", kContext, options);
  }
  ~Process() {
    engine->stop();
    EXPECT_EQ(backend->problem, "");
  }

  Answered ask(unsigned number, std::string salt = {}, std::size_t length = 200) {
    AnswerRequest request{.max_new_tokens = 20, .salt = std::move(salt)};
    for (unsigned i = 0; i < length; ++i)
      request.prompt.push_back(static_cast<Token>(testing::mix(number * 1'000 + i) % kVocabulary));
    auto heard = std::make_shared<Heard>();
    const auto begun = Clock::now();
    EXPECT_TRUE(engine->submit(std::move(request), heard));
    EXPECT_TRUE(heard->wait_end());
    return {heard->text, heard->end.cached_tokens, Clock::now() - begun};
  }

  std::vector<FaultyStore*> stores;  // reading, writing
  SlowBackend* backend = nullptr;
  std::shared_ptr<Engine> engine;
};

TEST(EngineTiers, AnotherProcessFindsWhatWasComputed) {
  Shelf shelf;
  Process first(&shelf);
  const Answered answer = first.ask(1);
  EXPECT_EQ(answer.cached, 0u);
  ASSERT_TRUE(eventually([&] { return shelf.size() == 6; })) << "200 tokens; the answer does not fill a block";
  Process second(&shelf);
  const Answered again = second.ask(1);
  EXPECT_EQ(again.text, answer.text);
  EXPECT_EQ(again.cached, 192u);
  EXPECT_EQ(second.engine->stats().tiers.fetched, 6u);
  EXPECT_EQ(second.stores[1]->puts, 0) << "what came from there is not written back";
  EXPECT_EQ(second.ask(2).cached, 0u);
}

TEST(EngineTiers, AnEngineThatStopsLeavesItsBlocksBehind) {
  Shelf shelf;
  std::string text;
  {
    Process first(&shelf);
    first.stores[1]->delay = 10ms;
    text = first.ask(1).text;
  }
  EXPECT_EQ(shelf.size(), 6u);
  Process second(&shelf);
  EXPECT_EQ(second.ask(1).text, text);
}

TEST(EngineTiers, SaltsShareNothing) {
  Shelf shelf;
  {
    Process(&shelf).ask(1, "one tenant");
  }
  ASSERT_EQ(shelf.size(), 6u);
  EXPECT_EQ(Process(&shelf).ask(1, "another").cached, 0u);
  EXPECT_EQ(Process(&shelf).ask(1, "one tenant").cached, 192u);
}

TEST(EngineTiers, WhateverTheStoreReturnsTheAnswerIsRight) {
  Shelf shelf;
  std::string text;
  {
    text = Process(&shelf).ask(1).text;
  }
  for (const auto fault : {FaultyStore::Fault::failing, FaultyStore::Fault::flipped_bit, FaultyStore::Fault::cut,
                           FaultyStore::Fault::other_key, FaultyStore::Fault::garbage}) {
    Process other(&shelf);
    other.stores[0]->fault = fault;
    const Answered answer = other.ask(1);
    EXPECT_EQ(answer.text, text);
    EXPECT_EQ(answer.cached, 0u);
  }
}

TEST(EngineTiers, AHangingStoreDelaysAnAnswerAndLosesNone) {
  Shelf shelf;
  Process process(&shelf);
  for (FaultyStore* store : process.stores) store->hang();
  EXPECT_LT(process.ask(1).took, 5s);
  EXPECT_LT(process.ask(2).took, 5s);
  const auto begun = Clock::now();
  std::thread release([&] {
    std::this_thread::sleep_for(1500ms);
    for (FaultyStore* store : process.stores) store->let_go();
  });
  process.engine->stop();
  EXPECT_LT(Clock::now() - begun, 5s);
  release.join();
}

TEST(EngineTiers, WithoutWorkTheThreadSleeps) {
  Shelf shelf;
  Process process(&shelf);
  process.ask(1);
  ASSERT_TRUE(eventually([&] { return shelf.size() == 6; }));
  std::this_thread::sleep_for(100ms);
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(300ms);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const auto used = (after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec - before.tv_nsec;
  EXPECT_LT(used, 30'000'000);
}

TEST(EngineTiers, HostMemoryKeepsWhatThePoolHasNoRoomFor) {
  const std::size_t block = testing::FakeBackend({.vocabulary = kVocabulary}, 1, 64).info().block_bytes;
  Process process(nullptr, 64 * block, 10);
  const Answered first = process.ask(1);
  process.ask(2);  // takes the pool's ten blocks
  process.ask(3);
  const Answered again = process.ask(1);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(again.cached, 192u);
  EXPECT_GT(process.engine->stats().tiers.host_blocks, 0u);
}

}  // namespace
}  // namespace tollgate::local
