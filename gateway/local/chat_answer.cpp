#include "gateway/local/chat_answer.h"

#include <fmt/format.h>

#include <cmath>

#include "core/id.h"
#include "core/json_write.h"

namespace tollgate::gateway {
namespace {

using chat::Event;

// What OpenAI tells of tokens that cannot come; JSON has no infinity.
constexpr float kImpossible = -9999.0f;

void write_token(JsonWriter& writer, const local::Tokenizer& tokenizer, local::Token token, float logprob) {
  const std::string_view bytes = tokenizer.bytes(token, true);
  const float told = std::isfinite(logprob) ? logprob : kImpossible;
  writer.member("token", bytes).key("logprob").raw(fmt::format("{}", told)).key("bytes").begin_array();
  for (const char c : bytes) writer.number(static_cast<unsigned char>(c));
  writer.end_array();
}

chat::Finish finish_of(local::StopReason reason, bool calls) {
  switch (reason) {
    case local::StopReason::length:
      return chat::Finish::length;
    case local::StopReason::stop:
      return chat::Finish::stop_sequence;
    default:
      return calls ? chat::Finish::tool_calls : chat::Finish::stop;
  }
}

const char* finish_word(chat::Finish finish) {
  return finish == chat::Finish::length ? "length" : finish == chat::Finish::tool_calls ? "tool_calls" : "stop";
}

}  // namespace

Money machine_cost(std::int64_t machine_us, const Money& hourly) {
  constexpr Money::Femto kHour = 3'600'000'000;  // microseconds
  const Money::Femto product = hourly.femto() * machine_us;
  const Money::Femto whole = product / kHour, rest = product % kHour;
  const bool up = 2 * rest > kHour || (2 * rest == kHour && whole % 2 != 0);
  return Money::from_femto(whole + (up ? 1 : 0));
}

std::string logprob_json(const local::Tokenizer& tokenizer, const local::Piece& piece) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  write_token(writer, tokenizer, piece.token, piece.logprob);
  writer.key("top_logprobs").begin_array();
  for (const auto& [token, logprob] : *piece.top) {
    writer.begin_object();
    write_token(writer, tokenizer, token, logprob);
    writer.end_object();
  }
  writer.end_array().end_object();
  return out;
}

ChoiceEvents::ChoiceEvents(int index, local::ToolFormat format, bool thinking, bool starts_thinking,
                           std::string_view begun, local::ArgumentKinds kinds)
    : index_(index), parser_(local::make_answer_parser(format, thinking, starts_thinking, std::move(kinds))) {
  parser_->push(begun, found_);  // which is no event before the call is whole
}

void ChoiceEvents::piece(const AnswerPiece& piece, chat::Events& out) {
  found_.clear();
  parser_->push(piece.text, found_);
  take(found_, out);
  if (open_ == Open::thinking) ++thinking_tokens_;
  if (piece.logprobs.empty()) return;
  Event& event = add(Event::Kind::delta, out);
  event.delta = Event::Delta::logprobs;
  event.text = piece.logprobs;
}

void ChoiceEvents::end(local::StopReason reason, std::string_view text, std::string_view stop_string,
                       chat::Events& out) {
  found_.clear();
  parser_->push(text, found_);
  parser_->finish(found_);
  take(found_, out);
  close(out);
  Event& event = add(Event::Kind::choice_end, out);
  event.choice_tail.index = index_;
  event.choice_tail.finish = finish_of(reason, calls_ > 0);
  event.choice_tail.finish_raw = finish_word(event.choice_tail.finish);
  event.choice_tail.stop_sequence = stop_string;
}

void ChoiceEvents::take(const std::vector<local::TextEvent>& events, chat::Events& out) {
  using Kind = local::TextEvent::Kind;
  for (const local::TextEvent& found : events) {
    if (found.kind == Kind::call_end) {
      close(out);
      continue;
    }
    if (found.kind == Kind::call_begin) {
      close(out);
      ++calls_;
      const std::string id = found.id.empty() ? "call_" + Id::next().to_string() : found.id;
      open(Open::call, {.what = chat::ToolCall{.id = id, .name = found.text}}, out);
      continue;
    }
    if (found.text.empty()) continue;
    if (found.kind == Kind::text && open_ != Open::text) {
      close(out);
      open(Open::text, {.what = chat::Text{}}, out);
    } else if (found.kind == Kind::thinking && open_ != Open::thinking) {
      close(out);
      open(Open::thinking, {.what = chat::Thinking{}}, out);
    }
    Event& event = add(Event::Kind::delta, out);
    event.delta = found.kind == Kind::call_arguments ? Event::Delta::arguments : Event::Delta::text;
    event.part = parts_ - 1;
    event.text = found.text;
  }
}

void ChoiceEvents::open(Open kind, chat::Part head, chat::Events& out) {
  Event& event = add(Event::Kind::part_begin, out);
  event.part = parts_++;
  event.part_head = std::move(head);
  open_ = kind;
}

void ChoiceEvents::close(chat::Events& out) {
  if (open_ == Open::nothing) return;
  add(Event::Kind::part_end, out).part = parts_ - 1;
  open_ = Open::nothing;
}

chat::Event& ChoiceEvents::add(chat::Event::Kind kind, chat::Events& out) {
  Event& event = out.emplace_back();
  event.kind = kind;
  event.choice = index_;
  return event;
}

Usage usage_of(const AnswerTotals& totals, const std::optional<Money>& hourly) {
  Usage usage;
  usage.reported = true;
  usage[Bucket::input] = totals.prompt_tokens - totals.cached_tokens;
  usage[Bucket::cache_read] = totals.cached_tokens;
  usage[Bucket::output] = totals.answer_tokens - totals.thinking_tokens;
  usage[Bucket::reasoning] = totals.thinking_tokens;
  JsonWriter writer(usage.raw);
  writer.begin_object()
      .member("prompt_tokens", totals.prompt_tokens)
      .member("completion_tokens", totals.answer_tokens)
      .member("total_tokens", totals.prompt_tokens + totals.answer_tokens);
  writer.key("prompt_tokens_details").begin_object().member("cached_tokens", totals.cached_tokens).end_object();
  writer.key("completion_tokens_details")
      .begin_object()
      .member("reasoning_tokens", totals.thinking_tokens)
      .end_object();
  writer.member("machine_us", totals.machine_us);
  if (hourly) writer.key("cost").raw(machine_cost(totals.machine_us, *hourly).to_string());
  writer.end_object();
  return usage;
}

}  // namespace tollgate::gateway
