// From a step's results to sequences: tokens to their owners, computed blocks to the index, ends. Thread rule: engine
// thread; owners are called last, when nothing of their sequence is needed any more.
#include <algorithm>
#include <cassert>

#include "local_backend/scheduler/drafter.h"
#include "local_backend/scheduler/scheduler_impl.h"

namespace tollgate::local {

void Scheduler::Impl::finish(const StepResult& result, std::int64_t now) {
  assert(in_flight && !busy);
  // Fewer or more draws than were asked for cannot be told apart: nothing of the step is believed.
  if (result.sampled.size() != draws) return fail();
  busy = true;
  counts.computed_tokens += step_tokens;
  cost.measured(step_tokens, static_cast<double>(now - now_us - drafting_us));
  trials.earn(static_cast<double>(now - now_us));
  meter.step(step_tokens, now - now_us);
  std::span<const Sampled> left(result.sampled);
  for (Sequence* one : step) {
    const std::size_t drawn = one->completes() ? 1 + one->drafts : 0;
    settle(*one, left.first(drawn));
    left = left.subspan(drawn);
  }
  in_flight = busy = false;
  end_cancelled();
}

// May end the sequence.
void Scheduler::Impl::settle(Sequence& one, std::span<const Sampled> sampled) {
  if (one.copy_from != kNoBlock) pool.drop(one.copy_from);
  one.copy_from = kNoBlock;
  one.computed += one.planned;
  const StopReason reason = one.cancelled ? StopReason::none : take_tokens(one, sampled);
  one.planned = one.drafts = 0;
  one.tokens.resize(one.length);
  publish(one);
  if (reason != StopReason::none) end(one, reason);
}

// Draws count up to the first that is not what was guessed: behind it the KV is of another text.
StopReason Scheduler::Impl::take_tokens(Sequence& one, std::span<const Sampled> sampled) {
  StopReason reason = StopReason::none;
  std::size_t right = 0;
  for (std::size_t i = 0; i < sampled.size() && reason == StopReason::none && !one.cancelled; ++i) {
    const bool guessed = i < one.drafts && one.tokens[one.length] == sampled[i].token;
    reason = take_token(one, sampled[i]);
    if (!guessed) break;
    ++one.computed;
    ++right;
  }
  if (one.drafts > 0) judge(one, right);
  return reason;
}

StopReason Scheduler::Impl::take_token(Sequence& one, const Sampled& sampled) {
  if (sampled.token < 0 || static_cast<std::size_t>(sampled.token) >= info.vocabulary) return StopReason::failed;
  if (one.length == one.tokens.size()) one.tokens.push_back(sampled.token);
  one.tokens[one.length++] = sampled.token;
  ++counts.answer_tokens;
  const bool goes_on = one.owner->on_token(sampled);
  const std::vector<Token>& ends = one.params.end_tokens;
  if (!one.params.ignore_end && std::ranges::find(ends, sampled.token) != ends.end()) return StopReason::end_token;
  if (!goes_on) return StopReason::stop;
  return one.answer_size() == one.params.max_new_tokens ? StopReason::length : StopReason::none;
}

// Full blocks become findable; where another sequence computed the same, its block is used from now on.
void Scheduler::Impl::publish(Sequence& one) {
  for (std::size_t i = one.published; one.publishes && (i + 1) * kBlockTokens <= one.computed; ++i) {
    const std::int32_t block = pool.publish(one.blocks[i], one.identity(i));
    one.publishes = block != kNoBlock;
    if (!one.publishes) return;
    one.blocks[i] = block;
    one.published = i + 1;
  }
}

void Scheduler::Impl::release(Sequence& one) {
  if (one.copy_from != kNoBlock) pool.drop(one.copy_from);
  one.copy_from = kNoBlock;
  for (; !one.blocks.empty(); one.blocks.pop_back()) pool.drop(one.blocks.back());
  one.computed = 0;
}

void Scheduler::Impl::end(Sequence& one, StopReason reason) {
  if (reason != StopReason::cancelled && reason != StopReason::failed) meter.answer(one.answer_size());
  release(one);
  std::erase(one.running ? running : waiting[static_cast<std::size_t>(one.params.lane)], &one);
  SequenceOwner& owner = *one.owner;
  if (drafter) drafter->forget(one.params.id);
  living.erase(one.params.id);
  owner.on_end(reason);
}

// Owners may cancel others meanwhile.
void Scheduler::Impl::end_cancelled() {
  busy = true;
  for (std::size_t i = 0; i < cancels.size(); ++i)
    if (const auto found = living.find(cancels[i]); found != living.end() && found->second->cancelled)
      end(*found->second, StopReason::cancelled);
  cancels.clear();
  busy = false;
}

void Scheduler::Impl::fail() {
  assert(in_flight && !busy);
  busy = true;
  for (Sequence* one : step) {
    one->tokens.resize(one->length);
    end(*one, one->cancelled ? StopReason::cancelled : StopReason::failed);
  }
  in_flight = busy = false;
  end_cancelled();
}

}  // namespace tollgate::local
