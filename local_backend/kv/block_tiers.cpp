#include "local_backend/kv/block_tiers.h"

#include <algorithm>

namespace tollgate::local {
namespace {

constexpr std::size_t kMostWaits = 256;  // sequences; beyond it, decisions of the past are dropped

}  // namespace

BlockTiers::BlockTiers(Backend& backend, BlockStore* reading, BlockStore* writing, const BlockTiersOptions& options)
    : backend_(backend),
      options_(options),
      block_(backend.info().block_bytes),
      host_(options.host_bytes, block_.size()),
      policy_(options.policy) {
  const std::string& fingerprint = backend.info().fingerprint;
  if (reading) reader_ = std::make_unique<TierReader>(*reading, fingerprint, block_.size());
  if (writing) writer_ = std::make_unique<TierWriter>(*writing, fingerprint, options.writer);
}

void BlockTiers::on_evict(const BlockKey& key, std::int32_t block) {
  if (host_.get(key)) return;  // the same bytes already: a key stands for its tokens
  backend_.read_block(block, block_);
  host_.put(key, block_);
  if (writer_) writer_->offer(key, block_);
}

BlockTier::Answer BlockTiers::ask(std::uint64_t id, std::span<const BlockKey> keys) {
  std::size_t ready = in_host(keys);
  if (!reader_ || ready == keys.size()) return {ready, false};
  const auto known = waits_.find(id);
  if (known == waits_.end()) return {ready, begin(id, keys.subspan(ready))};
  Wait& wait = known->second;
  while (!wait.over && ready < keys.size()) {
    switch (collect(keys[ready])) {
      case Collected::found:
        ++ready;
        ready += in_host(keys.subspan(ready));
        break;
      case Collected::coming:
        return {ready, true};
      case Collected::unasked:
        if (request(keys.subspan(ready), wait.until) > 0) return {ready, true};
        [[fallthrough]];
      case Collected::missing:
        wait.over = true;
    }
  }
  return {ready, false};
}

bool BlockTiers::load(const BlockKey& key, std::int32_t block) {
  const auto bytes = host_.get(key);
  if (!bytes) return false;
  backend_.write_block(block, *bytes);
  return true;
}

// How many of `keys`, from the first on, are in host memory.
std::size_t BlockTiers::in_host(std::span<const BlockKey> keys) {
  return static_cast<std::size_t>(
      std::find_if(keys.begin(), keys.end(), [this](const BlockKey& key) { return !host_.get(key).has_value(); }) -
      keys.begin());
}

// Decides for a sequence that is new here; true if it is to wait for the store.
bool BlockTiers::begin(std::uint64_t id, std::span<const BlockKey> missing) {
  if (waits_.size() >= kMostWaits) forget_old_waits();
  const bool worth = policy_.should_fetch(missing.size() * kBlockTokens, missing.size() * block_.size());
  const Clock::time_point until = Clock::now() + options_.patience;
  const bool waits = worth && request(missing, until) > 0;
  waits_.insert_or_assign(id, Wait{until, !waits});
  return waits;
}

// Asks the store for the next blocks; how many are on their way.
std::size_t BlockTiers::request(std::span<const BlockKey> missing, Clock::time_point until) {
  if (Clock::now() >= until) return 0;
  std::size_t asked = 0;
  while (asked < std::min(missing.size(), options_.ahead) && reader_->ask(missing[asked], until)) ++asked;
  return asked;
}

// Looks for a block that was asked for; found: it is in host memory now.
BlockTiers::Collected BlockTiers::collect(const BlockKey& key) {
  const Fetched fetched = reader_->poll(key, block_);
  if (fetched.state == FetchState::waiting) return Collected::coming;
  if (!fetched.asked) return Collected::unasked;
  if (fetched.state == FetchState::missing) {
    policy_.missed(fetched.us);
    return Collected::missing;
  }
  policy_.fetched(block_.size(), fetched.us);
  host_.put(key, block_);
  return Collected::found;
}

void BlockTiers::forget_old_waits() {
  const Clock::time_point now = Clock::now();
  std::erase_if(waits_, [&](const auto& one) { return one.second.until + options_.patience < now; });
  if (waits_.size() >= kMostWaits) waits_.clear();  // deciding once more does no harm
}

}  // namespace tollgate::local
