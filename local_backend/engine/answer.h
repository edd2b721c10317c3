// One running answer: turns drawn tokens into text, finds stop strings, keeps the grammar's place, counts. Inside of
// Engine. Thread rule: the engine's thread, once submitted.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "local_backend/engine/engine.h"
#include "local_backend/engine/stop_finder.h"

namespace tollgate::local {

// The engine's clock.
inline std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class Answer final : public SequenceOwner {
 public:
  Answer(AnswerRequest request, std::shared_ptr<AnswerListener> listener, const Tokenizer& tokenizer,
         std::unique_ptr<GrammarState> grammar, std::int64_t submitted_us, EngineObserver* observer);

  // What the scheduler is told, with a length that fits into `context`; takes the prompt out of the request.
  SequenceParams sequence(std::uint64_t id, std::size_t context);
  void on_start(std::size_t cached_tokens) override;
  bool on_token(const Sampled& sampled) override;
  std::span<const std::uint32_t> mask(std::span<const Token> drafts) override;
  void on_end(StopReason reason) override;
  void refuse(const Error& error);

  // A step computed `tokens` of this answer; its part of the step's time is `us`.
  void charge(std::int64_t us, std::int64_t tokens, std::int64_t began_us);
  bool ended() const { return ended_; }

 private:
  void end(StopReason reason, const Error* error);

  AnswerRequest request_;
  std::shared_ptr<AnswerListener> listener_;
  const Tokenizer& tokenizer_;
  Detokenizer text_;
  StopFinder stops_;
  std::unique_ptr<GrammarState> grammar_;
  std::vector<std::unique_ptr<GrammarState>> ahead_;  // after each of the drafts that mask() was asked for
  std::string fresh_, out_;                           // scratch: bytes of a token, text that became sure
  AnswerEnd counts_;
  std::int64_t submitted_us_, last_token_us_ = 0;
  EngineObserver* observer_;  // may be null
  std::size_t computed_ = 0;  // tokens, some of them more than once
  bool started_ = false, ended_ = false;
};

}  // namespace tollgate::local
