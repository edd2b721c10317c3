// Finding computed blocks by what they hold. A block's key is a SHA-256 chain over everything before it; a key only
// finds, identity is the exact compare of parent block and tokens. Keys and their bytes: docs/engine-scheduler.md.
// Thread rule: the engine thread owns it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "local_backend/backend.h"
#include "local_backend/kv/kv_tier.h"
#include "local_backend/scheduler/sha256.h"

namespace tollgate::local {

inline constexpr std::int32_t kNoBlock = -1;

using BlockTokens = std::span<const Token, kBlockTokens>;

// Where chains begin: other models, KV layouts and salts have other roots.
Digest root_digest(std::string_view fingerprint, std::string_view salt);
Digest next_digest(const Digest& parent, BlockTokens tokens);
BlockKey key_of(const Digest& digest);

// What makes a full block findable.
struct BlockIdentity {
  BlockKey key{};
  BlockKey parent_key{};           // of the block before it, or of the root
  std::int32_t parent = kNoBlock;  // the block before it; it stays findable for as long as this one does
  std::array<Token, kBlockTokens> tokens{};
};

// A hash table over the pool's block ids, chained through arrays: no allocation after construction.
class PrefixIndex {
 public:
  explicit PrefixIndex(std::size_t blocks);
  // The block of exactly this content, or kNoBlock.
  std::int32_t find(const BlockKey& key, const BlockKey& parent_key, std::int32_t parent, BlockTokens tokens) const;
  // Whether the key is taken, by this content or (a collision) another.
  bool has_key(const BlockKey& key) const;
  // REQUIRES: !has_key(identity.key), and `block` is not in the index.
  void insert(std::int32_t block, const BlockIdentity& identity);
  // REQUIRES: contains(block).
  void erase(std::int32_t block);
  bool contains(std::int32_t block) const { return present_[static_cast<std::size_t>(block)]; }
  // REQUIRES: contains(block).
  const BlockIdentity& identity(std::int32_t block) const { return identities_[static_cast<std::size_t>(block)]; }

 private:
  std::size_t bucket(const BlockKey& key) const;
  std::int32_t by_key(const BlockKey& key) const;

  std::vector<std::int32_t> heads_;  // [power of two], first block of a bucket
  std::vector<std::int32_t> next_;   // [blocks]
  std::vector<bool> present_;        // [blocks]
  std::vector<BlockIdentity> identities_;
};

}  // namespace tollgate::local
