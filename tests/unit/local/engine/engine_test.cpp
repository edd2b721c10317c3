// The engine over a back end that recites: what comes out of the listener for texts, stops, cancels and failures.
#include "local_backend/engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace tollgate::local {
namespace {

constexpr Token kEnd = 256;

// Every byte is a token; 256 ends.
class ByteTokenizer final : public Tokenizer {
 public:
  ByteTokenizer() {
    eos = kEnd;
    ends = {kEnd};
    for (int i = 0; i < 256; ++i) texts_[static_cast<std::size_t>(i)] = static_cast<char>(i);
  }
  std::vector<Token> encode(std::string_view text, EncodeOptions) const override {
    std::vector<Token> tokens;
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    return tokens;
  }
  std::string_view bytes(Token token, bool) const override {
    return token == kEnd ? std::string_view() : std::string_view(&texts_[static_cast<std::size_t>(token)], 1);
  }
  std::size_t size() const override { return 257; }
  TokenKind kind(Token token) const override { return token == kEnd ? TokenKind::control : TokenKind::normal; }
  std::optional<Token> find(std::string_view text) const override {
    return text.size() == 1 ? std::optional<Token>(static_cast<unsigned char>(text[0])) : std::nullopt;
  }

 private:
  std::array<char, 256> texts_{};
};

// After a prompt of n tokens it says `speech` from its first byte on, then ends; without end if it is empty: "x"
// always.
class Reciter final : public Backend {
 public:
  explicit Reciter(std::string speech) : speech_(std::move(speech)) {
    info_ = {.device = "reciter",
             .vocabulary = 257,
             .max_step_tokens = 64,
             .blocks = 16,
             .block_bytes = 1,
             .fingerprint = "r"};
  }
  const BackendInfo& info() const override { return info_; }
  Result<void> step(const StepPlan& plan, StepResult& result) override {
    if (fail) return Error{.code = "device_lost", .message = "gone"};
#if defined(__linux__)
    niceness = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
#endif
    if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    result.sampled.clear();
    for (const SampleRow& row : plan.samples) {
      const std::size_t at = row.answer.size();
      const Token next = speech_.empty()       ? Token{'x'}
                         : at < speech_.size() ? static_cast<unsigned char>(speech_[at])
                                               : kEnd;
      result.sampled.push_back({.token = next, .logprob = -0.5f, .top = {{next, -0.5f}}});
    }
    return {};
  }
  bool read_block(std::int32_t, std::span<std::byte>) const override { return true; }
  bool write_block(std::int32_t, std::span<const std::byte>) override { return true; }

  std::atomic<bool> fail = false, slow = false;
  std::atomic<int> niceness = 0;  // of the thread that made the last step

 private:
  std::string speech_;
  BackendInfo info_;
};

class Heard final : public AnswerListener {
 public:
  void on_piece(const Piece& piece) override {
    const std::lock_guard lock(mutex_);
    text += piece.text;
    ++pieces;
    if (piece.top && !piece.top->empty()) ++with_top;
    changed_.notify_all();
  }
  void on_end(const AnswerEnd& what, const Error* why) override {
    const std::lock_guard lock(mutex_);
    text += what.text;
    stop = what.stop_string;
    end = what;
    if (why) error = *why;
    ++ends;
    changed_.notify_all();
  }
  std::optional<Error> refusal() {
    const std::lock_guard lock(mutex_);
    return error;
  }
  bool wait_end() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return ends > 0; });
  }
  bool wait_pieces(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return pieces >= count; });
  }

  std::string text, stop;
  int pieces = 0, ends = 0, with_top = 0;
  AnswerEnd end;
  std::optional<Error> error;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct Fixture {
  explicit Fixture(std::string speech, EngineOptions options = {}) {
    auto made = std::make_unique<Reciter>(std::move(speech));
    reciter = made.get();
    engine = Engine::over(std::move(made), std::make_shared<ByteTokenizer>(), "reciter", 256, options);
  }
  std::shared_ptr<Heard> ask(AnswerRequest request, std::uint64_t* id = nullptr) {
    if (request.prompt.empty()) request.prompt = {'h', 'i'};
    auto heard = std::make_shared<Heard>();
    auto submitted = engine->submit(std::move(request), heard);
    EXPECT_TRUE(submitted) << submitted.error().message;
    if (submitted && id) *id = *submitted;
    return heard;
  }
  Reciter* reciter;
  std::shared_ptr<Engine> engine;
};

