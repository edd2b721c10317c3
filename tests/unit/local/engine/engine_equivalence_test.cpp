// Real models behind a whole engine with its thread and clock, asked by many at once: each is answered as if alone,
// with and without guesses.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "callers.h"
#include "local_backend/engine/engine.h"
#include "local_backend/engine/model_drafter.h"

namespace tollgate::local::testing {
namespace {

constexpr std::size_t kContext = 128;

// 256 tokens without end; what they spell does not matter.
class PlainTokenizer final : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view, EncodeOptions) const override { return {}; }
  std::string_view bytes(Token, bool) const override { return "x"; }
  std::size_t size() const override { return 256; }
  TokenKind kind(Token) const override { return TokenKind::normal; }
  std::optional<Token> find(std::string_view) const override { return {}; }
};

class Heard final : public AnswerListener {
 public:
  void on_piece(const Piece& piece) override {
    drawn.push_back({.token = piece.token, .logprob = piece.logprob, .top = *piece.top});
  }
  void on_end(const AnswerEnd& end, const Error*) override {
    const std::lock_guard lock(mutex_);
    reason_ = end.reason;
    ended_.notify_all();
  }
  StopReason wait() {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, std::chrono::seconds(60), [this] { return reason_ != StopReason::none; });
    return reason_;
  }
  std::vector<Sampled> drawn;  // to be read after wait()

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  StopReason reason_ = StopReason::none;
};

std::shared_ptr<Engine> engine_of(const ModelCase& model, bool with_draft) {
  EngineOptions options;
  options.scheduler.max_running = 6;
  options.scheduler.max_step_tokens = 50;
  std::unique_ptr<Drafter> drafter;
  if (with_draft) {
    auto second = small_backend(model, similar_file(model, kContext, 0.02f), 12, 64);
    drafter = std::make_unique<ModelDrafter>(std::move(second), kContext, 64);
  }
  return Engine::over(small_backend(model, small_file(model, kContext), 10, 64), std::make_shared<PlainTokenizer>(),
                      model.family, kContext, options, std::move(drafter));
}

class Engines : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, Engines, ::testing::Values("llama", "qwen3", "gemma3", "mixtral"));

TEST_P(Engines, AnswerManyAsIfEachWereAlone) {
  const ModelCase model{GetParam(), KvType::f16, best_cpu_level()};
  std::mt19937_64 random(1);
  std::vector<Request> requests = random_requests(random, 16, kContext);
  for (Request& request : requests) request.mask_seed = 0;  // grammars are texts' affair
  Alone alone(small_backend(model, small_file(model, kContext), 4, 128));
  for (const bool with_draft : {false, true}) {
    const auto engine = engine_of(model, with_draft);
    std::vector<std::shared_ptr<Heard>> heard;
    for (const Request& request : requests) {
      heard.push_back(std::make_shared<Heard>());
      const auto id = engine->submit({.prompt = request.prompt,
                                      .sampling = request.sampling,
                                      .stream = request.stream,
                                      .max_new_tokens = request.answer_tokens,
                                      .lane = request.lane,
                                      .salt = request.salt},
                                     heard.back());
      ASSERT_TRUE(id) << id.error().message;
    }
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(heard[i]->wait(), StopReason::length);
      EXPECT_EQ(difference(heard[i]->drawn, alone.answer(requests[i])), "") << "request " << i;
    }
  }
}

}  // namespace
}  // namespace tollgate::local::testing
