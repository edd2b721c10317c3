// Random callers around a scheduler and a fake back end, checked after every step: each answer against the answer that
// a back end without batches, blocks and guesses gives.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fake_backend.h"
#include "fake_drafter.h"
#include "local_backend/scheduler/scheduler.h"

namespace tollgate::local::testing {

// splitmix64: the same numbers everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15u); }
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(next() % end); }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

// What an owner decides, as a function of the answer so far.
struct OwnerRules {
  std::uint64_t mask_seed = 0;    // 0 = no masks
  std::uint64_t stop_one_in = 0;  // stops after a token by chance 1 / this; 0 = never
};
std::vector<std::uint32_t> mask_after(const OwnerRules& rules, std::size_t vocabulary, std::span<const Token> answer);
bool stops_after(const OwnerRules& rules, std::span<const Token> answer);

struct Expected {
  std::vector<Token> answer;
  StopReason reason = StopReason::none;
};
// The sequential oracle.
Expected expected_answer(const FakeModel& model, const SequenceParams& params, const OwnerRules& rules);

class World;

class TestOwner : public SequenceOwner {
 public:
  TestOwner(World& world, const SequenceParams& params, const OwnerRules& rules);
  void on_start(std::size_t cached_tokens) override;
  bool on_token(const Sampled& sampled) override;
  std::span<const std::uint32_t> mask(std::span<const Token> drafts) override;
  void on_end(StopReason reason) override;

  Expected expected;
  std::vector<Token> answer;
  bool cancelled = false;

 private:
  World& world_;
  std::uint64_t id_;
  std::size_t prompt_size_;
  OwnerRules rules_;
  bool started_ = false;
  std::vector<std::vector<std::uint32_t>> masks_;  // told since the last token
};

struct WorldOptions {
  SchedulerOptions scheduler;
  FakeModel model;
  std::size_t blocks = 24;
  std::size_t backend_tokens = 512;
  std::size_t longest_prompt = 150, longest_answer = 60;
  std::size_t groups = 4;         // of prompts with a common beginning
  unsigned arrival_percent = 40;  // per step
  unsigned cancel_percent = 2;    // per step
  unsigned fail_percent = 0;      // per step
  unsigned answers_percent = 20;  // of arrivals ask for 2 to 5 answers
  unsigned mask_percent = 10, stop_percent = 20, batch_percent = 30, salt_percent = 10, penalty_percent = 0;
  bool tier = false;
  bool overlap = false;  // the next step is started before the last one is finished
  std::optional<FakeDrafterOptions> drafter;
  std::size_t steps_per_check = 1;  // of the invariants
};

class World : public BlockListener, public BlockTier {
 public:
  World(const WorldOptions& options, std::uint64_t seed);
  // Some arrivals and cancels, then one step. False when there was nothing to do.
  bool step(bool arrivals = true);
  // Steps until everybody is served, then looks for what was left behind. Empty = all is well.
  std::string drain();
  void blame(const std::string& what);  // keeps the first problem
  void ended(std::uint64_t id);
  void maybe_cancel();  // from inside a callback, too

  void on_stored(const BlockKey& key, const BlockKey& parent, std::span<const Token> tokens) override;
  void on_removed(const BlockKey& key) override;
  void on_evict(const BlockKey& key, std::int32_t block) override;
  Answer ask(std::uint64_t id, std::span<const BlockKey> keys) override;
  bool load(const BlockKey& key, std::int32_t block) override;

  const WorldOptions options;
  std::string problem;
  std::uint64_t steps = 0, served = 0, loaded = 0, largest_step = 0;
  Dice dice;
  FakeBackend backend;
  std::unique_ptr<FakeDrafter> drafter;  // null without one
  Scheduler scheduler;

 private:
  SequenceParams random_request();
  void arrive();
  bool start_plan();
  bool due(bool planned) const;
  void finish_plan();

  std::vector<std::vector<Token>> beginnings_;
  std::map<std::uint64_t, std::unique_ptr<TestOwner>> owners_;
  std::set<BlockKey> stored_;
  std::map<BlockKey, std::vector<std::byte>> tier_;
  std::array<StepPlan, 2> plans_;  // older first
  std::array<bool, 2> lost_{};     // the back end did not take it
  std::size_t started_ = 0;        // of `plans_`, and not finished
  StepResult result_;
  std::uint64_t next_id_ = 1;
  std::int64_t now_us_ = 0;
};

// A world of random shape, for soaks.
WorldOptions random_world(Dice& dice);

}  // namespace tollgate::local::testing
