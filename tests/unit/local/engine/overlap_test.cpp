// The engine over devices that compute by themselves: the next step is planned while one runs, two at most are in
// flight, and answers are those of a device that is waited for.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "async_backend.h"
#include "callers.h"
#include "local_backend/engine/engine.h"
#include "models/embedded.h"

namespace tollgate::local::testing {
namespace {

class Heard final : public AnswerListener {
 public:
  void on_piece(const Piece& piece) override {
    text += piece.text;
    drawn.push_back({.token = piece.token, .logprob = piece.logprob, .top = *piece.top});
  }
  void on_end(const AnswerEnd& what, const Error*) override {
    const std::lock_guard lock(mutex_);
    text += what.text;
    end = what;
    end.text = end.stop_string = {};
    ended_ = true;
    changed_.notify_all();
  }
  StopReason wait() {
    std::unique_lock lock(mutex_);
    const bool in_time = changed_.wait_for(lock, std::chrono::seconds(60), [this] { return ended_; });
    return in_time ? end.reason : StopReason::none;
  }

  std::string text;  // these to be read after wait()
  std::vector<Sampled> drawn;
  AnswerEnd end;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

class LetterTokenizer final : public Tokenizer {
 public:
  LetterTokenizer() { ends = {0}; }
  std::vector<Token> encode(std::string_view, EncodeOptions) const override { return {}; }
  std::string_view bytes(Token token, bool) const override {
    return token == 0 ? std::string_view() : std::string_view(kLetters).substr(static_cast<std::size_t>(token), 1);
  }
  std::size_t size() const override { return 27; }
  TokenKind kind(Token token) const override { return token == 0 ? TokenKind::control : TokenKind::normal; }
  std::optional<Token> find(std::string_view) const override { return {}; }

 private:
  static constexpr const char* kLetters = "?abcdefghijklmnopqrstuvwxyz";
};

// Says the letters in their order, and the end after `length` of them.
class Alphabet final : public Backend {
 public:
  explicit Alphabet(std::size_t length) : length_(length) {
    info_ = {.device = "alphabet",
             .vocabulary = 27,
             .max_step_tokens = 64,
             .blocks = 16,
             .block_bytes = 1,
             .fingerprint = "a"};
  }
  const BackendInfo& info() const override { return info_; }
  Result<void> step(const StepPlan& plan, StepResult& result) override {
    if (fail.exchange(false)) return Error{.code = "device_lost", .message = "gone"};
    result.sampled.clear();
    for (const SampleRow& row : plan.samples) {
      const std::size_t at = static_cast<std::size_t>(row.position) - row.prompt.size();
      result.sampled.push_back({.token = at < length_ ? static_cast<Token>(at % 26 + 1) : 0});
    }
    return {};
  }
  bool read_block(std::int32_t, std::span<std::byte>) const override { return true; }
  bool write_block(std::int32_t, std::span<const std::byte>) override { return true; }

  std::atomic<bool> fail = false;  // the next step