TEST(Engine, TellsTheAnswerAndItsEnd) {
  Fixture fixture("Hello w\xC3\xB6rld");
  AnswerRequest request;
  request.sampling.logprobs = 1;
  const auto heard = fixture.ask(request);
  ASSERT_TRUE(heard->wait_end());
  EXPECT_EQ(heard->text, "Hello w\xC3\xB6rld");
  EXPECT_EQ(heard->end.reason, StopReason::end_token);
  EXPECT_EQ(heard->end.prompt_tokens, 2u);
  EXPECT_EQ(heard->end.answer_tokens, 13u);  // twelve bytes and the end
  EXPECT_EQ(heard->with_top, 13);
  EXPECT_FALSE(heard->error);
}

#if defined(__linux__)
TEST(Engine, StepsBackBehindTheGatewaysThreads) {
  Fixture fixture("x");
  ASSERT_TRUE(fixture.ask({})->wait_end());
  const int own = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
  EXPECT_EQ(fixture.reciter->niceness, std::min(own + kEngineNice, 19));
}
#endif

TEST(Engine, StopStringsEndTheAnswerAndAreNotTold) {
  Fixture fixture("one STOP two");
  const auto heard = fixture.ask({.stops = {"STOP"}});
  ASSERT_TRUE(heard->wait_end());
  EXPECT_EQ(heard->text, "one ");
  EXPECT_EQ(heard->stop, "STOP");
  EXPECT_EQ(heard->end.reason, StopReason::stop);
  EXPECT_EQ(heard->end.answer_tokens, 8u);
}

TEST(Engine, WhatIsHeldBackIsToldAtTheEnd) {
  Fixture fixture("a ST");
  const auto heard = fixture.ask({.stops = {"STOP"}});
  ASSERT_TRUE(heard->wait_end());
  EXPECT_EQ(heard->text, "a ST");
  EXPECT_EQ(heard->end.reason, StopReason::end_token);
}

TEST(Engine, LengthsEnd) {
  Fixture fixture("");
  const auto heard = fixture.ask({.max_new_tokens = 5});
  ASSERT_TRUE(heard->wait_end());
  EXPECT_EQ(heard->text, "xxxxx");
  EXPECT_EQ(heard->end.reason, StopReason::length);
  const auto whole = fixture.ask({});  // as many as the context holds
  ASSERT_TRUE(whole->wait_end());
  EXPECT_EQ(whole->end.answer_tokens, 254u);
}

TEST(Engine, CancelEndsSoonAndOnce) {
  Fixture fixture("");
  fixture.reciter->slow = true;
  std::uint64_t id = 0;
  const auto heard = fixture.ask({}, &id);
  ASSERT_TRUE(heard->wait_pieces(3));
  fixture.engine->cancel(id);
  ASSERT_TRUE(heard->wait_end());
  EXPECT_EQ(heard->end.reason, StopReason::cancelled);
  EXPECT_LT(heard->end.answer_tokens, 254u);
  const auto next = fixture.ask({.max_new_tokens = 1});
  ASSERT_TRUE(next->wait_end());
  EXPECT_EQ(heard->ends, 1);
}

TEST(Engine, PromptsThatCannotFitAreTheCallersFault) {
  Fixture fixture("hi");
  const auto heard = std::make_shared<Heard>();
  auto refused = fixture.engine->submit({.prompt = std::vector<Token>(256, 'a')}, heard);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 400);
  EXPECT_NE(refused.error().message.find("256"), std::string::npos);
  EXPECT_FALSE(fixture.engine->submit({}, heard));
  EXPECT_FALSE(fixture.engine->submit({.prompt = {1}, .stops = {""}}, heard));
  EXPECT_EQ(heard->ends, 0);
}

