// Fetch a prefix from a store, or compute it again? Decided by what both took lately. Host arithmetic only, no clock.
// Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tollgate::local {

struct TierPolicyOptions {
  double weight = 0.2;       // of the newest measurement in the running means
  double margin = 1.5;       // how many times faster fetching must be
  double least_hits = 0.02;  // the share of hits is never taken for less, or an empty store would stay unasked
  std::uint32_t probe = 64;  // after so many refusals in a row one fetch is made all the same, to measure again
};

class TierPolicy {
 public:
  explicit TierPolicy(const TierPolicyOptions& options = {});

  // A block of `bytes` came after `us`; nothing came (a miss, trouble, too late) after `us`.
  void fetched(std::size_t bytes, std::int64_t us);
  void missed(std::int64_t us);
  // A step's prefill of `tokens` took `us`.
  void computed(std::size_t tokens, std::int64_t us);

  // Whether to ask for blocks of `bytes` that stand for `tokens`. With h the share of hits it pays when
  // h * margin * fetch time + (1 - h) * miss time < h * computing time. What is not known yet counts in favour of
  // asking.
  bool should_fetch(std::size_t tokens, std::size_t bytes);

  // Running means; 0 while nothing was measured.
  double fetch_bytes_per_second() const { return fetch_.per_second(); }
  double compute_tokens_per_second() const { return compute_.per_second(); }
  double hit_share() const { return hits_; }

 private:
  // A rate as the quotient of two running means, so that long measurements count more than short ones.
  struct Rate {
    double amount = 0, us = 0;
    void add(double weight, double new_amount, double new_us);
    double per_second() const { return us > 0 ? amount / us * 1e6 : 0; }
    double us_for(std::size_t wanted) const { return amount > 0 ? static_cast<double>(wanted) * us / amount : 0; }
  };

  TierPolicyOptions options_;
  Rate fetch_, compute_;
  double hits_ = 1, miss_us_ = 0;
  std::uint32_t refused_ = 0;  // in a row
};

}  // namespace tollgate::local
