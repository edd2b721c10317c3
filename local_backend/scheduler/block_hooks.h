// What the block pool tells and asks outside: events for a router's prefix index, and tiers behind the pool. Both are
// the scheduler's own terms; the engine plugs implementations in. Thread rule: all calls come on the engine thread,
// from inside Scheduler::plan() and finish(), and about blocks that no step in flight writes; they must be short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "local_backend/kv/kv_tier.h"
#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

// Which blocks are findable, as it changes.
class BlockListener {
 public:
  virtual ~BlockListener() = default;
  // `parent`: the key of the block before it, or of the root (model and salt) for a first block.
  virtual void on_stored(const BlockKey& key, const BlockKey& parent, std::span<const Token> tokens) = 0;
  virtual void on_removed(const BlockKey& key) = 0;
};

// A slower place for blocks that the pool has no room for.
class BlockTier {
 public:
  struct Answer {
    std::size_t ready = 0;  // so many of the keys, from the first on, can be loaded now
    bool wait = false;      // more is on its way: ask again at a later plan(), compute nothing until then
  };
  virtual ~BlockTier() = default;
  // A block became findable: its bytes stay as they are until on_evict, so they can be written elsewhere at leisure.
  virtual void on_publish(const BlockKey& /*key*/, std::int32_t /*block*/) {}
  // A findable block is about to be written over: the last moment to read it out of the back end.
  virtual void on_evict(const BlockKey& key, std::int32_t block) = 0;
  // Before prefill of sequence `id`: `keys` are the blocks that follow those which the pool has, in order.
  virtual Answer ask(std::uint64_t id, std::span<const BlockKey> keys) = 0;
  // Fills the block in the back end; false = a miss after all, the block and those after it are computed.
  virtual bool load(const BlockKey& key, std::int32_t block) = 0;
};

struct BlockHooks {  // null = none; not owned
  BlockListener* listener = nullptr;
  BlockTier* tier = nullptr;
};

}  // namespace tollgate::local
