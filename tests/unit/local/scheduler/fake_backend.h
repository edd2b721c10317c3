// A back end whose tokens are hashes of the KV that a row sees, slot by slot as it was written: a stale block, a wrong
// one or a lost write gives another text. It refuses plans and calls that break the contract of backend.h. One that
// overlaps computes a step as late as it can: when it is asked to finish it.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "kept_plan.h"
#include "local_backend/backend.h"

namespace tollgate::local::testing {

std::uint64_t mix(std::uint64_t value);

// The model: how the KV of a token comes from all before it, and how a draw comes from what is visible.
struct FakeModel {
  std::size_t vocabulary = 64;
  // Of 16 draws so many depend on the last two tokens only, so that guesses can be right.
  unsigned predictable = 0;

  std::uint64_t value(std::uint64_t seen, Token token, std::int64_t position) const;
  std::uint64_t see(std::uint64_t seen, std::uint64_t value) const;
  Token draw(std::uint64_t seen, Token before, Token last, std::uint64_t seed, std::uint32_t stream,
             std::span<const std::uint32_t> mask) const;
};

class FakeBackend : public Backend {
 public:
  FakeBackend(const FakeModel& model, std::size_t blocks, std::size_t max_step_tokens);
  const BackendInfo& info() const override { return info_; }
  Result<void> step(const StepPlan& plan, StepResult& result) override;
  bool overlaps() const override { return overlapping; }
  Result<void> start(const StepPlan& plan) override;
  Result<void> finish(StepResult& result) override;
  bool read_block(std::int32_t block, std::span<std::byte> out) const override;
  bool write_block(std::int32_t block, std::span<const std::byte> in) override;

  bool overlapping = false;
  bool fail_next = false;       // the next step writes its KV and then fails
  mutable std::string problem;  // the first illegal plan or call; empty while all were legal

 private:
  struct Slot {
    std::uint64_t value = 0;
    std::int32_t token = -1;
    std::int32_t position = -1;
  };
  struct Started {
    KeptPlan kept;
    bool fails = false;
  };
  std::string illegal(const StepPlan& plan);
  std::string illegal_token(const StepPlan& plan, const PlanRow& row, std::size_t at) const;
  std::string illegal_beside(const StepPlan& plan) const;
  bool used(std::int32_t block, bool written) const;
  Result<void> compute(const StepPlan& plan, StepResult& result);
  std::string illegal_row(const StepPlan& plan, std::size_t row);
  std::string illegal_copies(const StepPlan& plan);
  std::string illegal_samples(const StepPlan& plan);
  void compute(const StepPlan& plan, const PlanRow& row, StepResult& result, std::size_t& sample);
  std::string check_history(const StepPlan& plan, const PlanRow& row, std::int64_t position, const SampleRow& sample);
  Slot& slot(const StepPlan& plan, const PlanRow& row, std::int64_t position);

  FakeModel model_;
  BackendInfo info_;
  std::vector<Slot> slots_;             // [blocks][kBlockTokens]
  std::vector<int> readers_, writers_;  // [blocks], rows of the plan that is checked
  std::deque<Started> started_;         // older first
  std::vector<Sampled> drawn_;          // by the last step that was finished; empty if it failed
  std::vector<bool> filled_;            // [T] of the plan that is computed: it was a placeholder
};

}  // namespace tollgate::local::testing
