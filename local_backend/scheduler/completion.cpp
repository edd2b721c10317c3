// From a step's results to sequences: tokens to their owners, computed blocks to the index, ends. Thread rule: engine
// thread; owners are called last, when nothing of their sequence is needed any more.
#include <algorithm>
#include <cassert>
#include <utility>

#include "local_backend/scheduler/drafter.h"
#include "local_backend/scheduler/scheduler_impl.h"

namespace tollgate::local {

void Scheduler::Impl::finish(const StepResult& result, std::int64_t now) {
  assert(in_flight > 0 && !busy);
  const Flight& flight = flights[0];
  // Fewer or more draws than were asked for cannot be told apart: nothing of the step is believed.
  if (result.sampled.size() != flight.draws) return fail();
  busy = true;
  const std::int64_t took = now - std::max(flight.planned_us, landed_us);
  landed_us = now;
  counts.computed_tokens += flight.tokens;
  cost.measured(flight.tokens, static_cast<double>(took - flight.drafting_us));
  trials.earn(static_cast<double>(took));
  meter.step(flight.tokens, took);
  std::span<const Sampled> left(result.sampled);
  for (const Flight::Part& part : flight.parts) {
    const std::size_t drawn = part.draws ? 1 + part.sequence->drafts : 0;
    settle(part, left.first(drawn));
    left = left.subspan(drawn);
  }
  land();
}

// May end the sequence.
void Scheduler::Impl::settle(const Flight::Part& part, std::span<const Sampled> sampled) {
  Sequence& one = *part.sequence;
  if (part.copied != kNoBlock) pool.drop(part.copied);
  one.in_flight -= part.planned;
  one.unknown -= part.draws ? 1 : 0;
  if (one.ended != StopReason::none) {
    counts.thrown_away += part.planned;
    return retire(one, one.ended);
  }
  one.computed += part.planned;
  const StopReason reason = one.cancelled ? StopReason::none : take_tokens(one, sampled);
  one.drafts = 0;
  one.tokens.resize(one.length);
  publish(one);
  if (reason != StopReason::none) retire(one, reason);
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

// Full blocks become findable; where another sequence computed the same, its block is used from now on. A step in
// flight may still use the other one.
void Scheduler::Impl::publish(Sequence& one) {
  for (std::size_t i = one.published; one.publishes && (i + 1) * kBlockTokens <= one.computed; ++i) {
    const std::int32_t own = one.blocks[i];
    if (one.in_flight > 0) pool.hold(own);
    const std::int32_t block = pool.publish(own, one.identity(i));
    one.publishes = block != kNoBlock;
    const bool replaced = one.publishes && block != own;
    if (one.in_flight > 0 && replaced) flights[1].drops.push_back(own);
    if (one.in_flight > 0 && !replaced) pool.drop(own);
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

// Ends the sequence, at once or when the step that still computes for it is over: its owner then knows all that it
// took.
void Scheduler::Impl::retire(Sequence& one, StopReason reason) {
  if (one.in_flight == 0) return end(one, reason);
  if (one.ended == StopReason::none) one.ended = reason;
  std::erase(running, &one);
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
      retire(*found->second, StopReason::cancelled);
  cancels.clear();
  busy = false;
}

void Scheduler::Impl::fail() {
  assert(in_flight > 0 && !busy);
  busy = true;
  for (const Flight::Part& part : flights[0].parts) {
    Sequence& one = *part.sequence;
    if (part.copied != kNoBlock) pool.drop(part.copied);
    one.in_flight -= part.planned;
    one.unknown -= part.draws ? 1 : 0;
    one.drafts = 0;
    one.tokens.resize(one.length);
    const StopReason otherwise = one.cancelled ? StopReason::cancelled : StopReason::failed;
    retire(one, one.ended != StopReason::none ? one.ended : otherwise);
  }
  land();
}

// The older step is over, the other one is the older now.
void Scheduler::Impl::land() {
  for (const std::int32_t block : flights[0].drops) pool.drop(block);
  flights[0].drops.clear();
  flights[0].parts.clear();
  std::swap(flights[0], flights[1]);
  --in_flight;
  busy = false;
  end_cancelled();
}

}  // namespace tollgate::local
