// Write-behind: blocks that leave the pool go to a remote store without anybody waiting for it. Losing one costs a
// computation later, so everything here gives way: a full queue refuses, old blocks are let go, a failing store is left
// alone for a while. Thread rule: offer() and stats() from any thread; the store is called by the writer's thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "local_backend/kv/kv_tier.h"

namespace tollgate::local {

struct TierWriterOptions {
  std::size_t max_bytes = 64u << 20;         // of blocks that wait, the one being written among them
  std::chrono::milliseconds max_age{5'000};  // a block that waited longer is let go
  std::chrono::milliseconds pause{100};      // after a failed write; doubles while failures follow each other
  std::chrono::milliseconds max_pause{10'000};
};

struct TierWriterStats {
  std::uint64_t written = 0, failed = 0;   // by the store's answer
  std::uint64_t refused = 0, expired = 0;  // for lack of room, for age
  std::size_t waiting_bytes = 0;
};

class TierWriter {
 public:
  // `store` must live longer. Throws std::system_error when no thread can be had (start-up).
  TierWriter(BlockStore& store, std::string fingerprint, const TierWriterOptions& options = {});
  // Lets go what waits; returns after the write in progress, which the store's own deadlines bound.
  ~TierWriter();
  // Takes a copy of `block`. True if it will be tried or waits already; false for lack of room. Never waits for the
  // store.
  bool offer(const BlockKey& key, std::span<const std::byte> block);
  // Whether a block of so many bytes would be taken now.
  bool has_room(std::size_t bytes) const;
  // Waits until everything that was offered is written or let go; false at `until`, or when the store fails meanwhile.
  bool drain(std::chrono::steady_clock::time_point until);
  TierWriterStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local
