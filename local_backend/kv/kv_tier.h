// Places behind the block pool: prefix blocks that were evicted or finished go to host memory and to a remote store,
// and come back when fetching is faster than computing again. A value that is not exactly what was asked for is a miss.
// Value format: docs/formats/kv_blocks.md. Thread rule: said per class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::local {

// Identity of a full block: SHA-256 chain over model fingerprint, salt and all tokens up to its end, first 16 bytes.
using BlockKey = std::array<std::byte, 16>;

// The remote store in its own terms; the gateway plugs Redis in. Thread rule: called by the tier's own thread only.
class BlockStore {
 public:
  virtual ~BlockStore() = default;
  // nullopt on a miss and on any trouble; never throws; bounded by its own deadlines.
  virtual std::optional<std::vector<std::byte>> get(const BlockKey& key) = 0;
  virtual bool put(const BlockKey& key, std::span<const std::byte> value) = 0;
};

// One value: magic, version, key, fingerprint, CRC32C, length, block bytes.
std::vector<std::byte> encode_block(const BlockKey& key, std::string_view fingerprint,
                                    std::span<const std::byte> block);
// The block's bytes inside `value`, or nullopt for anything else than exactly that block.
std::optional<std::span<const std::byte>> decode_block(std::span<const std::byte> value, const BlockKey& key,
                                                       std::string_view fingerprint);

// Blocks in host memory, least recently used out first. Thread rule: one owner.
class HostTier {
 public:
  HostTier(std::size_t max_bytes, std::size_t block_bytes);
  ~HostTier();
  // The block's bytes; a view until the next put(). Counts as use.
  std::optional<std::span<const std::byte>> get(const BlockKey& key);
  void put(const BlockKey& key, std::span<const std::byte> block);
  std::size_t size() const;      // blocks
  std::size_t capacity() const;  // blocks

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local
