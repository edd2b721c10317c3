// A second model that knows the answers and tells them by chance: right, wrong, late, forbidden, or not at all. It
// refuses calls that break the contract of drafter.h.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "local_backend/scheduler/drafter.h"

namespace tollgate::local::testing {

class Dice;

struct FakeDrafterOptions {
  unsigned hit_percent = 50;       // guesses that are right
  unsigned late_percent = 20;      // calls for a sequence that only catch up
  unsigned forbidden_percent = 0;  // guesses that do not look at the mask
  std::int64_t step_us = 20;       // of each step of its own
  std::int64_t token_us = 2;
};

class FakeDrafter final : public Drafter {
 public:
  FakeDrafter(const FakeDrafterOptions& options, std::size_t vocabulary, Dice& dice)
      : options_(options), vocabulary_(vocabulary), dice_(dice) {}

  std::int64_t draft(std::span<DraftRequest> requests) override;
  std::optional<std::size_t> missing(std::uint64_t sequence, std::span<const Token> tokens) const override;
  void forget(std::uint64_t sequence) override { texts_.erase(sequence); }
  const StepCost& cost() const override { return cost_; }

  std::size_t living() const { return texts_.size(); }
  std::int64_t last_us() { return std::exchange(last_us_, 0); }
  std::string problem;  // the first call that makes no sense

 private:
  void serve(DraftRequest& request);
  Token guess(const DraftRequest& request, std::size_t index);

  FakeDrafterOptions options_;
  std::size_t vocabulary_;
  Dice& dice_;
  std::map<std::uint64_t, std::vector<Token>> texts_;  // computed, without guesses
  StepCost cost_;
  std::int64_t last_us_ = 0;
};

}  // namespace tollgate::local::testing
