#include "local_backend/kv/block_tiers.h"

#include <algorithm>

namespace tollgate::local {
namespace {

constexpr std::size_t kMostAsked = 64;   // blocks on their way
constexpr std::size_t kMostWaits = 256;  // sequences; beyond it, decisions of the past are dropped

}  // namespace

BlockTiers::BlockTiers(Backend& backend, BlockStore* reading, BlockStore* writing, const BlockTiersOptions& options)
    : backend_(backend),
      options_(options),
      block_(backend.info().block_bytes),
      host_(options.host_bytes, block_.size()),
      policy_(options.policy),
      places_(backend.info().blocks) {
  const std::string& fingerprint = backend.info().fingerprint;
  if (reading)
    reader_ = std::make_unique<TierReader>(*reading, fingerprint, block_.size(), kMostAsked, options.on_fetched);
  if (writing) writer_ = std::make_unique<TierWriter>(*writing, fingerprint, options.writer);
}

void BlockTiers::mark(std::int32_t block, const BlockKey& key, Saved saved) {
  Place& place = places_[static_cast<std::size_t>(block)];
  if (place.saved == Saved::wanted) --unsaved_;
  if (saved == Saved::wanted) ++unsaved_;
  place = {key, saved};
}

void BlockTiers::on_publish(const BlockKey& key, std::int32_t block) {
  const Place& place = places_[static_cast<std::size_t>(block)];
  const bool came_from_there = place.saved == Saved::offered && place.key == key;
  if (writer_ && !came_from_there) mark(block, key, Saved::wanted);
}

void BlockTiers::on_evict(const BlockKey& key, std::int32_t block) {
  const Place place = places_[static_cast<std::size_t>(block)];
  const bool offered = place.saved == Saved::offered && place.key == key;
  mark(block, {}, Saved::unknown);
  if (host_.get(key)) return;  // the same bytes already: a key stands for its tokens
  if (offered && host_.capacity() == 0) return;
  if (!backend_.read_block(block, block_)) return;
  host_.put(key, block_);
  if (writer_ && !offered) writer_->offer(key, block_);
}

std::size_t BlockTiers::save(std::size_t most) {
  std::size_t saved = 0;
  for (std::size_t looked = 0; unsaved_ > 0 && saved < most && looked < places_.size(); ++looked) {
    const std::size_t at = cursor_;
    if (places_[at].saved == Saved::wanted) {
      if (!writer_->has_room(block_.size())) return saved;
      if (!backend_.read_block(static_cast<std::int32_t>(at), block_)) return saved;
      writer_->offer(places_[at].key, block_);
      mark(static_cast<std::int32_t>(at), places_[at].key, Saved::offered);
      ++saved;
    }
    cursor_ = (at + 1) % places_.size();
  }
  return saved;
}

void BlockTiers::save_all(Clock::time_point until) {
  while (writer_ && Clock::now() < until) {
    while (save(1) > 0 && Clock::now() < until) continue;
    if (!writer_->drain(until) || unsaved_ == 0) return;
  }
}

BlockTiersStats BlockTiers::stats() const {
  return {.host_blocks = host_.size(),
          .unsaved = unsaved_,
          .fetched = fetched_,
          .missed = missed_,
          .writer = writer_ ? writer_->stats() : TierWriterStats{},
          .fetch_bytes_per_second = policy_.fetch_bytes_per_second(),
          .compute_tokens_per_second = policy_.compute_tokens_per_second()};
}

BlockTier::Answer BlockTiers::ask(std::uint64_t id, std::span<const BlockKey> keys) {
  // What is fetched waits in host memory for the rest: more than that holds would push its own beginning out.
  keys = keys.first(std::min(keys.size(), host_.capacity()));
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
  if (!bytes || !backend_.write_block(block, *bytes)) return false;
  mark(block, key, Saved::offered);
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
    ++missed_;
    return Collected::missing;
  }
  policy_.fetched(block_.size(), fetched.us);
  ++fetched_;
  host_.put(key, block_);
  return Collected::found;
}

void BlockTiers::forget_old_waits() {
  const Clock::time_point now = Clock::now();
  std::erase_if(waits_, [&](const auto& one) { return one.second.until + options_.patience < now; });
  if (waits_.size() >= kMostWaits) waits_.clear();  // deciding once more does no harm
}

}  // namespace tollgate::local
