// Slots of equal size in one piece of memory, in a list from the most to the least recently used. Thread rule: one
// owner.
#include <cstring>
#include <new>
#include <unordered_map>

#include "local_backend/kv/kv_tier.h"

namespace tollgate::local {
namespace {

using Slot = std::uint32_t;
constexpr Slot kNone = ~Slot{0};

// Keys are parts of a SHA-256: any eight bytes of them are a hash.
struct KeyHash {
  std::size_t operator()(const BlockKey& key) const {
    std::uint64_t hash;
    std::memcpy(&hash, key.data(), sizeof hash);
    return static_cast<std::size_t>(hash);
  }
};

struct Entry {
  BlockKey key{};
  Slot newer = kNone, older = kNone;
};

}  // namespace

struct HostTier::Impl {
  std::size_t block_bytes = 0, slots = 0;
  std::unique_ptr<std::byte[]> memory;  // pages are taken by the system when first written
  std::vector<Entry> entries;           // [used slots]
  std::unordered_map<BlockKey, Slot, KeyHash> places;
  Slot newest = kNone, oldest = kNone;

  void unlink(Slot slot) {
    Entry& entry = entries[slot];
    (entry.newer == kNone ? newest : entries[entry.newer].older) = entry.older;
    (entry.older == kNone ? oldest : entries[entry.older].newer) = entry.newer;
  }

  void link_newest(Slot slot) {
    entries[slot].newer = kNone;
    entries[slot].older = newest;
    (newest == kNone ? oldest : entries[newest].newer) = slot;
    newest = slot;
  }

  // A slot that is in no list: a fresh one, or the oldest with its block forgotten. REQUIRES: slots > 0.
  Slot take() {
    if (entries.size() < slots) {
      entries.emplace_back();
      return static_cast<Slot>(entries.size() - 1);
    }
    const Slot slot = oldest;
    unlink(slot);
    places.erase(entries[slot].key);
    return slot;
  }
};

HostTier::HostTier(std::size_t max_bytes, std::size_t block_bytes) : impl_(std::make_unique<Impl>()) {
  if (block_bytes == 0 || max_bytes < block_bytes) return;
  const std::size_t slots = std::min<std::size_t>(max_bytes / block_bytes, kNone - 1);
  impl_->memory.reset(new (std::nothrow) std::byte[slots * block_bytes]);
  if (!impl_->memory) return;  // more than the machine has: a tier that holds nothing
  impl_->block_bytes = block_bytes;
  impl_->slots = slots;
}

HostTier::~HostTier() = default;

std::optional<std::span<const std::byte>> HostTier::get(const BlockKey& key) {
  const auto place = impl_->places.find(key);
  if (place == impl_->places.end()) return std::nullopt;
  impl_->unlink(place->second);
  impl_->link_newest(place->second);
  return std::span<const std::byte>(&impl_->memory[place->second * impl_->block_bytes], impl_->block_bytes);
}

void HostTier::put(const BlockKey& key, std::span<const std::byte> block) {
  if (impl_->slots == 0 || block.size() != impl_->block_bytes) return;
  const auto place = impl_->places.find(key);
  Slot slot = 0;
  if (place != impl_->places.end()) {
    slot = place->second;
    impl_->unlink(slot);
  } else {
    slot = impl_->take();
    impl_->entries[slot].key = key;
    impl_->places.emplace(key, slot);
  }
  impl_->link_newest(slot);
  std::memcpy(&impl_->memory[slot * impl_->block_bytes], block.data(), block.size());
}

std::size_t HostTier::size() const { return impl_->places.size(); }
std::size_t HostTier::capacity() const { return impl_->slots; }

}  // namespace tollgate::local
