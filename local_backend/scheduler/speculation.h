// Where guesses come from and when they pay. Without a second model: what followed the last few tokens the last time is
// guessed to follow again; with one: see drafter.h. Guesses are verified in the step that would have come anyway. Draws
// depend on (seed, position) only, so a guess is right exactly when the drawn token equals it, and the text is the same
// as without guessing. Thread rule: the engine thread owns all of it.
#pragma once

#include <algorithm>
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

// How often guesses were right, of late.
class Acceptance {
 public:
  // `prior` until something is known, `learn`: weight of the newest guess.
  explicit Acceptance(double prior = kPrior, double learn = kLearn) : learn_(learn), rate_(prior) {}
  // The first `accepted` of `drafted` were right; after a wrong one nothing is known.
  void verified(std::size_t drafted, std::size_t accepted);
  // A step without guesses: the estimate forgets, so that a text that becomes predictable is tried again.
  void idle(double prior = kPrior, double forget = kForget) { rate_ += (prior - rate_) * forget; }
  double rate() const { return rate_; }

 private:
  static constexpr double kPrior = 0.6, kLearn = 1.0 / 8;
  static constexpr double kForget = 1.0 / 128;  // pull to the prior
  double learn_, rate_;
};

// What a step costs as base + per_token * tokens, fitted to measured steps; old ones fade.
class StepCost {
 public:
  // Guesses of one sequence that pay, and what they bring more than they cost, in prices of a token.
  struct Worth {
    std::size_t guesses = 0;
    double gain = 0;
  };

  void measured(std::size_t tokens, double microseconds);
  // Tokens whose computing takes as long as the base: so many come at half price. A guess for one.
  double free_tokens() const { return free_tokens_; }
  bool known() const { return weight_ > 0; }
  // Microseconds of one token more in a step, and of a step; 0 while nothing is known.
  double token_us() const { return known() ? y_ / (x_ + free_tokens_ * weight_) : 0; }
  double step_us(double tokens) const { return token_us() * (free_tokens_ + tokens); }
  // How many guesses of one sequence pay in a step that has `tokens` already: the i-th must be right more often than
  // its share of the step's time, rate^i > (1 + extra) * tokens / (tokens + free_tokens). `extra`: what a guess costs
  // before it is verified, in prices of a token.
  Worth worth(double rate, std::size_t tokens, std::size_t most, double extra = 0) const;

 private:
  double weight_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;
  double free_tokens_ = 8;
};

// Time for guesses that do not pay by what is known, so that it is found out when they would: a small share of all
// time, saved up. However bad a guesser is, no more than this is lost to it once it is known.
class TrialBudget {
 public:
  void earn(double step_us) { left_ = std::min(left_ + kShare * step_us, kMost); }
  bool covers(double us) const { return us <= left_; }
  void spend(double us) { left_ -= us; }

 private:
  static constexpr double kShare = 0.02, kMost = 1e6;
  double left_ = 0;
};

}  // namespace tollgate::local
