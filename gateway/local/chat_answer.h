// From the engine's pieces to the events of a chat: one Choice per answer, and the usage of all. Thread rule: one
// owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/chat_event.h"
#include "core/money.h"
#include "local_backend/engine/engine.h"
#include "local_backend/template/tool_calls.h"

namespace tollgate::gateway {

// What an answer costs that had `machine_us` of a machine that costs `hourly` USD: exact, rounded half to even in the
// fifteenth decimal.
Money machine_cost(std::int64_t machine_us, const Money& hourly);

// A piece as it travels from the engine's thread.
struct AnswerPiece {
  std::string text;
  std::string logprobs;  // one element of OpenAI's logprobs.content, or empty
};

// One element of `logprobs.content`, for a token of the answer.
std::string logprob_json(const local::Tokenizer& tokenizer, const local::Piece& piece);

class ChoiceEvents {
 public:
  // `begun`: what the prompt holds of the answer already, a call's mark and perhaps its header.
  ChoiceEvents(int index, local::ToolFormat format, bool thinking, bool starts_thinking, std::string_view begun = {},
               local::ArgumentKinds kinds = {});
  void piece(const AnswerPiece& piece, chat::Events& out);
  // `text`: what the engine held back.
  void end(local::StopReason reason, std::string_view text, std::string_view stop_string, chat::Events& out);
  std::int64_t thinking_tokens() const { return thinking_tokens_; }

 private:
  enum class Open : unsigned char { nothing, text, thinking, call };
  void take(const std::vector<local::TextEvent>& events, chat::Events& out);
  void open(Open kind, chat::Part head, chat::Events& out);
  void close(chat::Events& out);
  chat::Event& add(chat::Event::Kind kind, chat::Events& out);

  int index_, parts_ = 0, calls_ = 0;
  std::unique_ptr<local::AnswerParser> parser_;
  std::vector<local::TextEvent> found_;  // scratch
  Open open_ = Open::nothing;
  std::int64_t thinking_tokens_ = 0;
};

struct AnswerTotals {
  std::int64_t prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0, thinking_tokens = 0, machine_us = 0;
};
// Buckets, and as `raw` the usage object in OpenAI's form with machine_us and, where `hourly` is known, `cost`.
Usage usage_of(const AnswerTotals& totals, const std::optional<Money>& hourly);

}  // namespace tollgate::gateway