 private:
  std::size_t length_;
  BackendInfo info_;
};

struct Fixture {
  explicit Fixture(std::size_t length) {
    auto inner = std::make_unique<Alphabet>(length);
    alphabet = inner.get();
    auto made = std::make_unique<AsyncBackend>(std::move(inner));
    device = made.get();
    EngineOptions options;
    options.scheduler.max_drafts = 0;
    engine = Engine::over(std::move(made), std::make_shared<LetterTokenizer>(), "alphabet", 256, options);
  }
  std::shared_ptr<Heard> ask(std::size_t most) {
    auto heard = std::make_shared<Heard>();
    EXPECT_TRUE(engine->submit({.prompt = {1, 2}, .max_new_tokens = most}, heard));
    return heard;
  }
  Alphabet* alphabet;
  AsyncBackend* device;
  std::shared_ptr<Engine> engine;
};

TEST(Overlap, TheNextStepIsStartedWhileOneIsComputed) {
  constexpr std::size_t kSteps = 20;
  Fixture fixture(100);
  // The device goes on only when it has been given the next step, too.
  std::size_t computed = 0;
  bool given = true;
  fixture.device->before_compute = [&] {
    ++computed;
    if (given && computed < kSteps) given = fixture.device->wait_for_starts(computed + 1);
  };
  const auto heard = fixture.ask(kSteps);
  ASSERT_EQ(heard->wait(), StopReason::length);
  EXPECT_EQ(heard->text, "abcdefghijklmnopqrst");
  EXPECT_TRUE(given);
  EXPECT_EQ(fixture.device->starts(), kSteps) << "none behind the last token, which is known by count";
  EXPECT_GE(fixture.device->while_computing(), kSteps - 2);
  EXPECT_EQ(fixture.device->most_in_flight(), 2u);
  fixture.engine->stop();
  EXPECT_EQ(fixture.engine->stats().scheduler.planned_ahead, kSteps - 1);
}

TEST(Overlap, WhatIsThrownAwayIsPaidByWhoItWasFor) {
  Fixture fixture(10);
  const auto first = fixture.ask(100), second = fixture.ask(100);
  ASSERT_EQ(first->wait(), StopReason::end_token);
  ASSERT_EQ(second->wait(), StopReason::end_token);
  EXPECT_EQ(first->text, "abcdefghij");
  fixture.engine->stop();
  const EngineStats stats = fixture.engine->stats();
  EXPECT_GT(stats.scheduler.thrown_away, 0u);
  EXPECT_EQ(first->end.machine_us + second->end.machine_us, stats.busy_us) << "no microsecond is lost";
  EXPECT_LE(stats.busy_us + stats.idle_us, stats.uptime_us);
  EXPECT_EQ(stats.steps, fixture.device->starts());
}

TEST(Overlap, ALostStepEndsItsAnswersAndNoOthers) {
  for (const bool at_start : {true, false}) {
    Fixture fixture(10);
    std::atomic<int> steps = 0;
    fixture.device->before_compute = [&] {
      if (++steps != 5) return;
      (at_start ? fixture.device->refuse : fixture.alphabet->fail) = true;
    };
    const auto lost = fixture.ask(100);
    EXPECT_EQ(lost->wait(), StopReason::failed);
    EXPECT_EQ(lost->text, std::string("abcdefghij").substr(0, lost->text.size()));
    EXPECT_GE(lost->text.size(), 4u);
    const auto heard = fixture.ask(100);
    EXPECT_EQ(heard->wait(), StopReason::end_token);
    EXPECT_EQ(heard->text, "abcdefghij");
    EXPECT_FALSE(fixture.device->misused());
  }
}

TEST(Overlap, StoppingWaitsForWhatIsInFlight) {
  auto fixture = std::make_unique<Fixture>(1000);
  std::atomic<int> steps = 0;
  fixture->device->before_compute = [&] {
    ++steps;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  const auto heard = fixture->ask(200);
  for (int i = 0; i < 10'000 && steps < 3; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  fixture.reset();
  EXPECT_EQ(heard->wait(), StopReason::cancelled);
  EXPECT_GE(heard->drawn.size(), 2u);
}

// The demo model on the CPU, waited for or not.
struct Demo {
  Demo(bool overlapped, int max_drafts) {
    const auto file = *GgufFile::parse(models::demo(), "demo");
    CpuBackendOptions cpu;
    cpu.threads = 1;
    cpu.kv_bytes = 12u << 20;
    cpu.max_step_tokens = 64;
    auto backend = *make_cpu_backend(file, cpu);
    tokenizer = *Tokenizer::load(file);
    if (overlapped) backend = std::make_unique<AsyncBackend>(std::move(backend));
    EngineOptions options;
    options.scheduler.max_running = 6;
    options.scheduler.max_step_tokens = 64;
    options.scheduler.max_drafts = max_drafts;
    engine = Engine::over(std::move(backend), tokenizer, "demo", 400, options);
  }
  std::vector<std::shared_ptr<Heard>> serve(const std::vector<AnswerRequest>& requests) {
    std::vector<std::shared_ptr<Heard>> heard;
    for (const AnswerRequest& request : requests) {
      heard.push_back(std::make_shared<Heard>());
      EXPECT_TRUE(engine->submit(request, heard.back()));
    }
    for (const auto& one : heard) EXPECT_NE(one->wait(), StopReason::none);
    return heard;
  }
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<Engine> engine;
};

AnswerRequest request_of(const Tokenizer& tokenizer, std::string_view text, std::size_t most, float temperature) {
  AnswerRequest request{.prompt = tokenizer.encode(text), .max_new_tokens = most};
  request.sampling.temperature = temperature;
  request.sampling.seed = 7;
  request.sampling.logprobs = 2;
  return request;
}

// Those that never wait for a token, unless guesses pay.
std::vector<AnswerRequest> easy_requests(const Tokenizer& tokenizer) {
  std::vector<AnswerRequest> all;
  for (std::uint32_t stream = 0; stream < 3; ++stream) {
    all.push_back(request_of(tokenizer, "Once upon a time there was a little house in the woods, and in it", 60, 1.2f));
    all.back().stream = stream;
  }
  all.push_back(request_of(tokenizer, "What is the capital of France?", 50, 0));
  all.push_back(request_of(tokenizer, "Tell me about the sea.", 40, 0.9f));
  all.back().stops = {"e", " the"};
  all.push_back(request_of(tokenizer, "What is the capital of Italy?", 50, 1.0f));
  all.back().lane = Lane::batch;
  all.back().sampling.logit_bias = {{5, 2.0f}};
  return all;
}

std::vector<AnswerRequest> hard_requests(const Tokenizer& tokenizer) {
  std::vector<AnswerRequest> all;
  all.push_back(request_of(tokenizer, "A person as JSON:", 40, 0.8f));
  all.back().grammar = *Grammar::from_schema(
      R"({"type":"object","properties":{"name":{"type":"string","maxLength":20}},"required":["name"]})");
  all.push_back(request_of(tokenizer, "Anything as JSON:", 40, 1.0f));
  all.back().grammar = Grammar::any_object();
  all.push_back(request_of(tokenizer, "Tell me about the sea.", 40, 0.9f));
  all.back().sampling.repetition_penalty = 1.3f;
  all.push_back(request_of(tokenizer, "Tell me about the sun.", 40, 0.9f));
  all.back().sampling.frequency_penalty = 0.5f;
  all.back().sampling.presence_penalty = 0.5f;
  all.push_back(request_of(tokenizer, "one two three one two three one two three one two three one two", 60, 0));
  all.back().sampling.logit_bias = {{40, 50.0f}};  // again and again: easy to guess
  return all;
}

class DemoModel : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Guesses, DemoModel, ::testing::Values(0, 4));

TEST_P(DemoModel, AnswersTheSameWaitedForOrNot) {
  Demo waited_for(false, GetParam()), overlapped(true, GetParam());
  const auto easy = easy_requests(*overlapped.tokenizer), hard = hard_requests(*overlapped.tokenizer);
  std::vector<AnswerRequest> mixed = hard;
  mixed.insert(mixed.begin() + 2, easy.begin(), easy.end());
  for (const auto& requests : {easy, hard, mixed, easy}) {
    const auto wanted = waited_for.serve(requests), got = overlapped.serve(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(difference(got[i]->drawn, wanted[i]->drawn), "") << "request " << i;
      EXPECT_EQ(got[i]->text, wanted[i]->text);
      EXPECT_EQ(got[i]->end.reason, wanted[i]->end.reason);
    }
  }
  waited_for.engine->stop();
  overlapped.engine->stop();
  EXPECT_EQ(waited_for.engine->stats().scheduler.planned_ahead, 0u);
  // Whether guesses pay, and steps are not planned ahead for them, is a matter of measured time.
  if (GetParam() == 0) EXPECT_GT(overlapped.engine->stats().scheduler.planned_ahead, 20u);
}

}  // namespace
}  // namespace tollgate::local::testing
