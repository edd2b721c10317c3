// From running sequences to a plan: who computes how many tokens, who has to make room, which guesses are tried along.
// Thread rule: engine thread.
#include <algorithm>
#include <cassert>
#include <utility>

#include "local_backend/scheduler/scheduler_impl.h"

namespace tollgate::local {
namespace {

bool allowed(std::span<const std::uint32_t> mask, Token token) {
  const auto bit = static_cast<std::size_t>(token);
  return mask.empty() || (bit / 32 < mask.size() && (mask[bit / 32] >> (bit % 32) & 1) != 0);
}

}  // namespace

bool Scheduler::Impl::plan(StepPlan& out, std::int64_t now) {
  assert(in_flight < flights.size() && !busy);
  end_cancelled();
  ahead = in_flight > 0;
  if (ahead && std::ranges::any_of(running, [this](Sequence* one) { return waits_for_token(*one); })) return false;
  busy = true;
  now_us = now;
  out.clear();
  step.clear();
  Flight& flight = flights[in_flight];
  flight.planned_us = now;
  flight.drafting_us = 0;
  budget = options.max_step_tokens;
  pressure = decodes = must_land = false;
  for (const bool urgent_ones : {true, false}) pick(urgent_ones, true);
  for (const bool urgent_ones : {true, false}) {
    pick(urgent_ones, false);
    admit(urgent_ones);
  }
  if (must_land) {
    for (Sequence* one : step) one->planned = 0;
    step.clear();
  }
  add_drafts();
  for (Sequence* one : step) emit(*one, out);
  flight.tokens = out.tokens.size();
  flight.draws = out.samples.size();
  busy = false;
  if (!step.empty()) ++in_flight;
  if (!step.empty() && ahead) ++counts.planned_ahead;
  if (in_flight == 0) end_cancelled();
  return !step.empty();
}

// Its last token may be the one that is being drawn: then nothing more has to be computed of it.
bool Scheduler::Impl::over_by_count(const Sequence& one) const {
  return one.answer_size() + one.unknown >= one.params.max_new_tokens;
}

// Whether the next step could not have this sequence before the one in flight is over. Such a step is not planned
// ahead: to be left out of it would cost the sequence the time of a whole step.
bool Scheduler::Impl::waits_for_token(Sequence& one) {
  if (one.unknown == 0) return false;
  if (one.drafts > 0) return true;
  if (over_by_count(one)) return false;
  const SamplingParams& sampling = one.params.sampling;
  const bool penalties =
      sampling.repetition_penalty != 1.0f || sampling.presence_penalty != 0 || sampling.frequency_penalty != 0;
  return one.params.masked || penalties || would_guess(one);
}

// Gives tokens to running sequences: those that decode, or those that are still computing their prompt.
void Scheduler::Impl::pick(bool urgent_ones, bool decoding) {
  scratch.clear();
  for (Sequence* one : running) {
    if (ahead && over_by_count(*one)) continue;
    if (one->decodes() == decoding && urgent(*one) == urgent_ones) scratch.push_back(one);
  }
  for (Sequence* one : scratch) {
    if (budget == 0 || must_land) return;
    if (!one->running || !grow(*one)) continue;  // preempted by one before it, or by itself
    schedule(*one, decoding ? 1 : chunk(*one));
    decodes |= decoding;
  }
}

void Scheduler::Impl::schedule(Sequence& one, std::size_t tokens) {
  one.planned = tokens;
  budget -= tokens;
  step.push_back(&one);
}

// A chunk that does not reach the end stops at a block's end: what it computed can be shared at once.
std::size_t Scheduler::Impl::chunk(const Sequence& one) const {
  std::size_t most = budget;
  if (decodes) most = std::min(most, options.max_prefill_chunk);
  if (one.missing() <= most) return one.missing();
  const std::size_t end = one.reached() + most;
  const std::size_t aligned = end - end % kBlockTokens;
  return aligned > one.reached() ? aligned - one.reached() : most;
}

// Blocks for all its tokens; the lowest in rank make room. False when that is itself, or when it is in flight.
bool Scheduler::Impl::grow(Sequence& one) {
  while (one.blocks.size() < blocks_for(one.size())) {
    if (const std::int32_t block = pool.take(); block != kNoBlock) {
      one.blocks.push_back(block);
      continue;
    }
    must_land = ahead;
    if (ahead) return false;
    Sequence* victim = lowest_ranked(false);
    preempt(*victim);
    if (victim == &one) return false;
  }
  return true;
}

// The newest of the batch sequences, else of all. The oldest urgent one is never chosen while another runs, and the
// pool holds every sequence that was taken: so the oldest can always finish.
Sequence* Scheduler::Impl::lowest_ranked(bool batch_only) const {
  const auto batch = std::find_if(running.rbegin(), running.rend(), [&](const Sequence* one) { return !urgent(*one); });
  if (batch != running.rend()) return *batch;
  return batch_only ? nullptr : running.back();
}

void Scheduler::Impl::preempt(Sequence& victim) {
  assert(in_flight == 0);
  if (victim.planned > 0) {
    budget += victim.planned;
    victim.planned = 0;
    std::erase(step, &victim);
  }
  release(victim);
  victim.running = false;
  std::erase(running, &victim);
  enqueue(victim);
  pressure = true;
  ++counts.preemptions;
}

// What may be drawn after the answer and after each guess; a guess that may not be drawn ends them.
void Scheduler::Impl::gather_masks(Sequence& one) {
  masks.clear();
  for (std::size_t i = 0; i <= one.drafts; ++i) {
    const Token* guesses = one.tokens.data() + one.length;
    masks.push_back(one.owner->mask(std::span(guesses, i)));
    if (i < one.drafts && !allowed(masks.back(), guesses[i])) one.drafts = i;
  }
}

void Scheduler::Impl::emit(Sequence& one, StepPlan& out) {
  const bool completes = one.completes();
  if (completes) gather_masks(one);
  const std::size_t tokens = one.planned + one.drafts, from = one.reached(), context = from + tokens;
  const std::size_t first = out.tokens.size();
  out.rows.push_back({.first_token = static_cast<std::int32_t>(first),
                      .tokens = static_cast<std::int32_t>(tokens),
                      .context = static_cast<std::int32_t>(context),
                      .first_block = static_cast<std::int32_t>(out.blocks.size()),
                      .sequence = one.params.id});
  if (one.copy_from != kNoBlock) out.copies.emplace_back(one.copy_from, one.blocks[from / kBlockTokens]);
  const auto table = one.blocks.begin();
  out.blocks.insert(out.blocks.end(), table, table + static_cast<std::ptrdiff_t>(blocks_for(context)));
  for (std::size_t i = from; i < context; ++i) {
    const bool known = i < one.length + one.drafts;
    out.tokens.push_back(known ? one.tokens[i] : placeholder(one.draw));
    out.positions.push_back(static_cast<std::int32_t>(i));
  }
  if (completes) add_draws(one, first + one.planned - 1, out);
  flights[in_flight].parts.push_back(
      {.sequence = &one, .planned = one.planned, .draws = completes, .copied = std::exchange(one.copy_from, kNoBlock)});
  one.in_flight += std::exchange(one.planned, 0);
  one.unknown += completes ? 1 : 0;
}

// Its next token is drawn from token `row` of the plan, and one more behind each guess.
void Scheduler::Impl::add_draws(Sequence& one, std::size_t row, StepPlan& out) {
  one.draw = out.samples.size();
  const std::span<const Token> history(one.tokens);
  for (std::size_t i = 0; i <= one.drafts; ++i) {
    out.logit_rows.push_back(static_cast<std::int32_t>(row + i));
    out.samples.push_back({.params = &one.params.sampling,
                           .prompt = history.first(one.prompt_size),
                           .answer = history.subspan(one.prompt_size, one.answer_size() + i),
                           .position = static_cast<std::int64_t>(one.size() + i),
                           .stream = one.params.stream,
                           .mask = masks[i]});
  }
}

}  // namespace tollgate::local
