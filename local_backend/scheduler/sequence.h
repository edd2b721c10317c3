// One sequence as the scheduler keeps it. Thread rule: the engine thread owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "local_backend/scheduler/block_pool.h"
#include "local_backend/scheduler/scheduler.h"
#include "local_backend/scheduler/speculation.h"

namespace tollgate::local {

// Blocks that hold `tokens` tokens.
constexpr std::size_t blocks_for(std::size_t tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

enum class Guesser : unsigned char { text, model };

struct Sequence {
  Sequence(SequenceParams wanted, SequenceOwner& its_owner, std::uint64_t arrival_order, std::int64_t now_us);

  SequenceParams params;  // prompt is moved into `tokens`
  SequenceOwner* owner;
  std::uint64_t order;  // of arrival
  std::int64_t arrival_us;

  std::vector<Token> tokens;  // prompt and answer; behind them, while a step is in flight, its drafts
  std::size_t prompt_size;
  std::size_t length;                // of prompt and answer, as far as they are known
  std::size_t computed = 0;          // tokens whose KV is in `blocks`, by steps that are over
  std::vector<std::int32_t> blocks;  // held; block i has the tokens from i * kBlockTokens on
  std::size_t published = 0;         // blocks that are findable, from the first on
  bool publishes = true;             // false after a collision of keys

  bool running = false;
  bool admitted_before = false;
  bool cancelled = false;
  std::int32_t copy_from = kNoBlock;  // held until it is planned to be copied into the last block

  std::size_t planned = 0;  // tokens of the step in the making, without drafts; 0 = not in it
  std::size_t drafts = 0;   // of the step in the making or in flight; with any, only one step is

  // Of the steps in flight, one or two.
  std::size_t in_flight = 0;            // tokens that they compute, without drafts; 0 = it is in none
  std::size_t unknown = 0;              // tokens that they draw, drafts apart
  std::size_t draw = 0;                 // in the newest of them, which logit row is its
  StopReason ended = StopReason::none;  // found while it is in flight: nothing of it is of interest any more

  Guesser guesser = Guesser::text;  // of `drafts`
  NgramIndex ngrams;
  Acceptance of_text, of_model;

  std::size_t answer_size() const { return length - prompt_size; }
  std::size_t size() const { return length + unknown; }         // when all steps in flight are over
  std::size_t reached() const { return computed + in_flight; }  // likewise
  std::size_t missing() const { return size() - reached(); }
  bool decodes() const { return missing() == 1; }
  bool completes() const { return planned > 0 && planned == missing(); }  // so its next token is drawn
  // Tokens that this and `other` have in common from the start; 0 if they may not share.
  std::size_t common_prefix(const Sequence& other) const;
  BlockTokens block_tokens(std::size_t block) const;
  // Key chain; digests are computed once, when asked for. digest(0) is the root, digest(i) of the first i blocks.
  // REQUIRES: i * kBlockTokens <= length, set_root() was called.
  const Digest& digest(std::size_t i);
  void set_root(const Digest& root) { chain_.assign(1, root); }
  BlockIdentity identity(std::size_t block);

 private:
  std::vector<Digest> chain_;
};

}  // namespace tollgate::local
