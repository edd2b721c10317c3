#include "local_backend/kv/tier_policy.h"

#include <algorithm>

namespace tollgate::local {

TierPolicy::TierPolicy(const TierPolicyOptions& options) : options_(options) {}

void TierPolicy::Rate::add(double weight, double new_amount, double new_us) {
  new_us = std::max(new_us, 1.0);  // finer than the clock is nothing to divide by
  const double share = us > 0 ? weight : 1;
  amount += share * (new_amount - amount);
  us += share * (new_us - us);
}

void TierPolicy::fetched(std::size_t bytes, std::int64_t us) {
  fetch_.add(options_.weight, static_cast<double>(bytes), static_cast<double>(us));
  hits_ += options_.weight * (1 - hits_);
}

void TierPolicy::missed(std::int64_t us) {
  miss_us_ += (miss_us_ > 0 ? options_.weight : 1) * (static_cast<double>(us) - miss_us_);
  hits_ -= options_.weight * hits_;
}

void TierPolicy::computed(std::size_t tokens, std::int64_t us) {
  compute_.add(options_.weight, static_cast<double>(tokens), static_cast<double>(us));
}

bool TierPolicy::should_fetch(std::size_t tokens, std::size_t bytes) {
  const double hits = std::max(hits_, options_.least_hits);
  const double cost = hits * options_.margin * fetch_.us_for(bytes) + (1 - hits) * miss_us_;
  if (compute_.us == 0 || cost < hits * compute_.us_for(tokens) || refused_ >= options_.probe) {
    refused_ = 0;
    return true;
  }
  ++refused_;
  return false;
}

}  // namespace tollgate::local
