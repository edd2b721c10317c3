// What an engine keeps behind its block pool, put together: host memory, the store that other processes share, and the
// listener. Inside of Engine. Thread rule: the engine's thread; the stores are called by threads of their own.
#pragma once

#include <functional>
#include <memory>

#include "local_backend/engine/engine.h"
#include "local_backend/kv/block_tiers.h"

namespace tollgate::local {

class EngineTiers {
 public:
  // `backend` must live longer. `on_fetched` is called on another thread when planning again is worth it.
  EngineTiers(Backend& backend, const PrefixOptions& options, std::size_t context, std::function<void()> on_fetched);
  ~EngineTiers();

  BlockHooks hooks();
  // Between two steps: a little of what others may want goes to the store. True if there may be more to do at once.
  bool tidy(bool idle);
  // A step that was mostly prompt took `us` for `tokens`.
  void computed(std::size_t tokens, std::int64_t us);
  // Whether an engine without work has to look again soon.
  bool unsaved() const { return tiers_ && tiers_->unsaved() > 0; }
  // The end: what is findable goes to the store, within a second.
  void finish();
  BlockTiersStats stats() const { return tiers_ ? tiers_->stats() : BlockTiersStats{}; }

 private:
  std::shared_ptr<BlockListener> listener_;
  std::unique_ptr<BlockStore> reading_, writing_;
  std::unique_ptr<BlockTiers> tiers_;  // null: nothing behind the pool
};

}  // namespace tollgate::local
