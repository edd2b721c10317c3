// A copy of a plan with all that it points to, as a device has it that computes while the scheduler goes on.
#pragma once

#include <utility>
#include <vector>

#include "local_backend/backend.h"

namespace tollgate::local::testing {

class KeptPlan {
 public:
  explicit KeptPlan(const StepPlan& original) : plan(original) {
    for (const SampleRow& row : original.samples) {
      params_.push_back(*row.params);
      tokens_.emplace_back(row.prompt.begin(), row.prompt.end());
      tokens_.emplace_back(row.answer.begin(), row.answer.end());
      masks_.emplace_back(row.mask.begin(), row.mask.end());
    }
    for (std::size_t i = 0; i < plan.samples.size(); ++i) {
      plan.samples[i].params = &params_[i];
      plan.samples[i].prompt = tokens_[2 * i];
      plan.samples[i].answer = tokens_[2 * i + 1];
      plan.samples[i].mask = masks_[i];
    }
  }
  KeptPlan(KeptPlan&&) = default;
  KeptPlan& operator=(KeptPlan&&) = default;

  // Puts in what the step before has drawn; token 0 if that is not known.
  void fill(const std::vector<Sampled>& drawn) {
    for (Token& token : plan.tokens)
      if (token < 0) token = drawn_at(token) < drawn.size() ? drawn[drawn_at(token)].token : 0;
  }

  StepPlan plan;

 private:
  std::vector<SamplingParams> params_;
  std::vector<std::vector<Token>> tokens_;  // a prompt, an answer, the next prompt, ...
  std::vector<std::vector<std::uint32_t>> masks_;
};

}  // namespace tollgate::local::testing
