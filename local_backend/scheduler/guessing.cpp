// Which sequences of a plan get guesses, how many, and from whom: from their own text, from the second model, or none.
// Thread rule: engine thread.
#include <algorithm>

#include "local_backend/scheduler/drafter.h"
#include "local_backend/scheduler/scheduler_impl.h"

namespace tollgate::local {
namespace {

constexpr double kModelForget = 1.0 / 512;  // trying the second model again costs more than trying the text again

}  // namespace

void Scheduler::Impl::add_drafts() {
  if (options.max_drafts == 0) return;
  scratch.clear();
  for (Sequence* one : step)
    if (one->params.speculate && one->planned == 1 && one->completes()) scratch.push_back(one);
  for_model.clear();
  if (!ahead) {
    for (Sequence* one : scratch) guess(*one);
    ask_drafter();
  }
  for (Sequence* one : scratch) {
    if (one->drafts == 0 || one->guesser != Guesser::text) one->of_text.idle();
    if (one->drafts == 0 || one->guesser != Guesser::model) one->of_model.idle(model_rate.rate(), kModelForget);
  }
}

// Guesses get tokens and blocks only where nobody else needs them.
void Scheduler::Impl::guess(Sequence& one) {
  const std::size_t left = one.params.max_new_tokens - one.answer_size() - 1;  // behind the token that is drawn anyway
  const std::size_t spare = one.blocks.size() * kBlockTokens - one.length +
                            (pool.free() > running.size() ? (pool.free() - running.size()) * kBlockTokens : 0);
  const std::size_t most = std::min({left, budget, spare, static_cast<std::size_t>(options.max_drafts)});
  if (most == 0) return;
  const StepCost::Worth text = guess_from_text(one, most);
  const StepCost::Worth model = worth_of_model(one, most, text);
  const bool from_model = model.guesses > 0 && model.gain > text.gain;
  const std::size_t count = from_model ? model.guesses : text.guesses;
  if (count == 0) return;
  one.guesser = from_model ? Guesser::model : Guesser::text;
  one.drafts = count;
  budget -= count;
  one.tokens.resize(one.length + count);
  while (one.blocks.size() < blocks_for(one.length + count)) one.blocks.push_back(pool.take());
  if (from_model) for_model.push_back(&one);
}

// Writes what its own text suggests behind the sequence's tokens.
StepCost::Worth Scheduler::Impl::guess_from_text(Sequence& one, std::size_t most) {
  const std::size_t tokens = options.max_step_tokens - budget;
  const std::size_t paying = cost.worth(one.of_text.rate(), tokens, most).guesses;
  if (paying == 0) return {};
  one.tokens.resize(one.length + paying);
  const std::span<Token> guesses(one.tokens.data() + one.length, paying);
  std::size_t count = one.ngrams.draft(std::span(one.tokens.data(), one.length), guesses);
  if (!one.params.ignore_end) {
    const auto end = std::ranges::find_first_of(guesses.first(count), one.params.end_tokens);
    count = static_cast<std::size_t>(end - guesses.begin());
  }
  return cost.worth(one.of_text.rate(), tokens, count);
}

StepCost::Worth Scheduler::Impl::worth_of_model(const Sequence& one, std::size_t most,
                                                const StepCost::Worth& otherwise) {
  const Offer offer = offer_of_model(one, most, otherwise, options.max_step_tokens - budget, scratch.size());
  trials.spend(offer.trial_us);
  return offer.worth;
}

// What the second model's guesses are worth in a step that has `tokens` already, if it guesses for `sharers` at once;
// nothing if it would never earn what it has to compute first, or no more than `otherwise`.
Scheduler::Impl::Offer Scheduler::Impl::offer_of_model(const Sequence& one, std::size_t most,
                                                       const StepCost::Worth& otherwise, std::size_t tokens,
                                                       std::size_t sharers) const {
  if (!drafter) return {};
  const auto missing = drafter->missing(one.params.id, std::span(one.tokens).first(one.length));
  if (!missing) return {};
  const StepCost& theirs = drafter->cost();
  const double price = cost.token_us(), all = static_cast<double>(sharers);
  const double extra = price > 0 ? theirs.step_us(all) / all / price : 0;
  const StepCost::Worth worth = cost.worth(one.of_model.rate(), tokens, most, extra);
  const double first = theirs.token_us() * static_cast<double>(*missing);  // before it can guess at all
  const double steps = meter.expected(one.params.max_new_tokens - one.answer_size()) /
                       (1 + static_cast<double>(worth.guesses) * one.of_model.rate());
  const double gain = worth.gain - otherwise.gain;
  if (gain > 0 && gain * price * steps >= first) return {.worth = worth};
  const double trial = first + (1 + extra) * price;
  if (otherwise.guesses > 0 || !theirs.known() || !trials.covers(trial)) return {};
  return {.worth = {.guesses = 1, .gain = 1}, .trial_us = trial};
}

// Whether it would be guessed along in the next step, as far as that can be told without its last token: then that step
// brings more if it waits for the token.
bool Scheduler::Impl::would_guess(Sequence& one) {
  if (options.max_drafts == 0 || !one.params.speculate) return false;
  const std::size_t left = one.params.max_new_tokens - one.answer_size() - one.unknown - 1, tokens = running.size();
  const std::size_t most =
      std::min({left, options.max_step_tokens - tokens, static_cast<std::size_t>(options.max_drafts)});
  Token guess;
  if (cost.worth(one.of_text.rate(), tokens, most).guesses > 0 &&
      one.ngrams.draft(std::span<const Token>(one.tokens).first(one.length), std::span(&guess, 1)) > 0)
    return true;
  return most > 0 && offer_of_model(one, most, {}, tokens, tokens).worth.guesses > 0;
}

void Scheduler::Impl::ask_drafter() {
  if (for_model.empty()) return;
  requests.clear();
  for (Sequence* one : for_model)
    requests.push_back({.sequence = one->params.id,
                        .tokens = one->tokens,
                        .length = one->length,
                        .prompt_size = one->prompt_size,
                        .sampling = &one->params.sampling,
                        .stream = one->params.stream,
                        .ends = one->params.ignore_end ? std::span<const Token>() : one->params.end_tokens,
                        .owner = one->owner});
  const std::int64_t took = drafter->draft(requests);
  flights[in_flight].drafting_us = took;
  counts.drafting_us += took;
  for (std::size_t i = 0; i < for_model.size(); ++i) {
    budget += for_model[i]->drafts - requests[i].drafted;
    for_model[i]->drafts = requests[i].drafted;
  }
}

void Scheduler::Impl::judge(Sequence& one, std::size_t right) {
  counts.drafted += one.drafts;
  counts.accepted += right;
  if (one.guesser == Guesser::text) return one.of_text.verified(one.drafts, right);
  counts.model_drafted += one.drafts;
  counts.model_accepted += right;
  one.of_model.verified(one.drafts, right);
  model_rate.verified(one.drafts, right);
}

}  // namespace tollgate::local
