// The places behind the block pool as the scheduler sees them: blocks that it writes over go to host memory and, in the
// background, to a store; blocks that a prompt lacks come from host memory, or from the store when that is expected to
// be faster than computing them. Thread rule: the engine thread owns it; the store has threads of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "local_backend/backend.h"
#include "local_backend/kv/tier_policy.h"
#include "local_backend/kv/tier_reader.h"
#include "local_backend/kv/tier_writer.h"
#include "local_backend/scheduler/block_hooks.h"

namespace tollgate::local {

struct BlockTiersOptions {
  std::size_t host_bytes = 1u << 30;
  std::chrono::milliseconds patience{500};  // the longest that a sequence waits for the store, in all
  std::size_t ahead = 16;                   // blocks of one sequence that are asked for at a time
  TierPolicyOptions policy;
  TierWriterOptions writer;
};

class BlockTiers final : public BlockTier {
 public:
  // `backend` must live longer. The stores (two, since a slow write must not delay a read) too; null = host memory
  // only.
  BlockTiers(Backend& backend, BlockStore* reading, BlockStore* writing, const BlockTiersOptions& options = {});

  void on_evict(const BlockKey& key, std::int32_t block) override;
  Answer ask(std::uint64_t id, std::span<const BlockKey> keys) override;
  bool load(const BlockKey& key, std::int32_t block) override;

  // A step's prefill of `tokens` took `us`: what fetching is compared with.
  void computed(std::size_t tokens, std::int64_t us) { policy_.computed(tokens, us); }

  std::size_t host_blocks() const { return host_.size(); }
  const TierPolicy& policy() const { return policy_; }

 private:
  using Clock = std::chrono::steady_clock;
  // What was decided for a sequence; kept a while after the end, so that it is not decided again at each plan.
  struct Wait {
    Clock::time_point until;
    bool over = false;
  };

  enum class Collected : unsigned char { found, coming, unasked, missing };

  std::size_t in_host(std::span<const BlockKey> keys);
  bool begin(std::uint64_t id, std::span<const BlockKey> missing);
  std::size_t request(std::span<const BlockKey> missing, Clock::time_point until);
  Collected collect(const BlockKey& key);
  void forget_old_waits();

  Backend& backend_;
  const BlockTiersOptions options_;
  std::vector<std::byte> block_;  // one block on its way
  HostTier host_;
  TierPolicy policy_;
  std::unordered_map<std::uint64_t, Wait> waits_;  // by sequence
  std::unique_ptr<TierReader> reader_;             // null without a store
  std::unique_ptr<TierWriter> writer_;
};

}  // namespace tollgate::local
