// The places behind the block pool as the scheduler sees them: blocks that it writes over go to host memory and, in the
// background, to a store; blocks that stay in the pool go to the store at leisure, so that others find them. Blocks
// that a prompt lacks come from host memory, or from the store when that is expected to be faster than computing them.
// Thread rule: the engine thread owns it; the store has threads of its own.
#pragma once

#include <chrono>
#include <functional>
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
  std::function<void()> on_fetched;  // on the reader's thread: it is worth asking again; may be empty
};

struct BlockTiersStats {
  std::size_t host_blocks = 0, unsaved = 0;  // unsaved: findable blocks that the store was not offered yet
  std::uint64_t fetched = 0, missed = 0;     // blocks that were asked of the store
  TierWriterStats writer;                    // blocks
  double fetch_bytes_per_second = 0;         // running means; 0 while unknown
  double compute_tokens_per_second = 0;
};

class BlockTiers final : public BlockTier {
 public:
  // `backend` must live longer. The stores (two, since a slow write must not delay a read) too; null = host memory
  // only.
  BlockTiers(Backend& backend, BlockStore* reading, BlockStore* writing, const BlockTiersOptions& options = {});

  void on_publish(const BlockKey& key, std::int32_t block) override;
  void on_evict(const BlockKey& key, std::int32_t block) override;
  Answer ask(std::uint64_t id, std::span<const BlockKey> keys) override;
  bool load(const BlockKey& key, std::int32_t block) override;

  // A step's prefill of `tokens` took `us`: what fetching is compared with.
  void computed(std::size_t tokens, std::int64_t us) { policy_.computed(tokens, us); }

  // Offers the store findable blocks that it was not offered yet, `most` at a time; how many it took. No step writes
  // them any more, so one may run meanwhile.
  std::size_t save(std::size_t most);
  std::size_t unsaved() const { return unsaved_; }
  // The same for all of them, waiting for the store; gives up at `until` and when the store fails.
  void save_all(std::chrono::steady_clock::time_point until);

  BlockTiersStats stats() const;
  std::size_t host_blocks() const { return host_.size(); }
  const TierPolicy& policy() const { return policy_; }

 private:
  using Clock = std::chrono::steady_clock;
  // What was decided for a sequence; kept a while after the end, so that it is not decided again at each plan.
  struct Wait {
    Clock::time_point until;
    bool over = false;
  };

  // What the store knows of a block of the pool.
  enum class Saved : unsigned char { unknown, wanted, offered };
  struct Place {
    BlockKey key{};
    Saved saved = Saved::unknown;
  };

  enum class Collected : unsigned char { found, coming, unasked, missing };

  std::size_t in_host(std::span<const BlockKey> keys);
  bool begin(std::uint64_t id, std::span<const BlockKey> missing);
  std::size_t request(std::span<const BlockKey> missing, Clock::time_point until);
  Collected collect(const BlockKey& key);
  void forget_old_waits();
  void mark(std::int32_t block, const BlockKey& key, Saved saved);

  Backend& backend_;
  const BlockTiersOptions options_;
  std::vector<std::byte> block_;  // one block on its way
  HostTier host_;
  TierPolicy policy_;
  std::unordered_map<std::uint64_t, Wait> waits_;  // by sequence
  std::vector<Place> places_;                      // [blocks of the pool]
  std::size_t unsaved_ = 0, cursor_ = 0;           // places that are wanted; where save() looks next
  std::uint64_t fetched_ = 0, missed_ = 0;
  std::unique_ptr<TierReader> reader_;  // null without a store
  std::unique_ptr<TierWriter> writer_;
};

}  // namespace tollgate::local
