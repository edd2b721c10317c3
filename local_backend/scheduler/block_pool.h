// The KV blocks of a back end: who holds them, which are free, and in which order free ones are written over. Free
// blocks stay findable until then, so the list of free blocks is the cache's LRU list. Thread rule: engine thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "local_backend/scheduler/block_hooks.h"
#include "local_backend/scheduler/prefix_index.h"

namespace tollgate::local {

class BlockPool {
 public:
  BlockPool(std::size_t blocks, const BlockHooks& hooks);

  // A block to write, held once; kNoBlock when all are held. What it held before is no longer findable.
  std::int32_t take();
  // One more holder; of a free block the first.
  void hold(std::int32_t block);
  // One holder less. Free: a findable block goes to the end of the list (and is written over last), another to its
  // front. Of several blocks the deepest first, so that no block outlives the one before it.
  void drop(std::int32_t block);

  // Makes a full, held block findable. Where the same content is findable already: the holder's share moves to that
  // block and its id is returned. kNoBlock: the key belongs to other content, the block stays as it was.
  std::int32_t publish(std::int32_t block, const BlockIdentity& identity);
  const PrefixIndex& index() const { return index_; }

  std::size_t size() const { return links_.size() - 1; }
  std::size_t free() const { return free_; }      // findable ones among them
  std::size_t cached() const { return cached_; }  // free and findable
  std::int32_t holders(std::int32_t block) const { return links_[static_cast<std::size_t>(block)].holders; }
  // Empty when lists, counts and index agree; else what does not. For tests: linear in the pool's size.
  std::string check() const;

 private:
  struct Link {
    std::int32_t holders = 0;
    std::int32_t before = 0, after = 0;  // in the free list; a ring through the last element of links_
  };
  Link& link(std::int32_t block) { return links_[static_cast<std::size_t>(block)]; }
  void unlink(std::int32_t block);
  void link_before(std::int32_t block, std::int32_t place);

  BlockHooks hooks_;
  PrefixIndex index_;
  std::vector<Link> links_;  // [blocks + 1]
  std::size_t free_ = 0, cached_ = 0;
};

}  // namespace tollgate::local
