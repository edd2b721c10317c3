// Guesses by a second, smaller model with the same vocabulary: it computes the same texts in KV blocks of its own and
// draws as the first model will. Several sequences share each of its steps. Thread rule: the engine thread owns it.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "local_backend/backend.h"
#include "local_backend/scheduler/drafter.h"

namespace tollgate::local {

class ModelDrafter final : public Drafter {
 public:
  using Clock = std::int64_t();  // microseconds
  static std::int64_t steady_us();

  // `context`: tokens that the second model can hold; `chunk`: of texts that it has to catch up with, per call.
  ModelDrafter(std::unique_ptr<Backend> backend, std::size_t context, std::size_t chunk, Clock& clock = steady_us);

  std::int64_t draft(std::span<DraftRequest> requests) override;
  std::optional<std::size_t> missing(std::uint64_t sequence, std::span<const Token> tokens) const override;
  void forget(std::uint64_t sequence) override;
  const StepCost& cost() const override { return cost_; }

  const BackendInfo& backend() const { return backend_->info(); }
  std::size_t free_blocks() const { return free_.size(); }
  bool lost() const { return lost_; }  // a step of it has failed: it guesses nothing any more

 private:
  // What it knows of a sequence.
  struct Text {
    std::vector<Token> computed;       // their KV is in `blocks`; guesses may stand at the end
    std::vector<std::int32_t> blocks;  // held
    std::size_t sure = 0;              // of `computed`: without guesses
    std::uint64_t used = 0;            // the last call that needed it
  };
  // A request while it is worked on.
  struct Work {
    DraftRequest* request;
    Text* text;
    SamplingParams sampling;  // the request's, without log probabilities
    std::size_t planned = 0;  // tokens of the step in the making
    bool draws = false;       // the step reaches the end of what is known
  };

  bool known(std::span<const Token> tokens) const;
  bool begin(DraftRequest& request);
  bool make_room(Text& text, std::size_t tokens);
  void plan();
  void add_row(Work& work, std::size_t& left);
  bool step();
  void take(Work& work, const Sampled& sampled);
  void drop(Text& text);

  std::unique_ptr<Backend> backend_;
  std::size_t context_, chunk_;
  Clock* clock_;
  std::unordered_map<std::uint64_t, Text> texts_;
  std::vector<std::int32_t> free_;  // blocks
  std::vector<Work> work_;
  std::uint64_t calls_ = 0;
  bool lost_ = false;
  StepCost cost_;
  StepPlan plan_;
  StepResult result_;
};

}  // namespace tollgate::local
