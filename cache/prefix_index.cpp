#include "cache/prefix_index.h"

namespace tollgate::cache {

void PrefixIndex::stored(const PrefixKey& key, const PrefixKey& parent) {
  const std::lock_guard lock(mutex_);
  if (parents_.size() < max_blocks_ || parents_.contains(key)) {
    parents_.insert_or_assign(key, parent);
  } else {
    ++ignored_;
  }
}

void PrefixIndex::removed(const PrefixKey& key) {
  const std::lock_guard lock(mutex_);
  parents_.erase(key);
}

std::size_t PrefixIndex::held(const PrefixKey& root, std::span<const PrefixKey> keys) const {
  const std::lock_guard lock(mutex_);
  const PrefixKey* before = &root;
  std::size_t count = 0;
  for (const PrefixKey& key : keys) {
    const auto found = parents_.find(key);
    if (found == parents_.end() || found->second != *before) break;
    before = &key;
    ++count;
  }
  return count;
}

std::size_t PrefixIndex::size() const {
  const std::lock_guard lock(mutex_);
  return parents_.size();
}

std::uint64_t PrefixIndex::ignored() const {
  const std::lock_guard lock(mutex_);
  return ignored_;
}

}  // namespace tollgate::cache
