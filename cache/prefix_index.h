// Which blocks of prompts one model's pool has at this moment, kept by its events: the answer to "how much of this
// prompt need not be computed there" for whoever chooses among models. Exact while it has room for the pool's blocks.
// Thread rule: safe on any thread; the events come from one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <span>
#include <unordered_map>

namespace tollgate::cache {

// Part of a SHA-256 over everything up to the block's end (docs/engine-scheduler.md).
using PrefixKey = std::array<std::byte, 16>;

class PrefixIndex {
 public:
  explicit PrefixIndex(std::size_t max_blocks) : max_blocks_(max_blocks) {}

  // `parent`: the block before it, or the root of the model and the salt. Beyond `max_blocks` it is counted only.
  void stored(const PrefixKey& key, const PrefixKey& parent);
  void removed(const PrefixKey& key);

  // How many blocks of a prompt are there, from its first on. `keys`: of its blocks in order.
  std::size_t held(const PrefixKey& root, std::span<const PrefixKey> keys) const;
  std::size_t size() const;
  std::uint64_t ignored() const;  // blocks for which there was no room, in all

 private:
  struct Hash {
    std::size_t operator()(const PrefixKey& key) const {
      std::uint64_t word;  // keys are evenly spread already
      std::memcpy(&word, key.data(), sizeof word);
      return static_cast<std::size_t>(word);
    }
  };

  const std::size_t max_blocks_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<PrefixKey, PrefixKey, Hash> parents_;
  std::uint64_t ignored_ = 0;
};

}  // namespace tollgate::cache