TEST(Engine, AFullQueueIsToldWithATimeToWait) {
  EngineOptions options;
  options.scheduler.max_running = 1;
  options.scheduler.max_waiting = 2;
  Fixture fixture("", options);
  fixture.reciter->slow = true;
  std::vector<std::shared_ptr<Heard>> all;
  bool refused = false;
  for (int i = 0; i < 40 && !refused; ++i) {
    auto heard = std::make_shared<Heard>();
    auto submitted = fixture.engine->submit({.prompt = {'a'}, .max_new_tokens = 100}, heard);
    if (!submitted) {
      EXPECT_EQ(submitted.error().status, 429);
      refused = true;
    } else {
      all.push_back(heard);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (const auto& one : all)
      if (const auto error = one->refusal()) {
        EXPECT_EQ(error->status, 429);
        EXPECT_GT(error->retry_after.count(), 0);
        refused = true;
      }
  }
  EXPECT_TRUE(refused);
}

TEST(Engine, AFailedStepEndsItsAnswersAndNoOthers) {
  Fixture fixture("fine");
  fixture.reciter->fail = true;
  const auto lost = fixture.ask({});
  ASSERT_TRUE(lost->wait_end());
  EXPECT_EQ(lost->end.reason, StopReason::failed);
  fixture.reciter->fail = false;
  const auto heard = fixture.ask({});
  ASSERT_TRUE(heard->wait_end());
  EXPECT_EQ(heard->text, "fine");
}

TEST(Engine, EndsEverythingWhenItGoes) {
  auto fixture = std::make_unique<Fixture>("");
  fixture->reciter->slow = true;
  const auto first = fixture->ask({}), second = fixture->ask({});
  ASSERT_TRUE(first->wait_pieces(1));
  fixture.reset();
  EXPECT_EQ(first->ends, 1);
  EXPECT_EQ(second->ends, 1);
  EXPECT_EQ(first->end.reason, StopReason::cancelled);
}

TEST(Engine, RefusesAfterItWasStopped) {
  Fixture fixture("hi");
  fixture.engine->stop();
  fixture.engine->stop();
  const auto refused = fixture.engine->submit({.prompt = {1}}, std::make_shared<Heard>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 503);
}

TEST(Engine, MachineTimeIsSharedAmongThoseWhoWereServed) {
  Fixture fixture("");
  fixture.reciter->slow = true;
  const auto first = fixture.ask({.max_new_tokens = 20}), second = fixture.ask({.max_new_tokens = 20});
  ASSERT_TRUE(first->wait_end());
  ASSERT_TRUE(second->wait_end());
  const EngineStats stats = fixture.engine->stats();
  const std::int64_t shares = first->end.machine_us + second->end.machine_us;
  EXPECT_GT(first->end.machine_us, 0);
  EXPECT_EQ(shares, stats.busy_us) << "no microsecond is lost";
  EXPECT_LE(stats.busy_us + stats.idle_us, stats.uptime_us);
  EXPECT_LE(first->end.queued_us, first->end.first_token_us);
  EXPECT_LT(first->end.first_token_us, first->end.total_us);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const EngineStats later = fixture.engine->stats();
  EXPECT_EQ(later.busy_us, stats.busy_us);
  EXPECT_EQ(later.busy_us + later.idle_us, later.uptime_us) << "at rest, both are the whole";
}

TEST(Engine, WhatWasNotComputedWasNotUsed) {
  EngineOptions one_at_a_time;
  one_at_a_time.scheduler.max_running = 1;
  Fixture fixture("", one_at_a_time);
  fixture.reciter->slow = true;
  std::uint64_t running_id = 0, waiting_id = 0;
  const auto running = fixture.ask({}, &running_id);
  ASSERT_TRUE(running->wait_pieces(3));
  const auto waiting = fixture.ask({.prompt = std::vector<Token>(100, 'p')}, &waiting_id);
  fixture.engine->cancel(waiting_id);
  ASSERT_TRUE(waiting->wait_end());
  EXPECT_EQ(waiting->end.reason, StopReason::cancelled);
  EXPECT_EQ(waiting->end.prompt_tokens, 0u);
  EXPECT_EQ(waiting->end.machine_us, 0);
  EXPECT_EQ(waiting->end.answer_tokens, 0u);
  fixture.engine->cancel(running_id);
  ASSERT_TRUE(running->wait_end());
  EXPECT_EQ(running->end.prompt_tokens, 2u);
  EXPECT_GE(running->end.answer_tokens, 3u);
}

TEST(Engine, PrefixesAreFoundAgain) {
  Fixture fixture("ok");
  const std::vector<Token> prompt(70, 'p');
  const auto first = fixture.ask({.prompt = prompt});
  ASSERT_TRUE(first->wait_end());
  EXPECT_EQ(first->end.cached_tokens, 0u);
  const auto second = fixture.ask({.prompt = prompt});
  ASSERT_TRUE(second->wait_end());
  EXPECT_EQ(second->end.cached_tokens, 64u);
  const auto other = fixture.ask({.prompt = prompt, .salt = "another tenant"});
  ASSERT_TRUE(other->wait_end());
  EXPECT_EQ(other->end.cached_tokens, 0u);
}

}  // namespace
}  // namespace tollgate::local
