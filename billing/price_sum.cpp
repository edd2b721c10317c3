// Which row prices which bucket, and the sum. Order of choice and fall-backs: docs/formats/billing.md.
// Owner: billing, price half.
#include "billing/price_sum.h"

#include <algorithm>

#include "billing/usage_counts.h"

namespace tollgate::billing {
namespace {

// The bucket whose rate stands in when no row names one for `b`.
Bucket stand_in(Bucket b) {
  switch (b) {
    case Bucket::reasoning:
      return Bucket::output;
    case Bucket::cache_read:
    case Bucket::cache_write_5m:
    case Bucket::image_input:
    case Bucket::video_input:
    case Bucket::citation:
      return Bucket::input;
    case Bucket::audio_cache_read:
      return Bucket::audio_input;
    case Bucket::image_cache_read:
      return Bucket::cache_read;
    default:
      return kNoBucket;
  }
}

// What the list price takes for input of any kind: the rate of the same modality without cache.
Bucket uncached(Bucket b) {
  switch (b) {
    case Bucket::cache_read:
    case Bucket::cache_write_5m:
    case Bucket::cache_write_1h:
      return Bucket::input;
    case Bucket::audio_cache_read:
      return Bucket::audio_input;
    case Bucket::image_cache_read:
      return Bucket::image_input;
    default:
      return b;
  }
}

std::int64_t count_of(const Usage& usage, std::size_t b) {
  return std::clamp<std::int64_t>(usage.counts[b], 0, kMaxCount);
}

}  // namespace

void Candidates::add(const Rows& from, const Situation& now) {
  for (const CompiledRow& row : from) {
    if (count < rows.size() && matches(row, now)) rows[count++] = &row;
  }
}

const CompiledRow* Candidates::naming(Bucket b) const {
  const std::size_t end = is_call(b) ? count : own;
  for (std::size_t i = 0; i < end; ++i) {
    if (rows[i]->names(b)) return rows[i];
  }
  return nullptr;
}

const CompiledRow* Candidates::multiplying(std::string_view kind, std::string_view name) const {
  for (std::size_t i = 0; i < count; ++i) {
    if (rows[i]->multiplier(kind, name) != nullptr) return rows[i];
  }
  return nullptr;
}

bool Candidates::known() const {
  for (std::size_t i = 0; i < own; ++i) {
    if (rows[i]->names_units()) return true;
  }
  return false;
}

Sum::Sum(const Candidates& from, const Situation& now, std::string_view speed, const TextMap<Rows>* monies)
    : from_(from), now_(now), speed_(speed), monies_(monies) {
  plain_ = !now.batch && now.service_tier.empty() && now.region.empty() && speed.empty();
}

bool Sum::add_all(const Usage& usage, bool list_price) {
  for (std::size_t b = 0; b < kBuckets; ++b) {
    const std::int64_t units = count_of(usage, b);
    const Bucket bucket = static_cast<Bucket>(b);
    if (units > 0 && !add(bucket, list_price ? uncached(bucket) : bucket, units)) return false;
  }
  return true;
}

bool Sum::add(Bucket bucket, Bucket priced_as, std::int64_t units) {
  const CompiledRow* row = from_.naming(priced_as);
  while (row == nullptr && stand_in(priced_as) != kNoBucket) {
    priced_as = stand_in(priced_as);
    row = from_.naming(priced_as);
  }
  if (row == nullptr) {
    missing = bucket_name(bucket);
    return false;
  }
  use(row);
  const Rate rate = row->rates[static_cast<std::size_t>(priced_as)];
  Factors factors;
  if (!plain_ && is_token(priced_as)) collect(*row, rate, factors);
  if (!row->currency.empty() && !exchange(*row, factors)) {
    missing = row->currency;
    return false;
  }
  if (factors.count > 0) {
    multiplied_ += rate.times(units, factors.list.data(), factors.count);
  } else {
    // Kept a million times too large, so that the one division (and rounding) comes at the end.
    millions_ += Money::from_femto(rate.per_million().femto() * units);
  }
  return true;
}

void Sum::use(const CompiledRow* row) {
  const auto end = used_.begin() + static_cast<std::ptrdiff_t>(used_count_);
  if (used_count_ < used_.size() && std::find(used_.begin(), end, row) == end) used_[used_count_++] = row;
}

// Factors for the conditions that the rate's own row does not state already.
void Sum::collect(const CompiledRow& row, Rate rate, Factors& factors) {
  const auto apply = [&](std::string_view kind, std::string_view name) {
    const CompiledRow* lender = from_.multiplying(kind, name);
    if (lender == nullptr) return false;
    factors.add(*lender->multiplier(kind, name));
    use(lender);
    return true;
  };
  if (now_.batch && !row.batch && !apply("batch", "") && !rate.is_zero()) stood_in = true;
  if (row.service_tier != now_.service_tier && !apply("tier:", now_.service_tier) && !rate.is_zero()) stood_in = true;
  if (!now_.region.empty() && row.region != now_.region) apply("geo:", now_.region);
  if (!speed_.empty()) apply("speed:", speed_);
}

// The worth of the row's money at the time of the request, for fees too.
bool Sum::exchange(const CompiledRow& row, Factors& factors) {
  const auto found = monies_->find(row.currency);
  if (found == monies_->end()) return false;
  for (const CompiledRow& worth : found->second) {
    const Factor* usd = worth.multiplier("usd", "");
    if (usd == nullptr || !matches(worth, {.at_us = now_.at_us})) continue;
    factors.add(*usd);
    use(&worth);
    return true;
  }
  return false;
}

}  // namespace tollgate::billing
