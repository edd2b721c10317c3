// From rows to money: which row prices which bucket, and the exact sum. Inside of PriceBook. Owner: billing, price
// half. Thread rule: values of one price() call; the rows they point to are immutable.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "billing/price_rows.h"

namespace tollgate::billing {

using Rows = std::vector<CompiledRow>;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

inline constexpr Bucket kNoBucket = Bucket::count_;

// The rows that apply now, most specific first: those of the target, then the vendor's wider ones ("openai/*"), which
// lend per-call fees and multipliers only.
struct Candidates {
  // Of a vendor and of the one it is `same_as`.
  std::array<const CompiledRow*, 4 * kMaxRowsPerTarget> rows;
  std::size_t own = 0, count = 0;

  Candidates() = default;
  // Only the part in use is worth copying.
  Candidates(const Candidates& other) : own(other.own), count(other.count) {
    std::copy_n(other.rows.begin(), count, rows.begin());
  }
  Candidates& operator=(const Candidates&) = delete;

  void add(const Rows& from, const Situation& now);
  const CompiledRow* naming(Bucket b) const;
  const CompiledRow* multiplying(std::string_view kind, std::string_view name) const;
  // A row of fees alone does not make a model known.
  bool known() const;
};

// Adds up one usage at one target. `monies` are the rows of kCurrencies by name.
class Sum {
 public:
  Sum(const Candidates& from, const Situation& now, std::string_view speed, const TextMap<Rows>* monies);

  // The whole usage; false when a rate is not known, and `missing` says which. At list price every input token costs
  // what its kind costs without a cache.
  bool add_all(const Usage& usage, bool list_price);
  Money total() const { return multiplied_ + Rate::per_million(millions_).times(1); }
  // The rows that took part, in order of use.
  std::span<const CompiledRow* const> used() const { return {used_.data(), used_count_}; }

  std::string_view missing;  // a bucket, or a currency without a worth
  bool stood_in = false;     // a tier or batch without a price was taken at the standard one

 private:
  static constexpr std::size_t kMaxFactors = 5;
  struct Factors {
    std::array<Factor, kMaxFactors> list;
    int count = 0;
    void add(const Factor& factor) { list[static_cast<std::size_t>(count++)] = factor; }
  };

  bool add(Bucket bucket, Bucket priced_as, std::int64_t units);
  void use(const CompiledRow* row);
  void collect(const CompiledRow& row, Rate rate, Factors& factors);
  bool exchange(const CompiledRow& row, Factors& factors);

  const Candidates& from_;
  const Situation& now_;
  std::string_view speed_;
  const TextMap<Rows>* monies_;
  bool plain_;
  Money millions_, multiplied_;
  // A row per bucket and per factor at most; more cannot take part.
  std::array<const CompiledRow*, kBuckets * (1 + kMaxFactors)> used_;
  std::size_t used_count_ = 0;
};

}  // namespace tollgate::billing
