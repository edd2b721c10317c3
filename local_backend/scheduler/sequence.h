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
  std::size_t length;                // of prompt and answer
  std::size_t computed = 0;          // tokens whose KV is in `blocks`
  std::vector<std::int32_t> blocks;  // held; block i has the tokens from i * kBlockTokens on
  std::size_t published = 0;         // blocks that are findable, from the first on
  bool publishes = true;             // false after a collision of keys

  bool running = false;
  bool admitted_before = false;
  bool cancelled = false;
  std::int32_t copy_from = kNoBlock;  // held until the step that copies it into the last block is over

  // Of the step in the making or in flight.
  std::size_t planned = 0;  // tokens, without drafts; 0 = not in it
  std::size_t drafts = 0;

  Guesser guesser = Guesser::text;  // of `drafts`
  NgramIndex ngrams;
  Acceptance of_text, of_model;

  std::size_t answer_size() const { return length - prompt_size; }
  std::size_t missing() const { return length - computed; }
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
