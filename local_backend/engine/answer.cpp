#include "local_backend/engine/answer.h"

#include <algorithm>

namespace tollgate::local {

Answer::Answer(AnswerRequest request, std::shared_ptr<AnswerListener> listener, const Tokenizer& tokenizer,
               std::unique_ptr<GrammarState> grammar, std::int64_t submitted_us, EngineObserver* observer)
    : request_(std::move(request)),
      listener_(std::move(listener)),
      tokenizer_(tokenizer),
      text_(tokenizer, request_.show_special),
      stops_(std::move(request_.stops)),
      grammar_(std::move(grammar)),
      submitted_us_(submitted_us),
      observer_(observer) {
  counts_.prompt_tokens = request_.prompt.size();
}

SequenceParams Answer::sequence(std::uint64_t id, std::size_t context) {
  SequenceParams params;
  params.id = id;
  const std::size_t room = context - request_.prompt.size();
  params.max_new_tokens = request_.max_new_tokens == 0 ? room : std::min(request_.max_new_tokens, room);
  params.prompt = std::move(request_.prompt);
  params.sampling = request_.sampling;
  params.stream = request_.stream;
  params.end_tokens = tokenizer_.ends;
  params.ignore_end = request_.ignore_end;
  params.lane = request_.lane;
  params.salt = std::move(request_.salt);
  params.masked = grammar_ != nullptr;
  return params;
}

void Answer::on_start(std::size_t cached_tokens) { counts_.cached_tokens = cached_tokens; }

bool Answer::on_token(const Sampled& sampled) {
  const std::int64_t now = now_us();
  if (counts_.answer_tokens++ == 0) {
    counts_.first_token_us = now - submitted_us_;
  } else if (observer_) {
    observer_->on_gap(now - last_token_us_);
  }
  last_token_us_ = now;
  ahead_.clear();
  const bool is_end =
      !request_.ignore_end && std::ranges::find(tokenizer_.ends, sampled.token) != tokenizer_.ends.end();
  fresh_.clear();
  out_.clear();
  if (!is_end) {
    if (grammar_) grammar_->accept(sampled.token);
    text_.push(sampled.token, fresh_);
  }
  const bool stopped = stops_.push(fresh_, out_);
  listener_->on_piece({.token = sampled.token, .text = out_, .logprob = sampled.logprob, .top = &sampled.top});
  return !stopped && !(grammar_ && grammar_->finished());
}

std::span<const std::uint32_t> Answer::mask(std::span<const Token> drafts) {
  if (!grammar_) return {};
  if (drafts.empty()) return grammar_->mask();
  // Masks are asked for one draft further each time; views of earlier ones must stay.
  if (drafts.size() == 1) ahead_.clear();
  GrammarState& before = ahead_.empty() ? *grammar_ : *ahead_.back();
  auto after = before.clone();
  if (!after->accept(drafts.back())) return before.mask();
  ahead_.push_back(std::move(after));
  return ahead_.back()->mask();
}

void Answer::on_end(StopReason reason) {
  out_.clear();
  if (stops_.found().empty()) {
    fresh_.clear();
    text_.finish(fresh_);
    stops_.push(fresh_, out_);
    stops_.finish(out_);
  }
  // A grammar that has come to its end is an end like any other.
  if (reason == StopReason::stop && stops_.found().empty()) reason = StopReason::end_token;
  counts_.text = out_;
  counts_.stop_string = stops_.found();
  end(reason, nullptr);
}

void Answer::refuse(const Error& error) { end(StopReason::failed, &error); }

void Answer::end(StopReason reason, const Error* error) {
  if (ended_) return;
  ended_ = true;
  counts_.reason = reason;
  if (counts_.answer_tokens == 0)
    counts_.prompt_tokens = std::min(counts_.prompt_tokens, counts_.cached_tokens + computed_);
  counts_.total_us = now_us() - submitted_us_;
  if (observer_ && !error) observer_->on_answer(counts_);
  listener_->on_end(counts_, error);
  listener_.reset();
}

void Answer::charge(std::int64_t us, std::int64_t tokens, std::int64_t began_us) {
  if (!started_) counts_.queued_us = began_us - submitted_us_;
  started_ = true;
  counts_.machine_us += us;
  computed_ += static_cast<std::size_t>(tokens);
}

}  // namespace tollgate::local
