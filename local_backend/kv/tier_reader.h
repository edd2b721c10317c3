// Blocks out of a remote store, asked for ahead and looked for later: nobody waits for the store, and what is not there
// by its deadline is a miss, however long the store still takes. Thread rule: ask(), poll() and forget() from any
// thread; the store is called by the reader's thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "local_backend/kv/kv_tier.h"

namespace tollgate::local {

enum class FetchState : unsigned char { waiting, found, missing };

struct Fetched {
  FetchState state = FetchState::missing;
  std::int64_t us = 0;  // what the store took for it (for TierPolicy); up to now, when the deadline passed meanwhile
  bool asked = false;   // the store was asked at all
};

class TierReader {
 public:
  // `store` must live longer. `max_waiting`: keys asked for and not yet taken or forgotten; bounds the memory, too.
  // `on_done` is called on the reader's thread after each read, so that nobody has to look again and again; may be
  // empty. Throws std::system_error when no thread can be had (start-up).
  TierReader(BlockStore& store, std::string fingerprint, std::size_t block_bytes, std::size_t max_waiting = 64,
             std::function<void()> on_done = {});
  // Returns after the read in progress, which the store's own deadlines bound.
  ~TierReader();
  // Asks for a block until `deadline`. True if it will be tried; false when `max_waiting` are on their way. A key that
  // is on its way already is not asked for twice and keeps its deadline.
  bool ask(const BlockKey& key, std::chrono::steady_clock::time_point deadline);
  // What became of it. found: `out` (exactly block_bytes) holds the block. After found or missing the key is forgotten,
  // so an unknown key is missing. Never waits for the store.
  Fetched poll(const BlockKey& key, std::span<std::byte> out);
  // Nobody wants it any more.
  void forget(const BlockKey& key);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local
