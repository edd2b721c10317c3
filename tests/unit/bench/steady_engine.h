// An engine over a back end that draws the same token at a steady pace, for benches that must know what they see.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "local_backend/engine/engine.h"

namespace tollgate::gateway::bench::testing {

class PlainTokenizer final : public local::Tokenizer {
 public:
  static constexpr std::size_t kWords = 200;
  std::vector<local::Token> encode(std::string_view, local::EncodeOptions) const override { return {}; }
  std::string_view bytes(local::Token, bool) const override { return "x"; }
  std::size_t size() const override { return kWords; }
  // Every tenth token is none of a text's.
  local::TokenKind kind(local::Token token) const override {
    return token % 10 == 0 ? local::TokenKind::control : local::TokenKind::normal;
  }
  std::optional<local::Token> find(std::string_view) const override { return std::nullopt; }
};

struct Pace {
  std::chrono::microseconds step{0};   // one step takes so long, and
  std::chrono::microseconds token{0};  // so much longer for each token in it
  std::size_t blocks = 1024;
  std::atomic<int> steps_to_failure{-1};  // 0: the next step fails
};

class SteadyBackend final : public local::Backend {
 public:
  explicit SteadyBackend(std::shared_ptr<Pace> pace) : pace_(std::move(pace)) {
    info_ = {.device = "steady",
             .vocabulary = PlainTokenizer::kWords,
             .max_step_tokens = 512,
             .blocks = pace_->blocks,
             .block_bytes = 64,
             .fingerprint = "steady"};
  }
  const local::BackendInfo& info() const override { return info_; }
  Result<void> step(const local::StepPlan& plan, local::StepResult& result) override {
    if (pace_->steps_to_failure >= 0 && pace_->steps_to_failure-- == 0)
      return Error{.kind = ErrorKind::fatal, .code = "device_lost", .message = "the device is gone"};
    const auto end =
        std::chrono::steady_clock::now() + pace_->step + pace_->token * static_cast<std::int64_t>(plan.tokens.size());
    std::this_thread::sleep_until(end);
    result.sampled.assign(plan.logit_rows.size(), {.token = 1});
    return {};
  }
  bool read_block(std::int32_t, std::span<std::byte>) const override { return true; }
  bool write_block(std::int32_t, std::span<const std::byte>) override { return true; }

 private:
  std::shared_ptr<Pace> pace_;
  local::BackendInfo info_;
};

inline std::shared_ptr<local::Engine> steady_engine(std::shared_ptr<Pace> pace, std::size_t context = 1024,
                                                    std::size_t max_running = 256) {
  local::EngineOptions options;
  options.scheduler.max_running = max_running;
  options.scheduler.max_waiting = 1000;
  options.scheduler.max_drafts = 0;
  return local::Engine::over(std::make_unique<SteadyBackend>(std::move(pace)), std::make_shared<PlainTokenizer>(),
                             "steady", context, options);
}

}  // namespace tollgate::gateway::bench::testing
