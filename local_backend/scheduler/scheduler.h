// Continuous batching without phases: each step lets every running sequence's computed tokens catch up with its tokens
// and drafts, within a token budget. That one rule covers chunked prefill, prefix hits, speculation and preemption by
// recompute. Host arithmetic only: no tensors, no text, no clocks of its own. Thread rule: the engine thread owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "local_backend/backend.h"
#include "local_backend/scheduler/block_hooks.h"

namespace tollgate::local {

enum class Lane : unsigned char { interactive, batch };

enum class StopReason : unsigned char { none, end_token, length, stop, cancelled, failed };

// What the owner of a sequence decides about each token; called on the engine thread, so it must be short.
class SequenceOwner {
 public:
  virtual ~SequenceOwner() = default;
  // Its first step comes; that many tokens of the prompt were found computed.
  virtual void on_start(std::size_t /*cached_tokens*/) {}
  // A token was drawn and is now part of the sequence. False: stop here (a stop string was found).
  virtual bool on_token(const Sampled& sampled) = 0;
  // Allowed tokens after the answer so far and then `drafts`; empty span = all. Views stay valid until the next call of
  // on_token.
  virtual std::span<const std::uint32_t> mask(std::span<const Token> drafts) = 0;
  virtual void on_end(StopReason reason) = 0;
};

struct SequenceParams {
  std::uint64_t id = 0;  // unique among the living
  std::vector<Token> prompt;
  SamplingParams sampling;
  std::uint32_t stream = 0;        // which of n answers
  std::size_t max_new_tokens = 0;  // >= 1
  std::vector<Token> end_tokens;   // drawing one ends the answer; it is reported by on_token before on_end
  bool ignore_end = false;
  Lane lane = Lane::interactive;
  std::string salt;  // tenants with different salts never share blocks
  bool speculate = true;
  bool masked = true;  // false promises that mask() is always empty: then a token can be planned before it is known
};

struct SchedulerOptions {
  std::size_t max_step_tokens = 512;      // budget of one step
  std::size_t max_running = 64;           // sequences in one step
  std::size_t max_waiting = 256;          // beyond it add() refuses
  std::size_t max_prefill_chunk = 256;    // of one sequence per step while others decode
  std::size_t context = 4096;             // prompt and answer together
  std::int64_t batch_age_us = 2'000'000;  // after it a batch sequence counts as interactive
  int max_drafts = 4;                     // guesses per sequence and step; 0 = no speculation
};

struct SchedulerStats {
  std::size_t running = 0, waiting = 0;
  std::int64_t drain_us = 0;  // while something waits: the time in which all that lives should be done, as Retry-After
  std::size_t blocks = 0, blocks_used = 0, blocks_cached = 0;  // cached: unused but still findable
  std::uint64_t prompt_tokens = 0, answer_tokens = 0, computed_tokens = 0;
  std::uint64_t prefix_queried = 0, prefix_hits = 0;  // tokens
  std::uint64_t preemptions = 0, rejected = 0, drafted = 0, accepted = 0;
  std::uint64_t model_drafted = 0, model_accepted = 0;  // of drafted and accepted, by the drafter
  std::int64_t drafting_us = 0;                         // in the drafter
  std::uint64_t planned_ahead = 0;                      // steps, while the one before was in flight
  std::uint64_t thrown_away = 0;                        // tokens of such steps, of sequences that had ended by then
};

class Drafter;  // drafter.h

class Scheduler {
 public:
  // `drafter`: a second source of guesses, or nullptr; it must live as long as the scheduler.
  Scheduler(const SchedulerOptions& options, const BackendInfo& backend, const BlockHooks& hooks = {},
            Drafter* drafter = nullptr);
  // Calls no owner any more.
  ~Scheduler();
  // `owner` must live until its on_end. Errors: limited (429) with retry_after from the drain time when the queue is
  // full; client_fault (400) when prompt and answer cannot fit into the context or the pool; nothing was kept then.
  Result<void> add(SequenceParams params, SequenceOwner& owner, std::int64_t now_us);
  // Its on_end(cancelled) comes at once if no step is in flight, else with the next plan() or finish(), but not before
  // the steps in flight that compute for it are over. Unknown ids are ignored.
  void cancel(std::uint64_t id);
  // Fills `plan`; false when there is nothing to do. After true the step is in flight until finish() or fail(). While
  // one is, the next may be planned ahead; false then also means that this one has to be finished first. Not while two
  // are in flight.
  bool plan(StepPlan& plan, std::int64_t now_us);
  // The older step in flight is over. Sequences that end while the other one computes for them, too, are told so when
  // that is over.
  void finish(const StepResult& result, std::int64_t now_us);
  // The older step in flight failed: every sequence in it ends with StopReason::failed.
  void fail();
  SchedulerStats stats() const;
  // Empty when blocks, lists and sequences agree; else what does not. For tests: linear in everything.
  std::string check() const;
  // The key of each findable block with the key before it, in no order. For tests: linear.
  std::vector<std::pair<BlockKey, BlockKey>> findable() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local
