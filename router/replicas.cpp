#include "router/replicas.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace tollgate::router {
namespace {

constexpr double kEnoughOfPrompt = 0.3;  // share that must be held for the prefix to decide
constexpr std::int64_t kLoadGap = 64;    // requests; both must be exceeded for load to decide
constexpr double kLoadRatio = 1.5;
constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: spreads neighbouring sums

std::uint64_t chained(std::uint64_t before, std::string_view text) {
  const std::uint64_t sum = (before ^ std::hash<std::string_view>()(text)) * kMultiplier;
  return sum ^ sum >> 29;
}

}  // namespace

std::vector<std::uint64_t> prompt_chunks(std::span<const std::string_view> parts) {
  std::vector<std::uint64_t> chunks;
  std::uint64_t chain = 0;
  for (std::string_view text : parts) {
    for (; text.size() >= kPromptChunkBytes && chunks.size() < kMaxPromptChunks;
         text.remove_prefix(kPromptChunkBytes)) {
      chain = chained(chain, text.substr(0, kPromptChunkBytes));
      chunks.push_back(chain);
    }
    if (!text.empty()) chain = chained(chain, text);
  }
  return chunks;
}

ReplicaSet::ReplicaSet(std::size_t replicas, std::size_t max_chunks)
    : replicas_(std::min<std::size_t>(replicas, config::kMaxReplicas)),
      max_chunks_(std::max<std::size_t>(max_chunks, 1)) {}

ReplicaSet::Choice ReplicaSet::choose(std::span<const std::uint64_t> chunks, std::span<const std::int64_t> load) {
  Choice choice;
  choice.order.resize(std::min(replicas_, load.size()));
  std::iota(choice.order.begin(), choice.order.end(), std::size_t{0});
  if (choice.order.empty()) return choice;
  const std::scoped_lock lock(mutex_);
  const std::size_t count = choice.order.size(), turn = turn_++;
  const auto weight = [&](std::size_t replica) { return load[replica] < 0 ? INT64_MAX : load[replica]; };
  const auto place = [&](std::size_t replica) { return (replica + turn) % count; };
  std::sort(choice.order.begin(), choice.order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(weight(a), place(a)) < std::pair(weight(b), place(b));
  });
  const std::int64_t least = weight(choice.order.front());
  std::size_t best = choice.order.front(), most = 0;
  for (const std::size_t replica : choice.order) {
    if (weight(replica) == INT64_MAX) continue;
    const std::size_t here = held(chunks, replica);
    if (here > most) best = replica, most = here;
  }
  const bool enough = most > 0 && static_cast<double>(most) >= kEnoughOfPrompt * static_cast<double>(chunks.size());
  const bool too_busy = enough && weight(best) - least > kLoadGap &&
                        static_cast<double>(weight(best)) > kLoadRatio * static_cast<double>(least);
  if (enough && !too_busy) {
    choice.by_prefix = true;
    const auto at = std::find(choice.order.begin(), choice.order.end(), best);
    std::rotate(choice.order.begin(), at, at + 1);
  }
  choice.held_chunks = held(chunks, choice.order.front());
  note(chunks, choice.order.front());
  return choice;
}

std::size_t ReplicaSet::held(std::span<const std::uint64_t> chunks, std::size_t replica) const {
  std::size_t count = 0;
  for (const std::uint64_t chunk : chunks) {
    const auto found = chunks_.find(chunk);
    if (found == chunks_.end() || (found->second.holders >> replica & 1) == 0) break;
    ++count;
  }
  return count;
}

// The prompt's first chunks become the latest ones, so that what many prompts begin with is forgotten last.
void ReplicaSet::note(std::span<const std::uint64_t> chunks, std::size_t replica) {
  for (std::size_t i = std::min(chunks.size(), max_chunks_); i-- > 0;) {
    const auto [found, fresh] = chunks_.try_emplace(chunks[i]);
    Chunk& chunk = found->second;
    if (fresh) {
      by_age_.push_front(chunks[i]);
      chunk.age = by_age_.begin();
    } else {
      by_age_.splice(by_age_.begin(), by_age_, chunk.age);
    }
    chunk.holders |= std::uint64_t{1} << replica;
  }
  for (; chunks_.size() > max_chunks_; by_age_.pop_back()) chunks_.erase(by_age_.back());
}

void ReplicaSet::forget(std::size_t replica) {
  const std::scoped_lock lock(mutex_);
  for (auto& [name, chunk] : chunks_) chunk.holders &= ~(std::uint64_t{1} << replica);
}

std::size_t ReplicaSet::remembered() const {
  const std::scoped_lock lock(mutex_);
  return chunks_.size();
}

}  // namespace tollgate::router
