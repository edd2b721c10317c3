// The scheduler's state and its parts: scheduler.cpp (from outside), admission.cpp (waiting to running), planning.cpp
// (running to plan), guessing.cpp (guesses along), completion.cpp (results to sequences). Internal. Thread rule: the
// engine thread owns it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "local_backend/scheduler/block_pool.h"
#include "local_backend/scheduler/drafter.h"
#include "local_backend/scheduler/drain_meter.h"
#include "local_backend/scheduler/scheduler.h"
#include "local_backend/scheduler/sequence.h"
#include "local_backend/scheduler/speculation.h"

namespace tollgate::local {

// A step between plan() and finish().
struct Flight {
  struct Part {
    Sequence* sequence = nullptr;
    std::size_t planned = 0;  // tokens, without drafts
    bool draws = false;
    std::int32_t copied = kNoBlock;  // held until the step is over
  };
  std::vector<Part> parts;                       // in the plan's order
  std::vector<std::int32_t> drops;               // blocks that it uses, to be let go when it is over
  std::size_t tokens = 0, draws = 0;             // draws: logit rows
  std::int64_t planned_us = 0, drafting_us = 0;  // drafting_us: in the drafter
};

struct Scheduler::Impl {
  Impl(const SchedulerOptions& wanted, const BackendInfo& backend, const BlockHooks& block_hooks,
       Drafter* second_model);

  // scheduler.cpp
  Result<void> check_request(const SequenceParams& params) const;
  Result<void> add(SequenceParams params, SequenceOwner& owner, std::int64_t now);
  Error queue_full();
  std::chrono::milliseconds drain_time() const;
  void cancel(std::uint64_t id);
  SchedulerStats stats() const;
  std::string check() const;

  // admission.cpp
  enum class Admission : unsigned char { admitted, passed_over, blocked };
  bool urgent(const Sequence& one) const;  // interactive, or batch that waited long
  void enqueue(Sequence& one);
  void admit(bool urgent_ones);
  Sequence* candidate(bool urgent_ones, std::array<std::size_t, 2>& cursors) const;
  Admission try_admit(Sequence& one);
  void find_prefix(Sequence& one);
  std::size_t find_tail(Sequence& one);
  bool twin_at_work(const Sequence& one, std::size_t have) const;
  BlockTier::Answer ask_tier(Sequence& one);
  void load_from_tier(Sequence& one, std::size_t ready);
  std::size_t slots(const Sequence& one) const;
  bool make_place(Sequence& one);
  bool batch_makes_place(std::size_t missing_blocks);
  void start(Sequence& one, std::size_t tail, std::size_t ready);

  // planning.cpp
  bool plan(StepPlan& out, std::int64_t now);
  bool waits_for_token(Sequence& one);
  bool over_by_count(const Sequence& one) const;
  void pick(bool urgent_ones, bool decoding);
  void schedule(Sequence& one, std::size_t tokens);
  std::size_t chunk(const Sequence& one) const;
  bool grow(Sequence& one);
  Sequence* lowest_ranked(bool batch_only) const;
  void preempt(Sequence& victim);
  void emit(Sequence& one, StepPlan& out);
  void add_draws(Sequence& one, std::size_t row, StepPlan& out);
  void gather_masks(Sequence& one);

  // guessing.cpp
  void add_drafts();
  void guess(Sequence& one);
  StepCost::Worth guess_from_text(Sequence& one, std::size_t most);
  StepCost::Worth worth_of_model(const Sequence& one, std::size_t most, const StepCost::Worth& otherwise);
  // What asking the second model is worth, and what of that is a trial.
  struct Offer {
    StepCost::Worth worth;
    double trial_us = 0;
  };
  Offer offer_of_model(const Sequence& one, std::size_t most, const StepCost::Worth& otherwise, std::size_t tokens,
                       std::size_t sharers) const;
  bool would_guess(Sequence& one);
  void ask_drafter();
  void judge(Sequence& one, std::size_t right);

  // completion.cpp
  void finish(const StepResult& result, std::int64_t now);
  void settle(const Flight::Part& part, std::span<const Sampled> sampled);
  StopReason take_tokens(Sequence& one, std::span<const Sampled> sampled);
  StopReason take_token(Sequence& one, const Sampled& sampled);
  void publish(Sequence& one);
  void release(Sequence& one);
  void retire(Sequence& one, StopReason reason);
  void end(Sequence& one, StopReason reason);
  void end_cancelled();
  void fail();
  void land();

  SchedulerOptions options;
  BackendInfo info;
  BlockHooks hooks;
  BlockPool pool;
  std::unordered_map<std::uint64_t, std::unique_ptr<Sequence>> living;
  std::array<std::vector<Sequence*>, 2> waiting;  // by lane, each by order of arrival
  std::vector<Sequence*> running;                 // by order of arrival
  std::vector<Sequence*> step;                    // in the plan, in its order
  std::array<Flight, 2> flights;                  // older first
  std::size_t in_flight = 0;                      // of `flights`
  std::int64_t landed_us = 0;                     // when the last step was over
  std::vector<std::uint64_t> cancels;             // asked for while a plan was made or ran
  bool busy = false;                              // inside plan(), finish() or fail()
  bool ahead = false;                             // a step is in flight while this plan is made
  bool must_land = false;                         // and has to be over before this plan can be made
  bool pressure = false;                          // something was preempted in this plan
  bool decodes = false;                           // this plan has rows that decode
  std::size_t budget = 0;                         // tokens left in this plan
  std::int64_t now_us = 0;                        // of this plan
  std::uint64_t next_order = 0;
  Drafter* drafter = nullptr;
  StepCost cost;                         // of steps without their drafting
  Acceptance model_rate{0.6, 1.0 / 32};  // of all sequences; a new one begins with it
  TrialBudget trials;
  DrainMeter meter;
  SchedulerStats counts;
  std::vector<Sequence*> scratch, for_model;
  std::vector<DraftRequest> requests;
  std::vector<BlockKey> keys;
  std::vector<std::span<const std::uint32_t>> masks;
};

}  // namespace tollgate::local
