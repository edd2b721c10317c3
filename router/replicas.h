// ReplicaSet: which of several engines that serve one model gets a request. The one whose prefix cache most likely
// holds the longest part of the prompt, judged by where earlier prompts went, unless it is much busier than the least
// busy one. The rule and its numbers are those of SGLang's cache-aware balancer (docs/clusters.md).
// Thread rule: safe on any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/schema.h"

namespace tollgate::router {

inline constexpr std::size_t kPromptChunkBytes = 512;
inline constexpr std::size_t kMaxPromptChunks = 256;

// What the beginning of a prompt is known by: one number for each part of kPromptChunkBytes, made of that part and all
// before it; at most kMaxPromptChunks. `parts`: the texts that make up the prompt, in the order in which engines read
// them; what is left of one counts for the chunks of the next. Equal numbers for different texts cost a cache hit,
// nothing else.
std::vector<std::uint64_t> prompt_chunks(std::span<const std::string_view> parts);

class ReplicaSet {
 public:
  // At most `max_chunks` chunks are remembered, the latest ones.
  explicit ReplicaSet(std::size_t replicas, std::size_t max_chunks = 65'536);

  struct Choice {
    std::vector<std::size_t> order;  // of replicas, the chosen one first, then by load
    std::size_t held_chunks = 0;     // of the prompt, that the chosen one should have
    bool by_prefix = false;
  };
  // `load`: requests that run or wait at each replica; below 0 = not known to answer, taken last. The first one is
  // noted as holding the prompt from now on.
  Choice choose(std::span<const std::uint64_t> chunks, std::span<const std::int64_t> load);
  // The replica lost its cache.
  void forget(std::size_t replica);
  std::size_t remembered() const;

 private:
  struct Chunk {
    std::uint64_t holders = 0;  // one bit for each replica
    std::list<std::uint64_t>::iterator age;
  };
  std::size_t held(std::span<const std::uint64_t> chunks, std::size_t replica) const;
  void note(std::span<const std::uint64_t> chunks, std::size_t replica);

  const std::size_t replicas_, max_chunks_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::uint64_t, Chunk> chunks_;
  std::list<std::uint64_t> by_age_;  // the latest one first
  std::size_t turn_ = 0;             // spreads what no replica holds over equally busy ones
};

}  // namespace tollgate::router
