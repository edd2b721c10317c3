// Speculation without a second model: what followed the last few tokens the last time is guessed to follow again, and
// the guesses are verified in the same step. Draws depend on (seed, position) only, so a guess is right exactly when
// the drawn token equals it, and the text is the same as without guessing. Thread rule: the engine thread owns all of
// it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

// Where in one sequence each pair and each triple of tokens stood last.
class NgramIndex {
 public:
  // Guesses what follows `tokens`, at most out.size(); how many were written. `tokens` must begin with what earlier
  // calls saw. Amortised O(1) per token, O(1) per guess.
  std::size_t draft(std::span<const Token> tokens, std::span<Token> out);

 private:
  struct Table {
    std::vector<std::int32_t> last;  // [power of two], lossy: a slot keeps the latest; index of the following token
  };
  void learn(std::span<const Token> tokens);
  std::int32_t find(std::span<const Token> tokens, std::size_t order) const;

  std::array<Table, 2> tables_;  // pairs, triples
  std::size_t learned_ = 0;      // tokens that stand as followers in the tables
};

// How often the guesses of one sequence were right, of late.
class Acceptance {
 public:
  // The first `accepted` of `drafted` were right; after a wrong one nothing is known.
  void verified(std::size_t drafted, std::size_t accepted);
  // A step without guesses: the estimate forgets, so that a text that becomes predictable is tried again.
  void idle();
  double rate() const { return rate_; }

 private:
  static constexpr double kPrior = 0.6;
  double rate_ = kPrior;
};

// What a step costs as base + per_token * tokens, fitted to measured steps; old ones fade.
class StepCost {
 public:
  void measured(std::size_t tokens, double microseconds);
  // Tokens whose computing takes as long as the base: so many come at half price. A guess for one.
  double free_tokens() const { return free_tokens_; }
  // How many guesses of one sequence pay in a step that has `tokens` already: the i-th must be right more often than
  // its share of the step's time, rate^i > tokens / (tokens + free_tokens).
  std::size_t drafts_that_pay(double rate, std::size_t tokens, std::size_t most) const;

 private:
  double weight_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;
  double free_tokens_ = 8;
};

}  // namespace tollgate::local
