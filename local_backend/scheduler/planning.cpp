// From running sequences to a plan: who computes how many tokens, who has to make room, which guesses are tried along.
// Thread rule: engine thread.
#include <algorithm>
#include <cassert>

#include "local_backend/scheduler/scheduler_impl.h"

namespace tollgate::local {
namespace {

bool allowed(std::span<const std::uint32_t> mask, Token token) {
  const auto bit = static_cast<std::size_t>(token);
  return mask.empty() || (bit / 32 < mask.size() && (mask[bit / 32] >> (bit % 32) & 1) != 0);
}

}  // namespace

bool Scheduler::Impl::plan(StepPlan& out, std::int64_t now) {
  assert(!in_flight && !busy);
  busy = true;
  now_us = now;
  out.clear();
  step.clear();
  budget = options.max_step_tokens;
  pressure = decodes = false;
  draws = 0;
  for (const bool urgent_ones : {true, false}) pick(urgent_ones, true);
  for (const bool urgent_ones : {true, false}) {
    pick(urgent_ones, false);
    admit(urgent_ones);
  }
  add_drafts();
  for (Sequence* one : step) emit(*one, out);
  step_tokens = out.tokens.size();
  busy = false;
  in_flight = !step.empty();
  if (!in_flight) end_cancelled();
  return in_flight;
}

// Gives tokens to running sequences: those that decode, or those that are still computing their prompt.
void Scheduler::Impl::pick(bool urgent_ones, bool decoding) {
  scratch.clear();
  for (Sequence* one : running)
    if (one->decodes() == decoding && urgent(*one) == urgent_ones) scratch.push_back(one);
  for (Sequence* one : scratch) {
    if (budget == 0) return;
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
  const std::size_t end = one.computed + most;
  const std::size_t aligned = end - end % kBlockTokens;
  return aligned > one.computed ? aligned - one.computed : most;
}

// Blocks for all its tokens; the lowest in rank make room. False when that is itself.
bool Scheduler::Impl::grow(Sequence& one) {
  while (one.blocks.size() < blocks_for(one.length)) {
    if (const std::int32_t block = pool.take(); block != kNoBlock) {
      one.blocks.push_back(block);
      continue;
    }
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
  const std::size_t tokens = one.planned + one.drafts, context = one.computed + tokens;
  const std::size_t first = out.tokens.size();
  out.rows.push_back({.first_token = static_cast<std::int32_t>(first),
                      .tokens = static_cast<std::int32_t>(tokens),
                      .context = static_cast<std::int32_t>(context),
                      .first_block = static_cast<std::int32_t>(out.blocks.size()),
                      .sequence = one.params.id});
  if (one.copy_from != kNoBlock) out.copies.emplace_back(one.copy_from, one.blocks[one.computed / kBlockTokens]);
  const auto table = one.blocks.begin();
  out.blocks.insert(out.blocks.end(), table, table + static_cast<std::ptrdiff_t>(blocks_for(context)));
  const auto from = one.tokens.begin() + static_cast<std::ptrdiff_t>(one.computed);
  out.tokens.insert(out.tokens.end(), from, from + static_cast<std::ptrdiff_t>(tokens));
  for (std::size_t i = 0; i < tokens; ++i) out.positions.push_back(static_cast<std::int32_t>(one.computed + i));
  if (!completes) return;
  const std::span<const Token> history(one.tokens);
  for (std::size_t i = 0; i <= one.drafts; ++i) {
    out.logit_rows.push_back(static_cast<std::int32_t>(first + one.planned - 1 + i));
    out.samples.push_back({.params = &one.params.sampling,
                           .prompt = history.first(one.prompt_size),
                           .answer = history.subspan(one.prompt_size, one.answer_size() + i),
                           .position = static_cast<std::int64_t>(one.length + i),
                           .stream = one.params.stream,
                           .mask = masks[i]});
  }
  draws += 1 + one.drafts;
}

}  // namespace tollgate::local
