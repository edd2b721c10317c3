#include "local_backend/scheduler/block_pool.h"

#include <cassert>

namespace tollgate::local {

BlockPool::BlockPool(std::size_t blocks, const BlockHooks& hooks)
    : hooks_(hooks), index_(blocks), links_(blocks + 1), free_(blocks) {
  const auto count = static_cast<std::int32_t>(blocks);
  for (std::int32_t i = 0; i <= count; ++i) {
    link(i).before = i == 0 ? count : i - 1;
    link(i).after = i == count ? 0 : i + 1;
  }
}

void BlockPool::unlink(std::int32_t block) {
  link(link(block).before).after = link(block).after;
  link(link(block).after).before = link(block).before;
  --free_;
  if (index_.contains(block)) --cached_;
}

void BlockPool::link_before(std::int32_t block, std::int32_t place) {
  link(block).after = place;
  link(block).before = link(place).before;
  link(link(block).before).after = block;
  link(place).before = block;
  ++free_;
  if (index_.contains(block)) ++cached_;
}

std::int32_t BlockPool::take() {
  const auto ring = static_cast<std::int32_t>(size());
  const std::int32_t block = link(ring).after;
  if (block == ring) return kNoBlock;
  unlink(block);
  if (index_.contains(block)) {
    const BlockKey key = index_.identity(block).key;
    if (hooks_.tier) hooks_.tier->on_evict(key, block);
    index_.erase(block);
    if (hooks_.listener) hooks_.listener->on_removed(key);
  }
  link(block).holders = 1;
  return block;
}

void BlockPool::hold(std::int32_t block) {
  if (link(block).holders++ == 0) unlink(block);
}

void BlockPool::drop(std::int32_t block) {
  assert(link(block).holders > 0);
  if (--link(block).holders > 0) return;
  const auto ring = static_cast<std::int32_t>(size());
  link_before(block, index_.contains(block) ? ring : link(ring).after);
}

std::int32_t BlockPool::publish(std::int32_t block, const BlockIdentity& identity) {
  assert(holders(block) > 0);
  const std::int32_t same = index_.find(identity.key, identity.parent_key, identity.parent, identity.tokens);
  if (same == block) return block;
  if (same != kNoBlock) {
    hold(same);
    drop(block);
    return same;
  }
  if (index_.has_key(identity.key)) return kNoBlock;
  index_.insert(block, identity);
  if (hooks_.listener) hooks_.listener->on_stored(identity.key, identity.parent_key, identity.tokens);
  if (hooks_.tier) hooks_.tier->on_publish(identity.key, block);
  return block;
}

std::string BlockPool::check() const {
  const auto ring = static_cast<std::int32_t>(size());
  std::vector<bool> listed(size());
  std::size_t listed_count = 0, cached = 0, unheld = 0;
  std::int32_t before = ring;
  for (std::int32_t at = links_[size()].after; at != ring; at = links_[static_cast<std::size_t>(at)].after) {
    const Link& one = links_[static_cast<std::size_t>(at)];
    if (listed[static_cast<std::size_t>(at)]) return "block " + std::to_string(at) + " is listed twice";
    if (one.before != before) return "the list is torn at block " + std::to_string(at);
    if (one.holders != 0) return "free block " + std::to_string(at) + " has holders";
    // Children stand before their parents: they are written over first.
    if (index_.contains(at)) {
      const std::int32_t parent = index_.identity(at).parent;
      if (parent != kNoBlock && listed[static_cast<std::size_t>(parent)]) return "a parent goes before its child";
      ++cached;
    }
    listed[static_cast<std::size_t>(at)] = true;
    ++listed_count;
    before = at;
  }
  for (std::int32_t i = 0; i < ring; ++i) {
    unheld += holders(i) == 0;
    if (!index_.contains(i)) continue;
    const BlockIdentity& identity = index_.identity(i);
    if (identity.parent != kNoBlock && !index_.contains(identity.parent)) return "a findable block lost its parent";
    if (identity.parent != kNoBlock && index_.identity(identity.parent).key != identity.parent_key)
      return "a findable block has another parent now";
  }
  if (listed_count != free_ || unheld != free_) return "free blocks are miscounted";
  if (cached != cached_) return "cached blocks are miscounted";
  return {};
}

}  // namespace tollgate::local
