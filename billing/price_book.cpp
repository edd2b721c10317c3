// PriceBook: look-up and the sum. Order of choice and fall-backs: docs/formats/billing.md. Owner: billing, price half.
#include "billing/price_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "billing/price_rows.h"
#include "billing/usage_counts.h"

namespace tollgate::billing {
namespace {

using Rows = std::vector<CompiledRow>;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

struct ProviderPrices {
  TextMap<Rows> exact;
  std::vector<std::pair<std::string, Rows>> prefixes;  // longest first
};

constexpr Bucket kNoBucket = Bucket::count_;

// The bucket whose rate stands in when no row names one for `b`.
Bucket stand_in(Bucket b) {
  switch (b) {
    case Bucket::reasoning:
      return Bucket::output;
    case Bucket::cache_read:
    case Bucket::cache_write_5m:
    case Bucket::image_input:
      return Bucket::input;
    case Bucket::audio_cache_read:
      return Bucket::audio_input;
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
    default:
      return b;
  }
}

// The rows that apply now, most specific first: those of the target, then the vendor's wider ones ("openai/*"), which
// lend per-call fees and multipliers only.
struct Candidates {
  std::array<const CompiledRow*, 2 * kMaxRowsPerTarget> rows;
  std::size_t own = 0, count = 0;

  Candidates() = default;
  // Only the part in use is worth copying.
  Candidates(const Candidates& other) : own(other.own), count(other.count) {
    std::copy_n(other.rows.begin(), count, rows.begin());
  }
  Candidates& operator=(const Candidates&) = delete;

  void add(const Rows& from, const Situation& now) {
    for (const CompiledRow& row : from) {
      if (count < rows.size() && matches(row, now)) rows[count++] = &row;
    }
  }
  const CompiledRow* naming(Bucket b) const {
    const std::size_t end = is_call(b) ? count : own;
    for (std::size_t i = 0; i < end; ++i) {
      if (rows[i]->names(b)) return rows[i];
    }
    return nullptr;
  }
  const CompiledRow* multiplying(std::string_view kind, std::string_view name) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (rows[i]->multiplier(kind, name) != nullptr) return rows[i];
    }
    return nullptr;
  }
  // A row of fees alone does not make a model known.
  bool known() const {
    for (std::size_t i = 0; i < own; ++i) {
      if (rows[i]->names_units()) return true;
    }
    return false;
  }
};

// Adds up one usage at one target.
class Sum {
 public:
  Sum(const Candidates& from, const Situation& now, std::string_view speed) : from_(from), now_(now), speed_(speed) {
    plain_ = !now.batch && now.service_tier.empty() && now.region.empty() && speed.empty();
  }

  // False when no rate is known; `missing` then names the bucket.
  bool add(Bucket bucket, Bucket priced_as, std::int64_t units) {
    const CompiledRow* row = from_.naming(priced_as);
    if (row == nullptr && stand_in(priced_as) != kNoBucket) {
      priced_as = stand_in(priced_as);
      row = from_.naming(priced_as);
    }
    if (row == nullptr) {
      missing = bucket;
      return false;
    }
    use(row);
    const Rate rate = row->rates[static_cast<std::size_t>(priced_as)];
    std::array<Factor, 4> factors;
    const int count = plain_ || !is_token(priced_as) ? 0 : collect(*row, rate, factors);
    if (count > 0) {
      multiplied_ += rate.times(units, factors.data(), count);
    } else {
      // Kept a million times too large, so that the one division (and rounding) comes at the end.
      millions_ += Money::from_femto(rate.per_million().femto() * units);
    }
    return true;
  }
  Money total() const { return multiplied_ + Rate::per_million(millions_).times(1); }
  // The rows that took part, in order of use.
  std::span<const CompiledRow* const> used() const { return {used_.data(), used_count_}; }

  Bucket missing = kNoBucket;
  bool stood_in = false;  // a tier or batch without a price was taken at the standard one

 private:
  void use(const CompiledRow* row) {
    const auto end = used_.begin() + static_cast<std::ptrdiff_t>(used_count_);
    if (used_count_ < used_.size() && std::find(used_.begin(), end, row) == end) used_[used_count_++] = row;
  }
  // Factors for the conditions that the rate's own row does not state already.
  int collect(const CompiledRow& row, Rate rate, std::array<Factor, 4>& factors) {
    int count = 0;
    const auto apply = [&](std::string_view kind, std::string_view name) {
      const CompiledRow* lender = from_.multiplying(kind, name);
      if (lender == nullptr) return false;
      factors[static_cast<std::size_t>(count++)] = *lender->multiplier(kind, name);
      use(lender);
      return true;
    };
    if (now_.batch && !row.batch && !apply("batch", "") && !rate.is_zero()) stood_in = true;
    if (row.service_tier != now_.service_tier && !apply("tier:", now_.service_tier) && !rate.is_zero()) stood_in = true;
    if (!now_.region.empty() && row.region != now_.region) apply("geo:", now_.region);
    if (!speed_.empty()) apply("speed:", speed_);
    return count;
  }

  const Candidates& from_;
  const Situation& now_;
  std::string_view speed_;
  bool plain_;
  Money millions_, multiplied_;
  // A row per bucket and per factor at most; more cannot take part.
  std::array<const CompiledRow*, kBuckets + 4 * kBuckets> used_;
  std::size_t used_count_ = 0;
};

std::int64_t count_of(const Usage& usage, std::size_t b) {
  return std::clamp<std::int64_t>(usage.counts[b], 0, kMaxCount);
}

bool add_all(Sum& sum, const Usage& usage, bool list_price) {
  for (std::size_t b = 0; b < kBuckets; ++b) {
    const std::int64_t units = count_of(usage, b);
    const Bucket bucket = static_cast<Bucket>(b);
    if (units > 0 && !sum.add(bucket, list_price ? uncached(bucket) : bucket, units)) return false;
  }
  return true;
}

Situation situation(const PriceQuery& query, const Usage& usage) {
  Situation now;
  const std::string_view tier = usage.served_tier.empty() ? query.service_tier : std::string_view(usage.served_tier);
  now.batch = query.batch || tier == "batch";
  now.service_tier = tier == "batch" ? std::string_view{} : canonical_tier(tier);
  now.region = usage.geo.empty() ? query.region : std::string_view(usage.geo);
  now.at_us = query.at_us;
  now.input_side = usage.input_side();
  return now;
}

}  // namespace

struct PriceBook::Impl {
  TextMap<ProviderPrices> providers;
  std::size_t rows = 0;

  Candidates candidates(const PriceQuery& query, const Situation& now) const {
    Candidates out;
    const auto prices = providers.find(query.provider);
    if (prices == providers.end()) return out;
    const auto exact = prices->second.exact.find(query.model);
    bool found = exact != prices->second.exact.end();
    if (found) out.add(exact->second, now);
    out.own = out.count;
    for (const auto& [prefix, rows_of] : prices->second.prefixes) {
      if (!query.model.starts_with(prefix)) continue;
      out.add(rows_of, now);
      if (!found) out.own = out.count;
      found = true;
    }
    return out;
  }

  Rows& target(const config::PriceRow& row) {
    ProviderPrices& prices = providers[row.provider];
    if (!row.model.ends_with('*')) return prices.exact[row.model];
    const std::string prefix = row.model.substr(0, row.model.size() - 1);
    for (auto& [known, rows_of] : prices.prefixes) {
      if (known == prefix) return rows_of;
    }
    return prices.prefixes.emplace_back(prefix, Rows{}).second;
  }

  void sort() {
    for (auto& [provider, prices] : providers) {
      for (auto& [model, rows_of] : prices.exact) std::sort(rows_of.begin(), rows_of.end(), more_specific);
      for (auto& [prefix, rows_of] : prices.prefixes) std::sort(rows_of.begin(), rows_of.end(), more_specific);
      std::sort(prices.prefixes.begin(), prices.prefixes.end(),
                [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
    }
  }

  // Prices one usage at one model and adds it to `out`; false (with a note) when the price is unknown.
  bool price_one(const PriceQuery& query, const Usage& usage, Priced& out, Money& cost, Money& baseline,
                 bool& baseline_known) const;
};

bool PriceBook::Impl::price_one(const PriceQuery& query, const Usage& usage, Priced& out, Money& cost, Money& baseline,
                                bool& baseline_known) const {
  const Situation now = situation(query, usage);
  const Candidates rows_now = candidates(query, now);
  if (!rows_now.known()) {
    baseline_known = false;
    out.note = fmt::format("no price for {}/{}", query.provider, query.model);
    return false;
  }
  Situation list = now;
  list.batch = false;
  list.service_tier = {};
  const bool is_list = !now.batch && now.service_tier.empty();
  const Candidates list_rows = is_list ? rows_now : candidates(query, list);
  Sum listed(list_rows, list, {});
  if (add_all(listed, usage, true)) {
    baseline += listed.total();
  } else {
    baseline_known = false;
  }
  Sum sum(rows_now, now, usage.speed);
  if (!add_all(sum, usage, false)) {
    out.note = fmt::format("rate missing for {} of {}/{}", bucket_name(sum.missing), query.provider, query.model);
    return false;
  }
  cost += sum.total();
  out.price_ids.reserve(out.price_ids.size() + std::max<std::size_t>(1, sum.used().size()));
  if (sum.used().empty()) out.price_ids.push_back(rows_now.rows[0]->id);
  for (const CompiledRow* row : sum.used()) {
    const bool known = std::find(out.price_ids.begin(), out.price_ids.end(), row->id) != out.price_ids.end();
    if (!known) out.price_ids.push_back(row->id);
  }
  if (sum.stood_in) {
    out.source = CostSource::estimated;
    out.note = fmt::format("no price for {} of {}/{}, standard price taken",
                           now.service_tier.empty() ? std::string_view("batch") : now.service_tier, query.provider,
                           query.model);
  }
  return true;
}

PriceBook::PriceBook(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PriceBook::~PriceBook() = default;
std::size_t PriceBook::size() const { return impl_->rows; }

Result<std::shared_ptr<const PriceBook>> PriceBook::build(std::vector<config::PriceRow> rows) {
  auto impl = std::make_unique<Impl>();
  std::map<std::string, std::size_t> groups, ids;
  for (const config::PriceRow& row : rows) {
    auto compiled = compile_row(row);
    if (!compiled) return compiled.error();
    compiled->group = groups.emplace(row.file, groups.size()).first->second;
    compiled->order = impl->rows++;
    // Two rows never share an id: the record must tell which one was used.
    if (const std::size_t repeats = ids[compiled->id]++; repeats > 0) compiled->id += fmt::format("#{}", repeats + 1);
    Rows& target = impl->target(row);
    if (target.size() == kMaxRowsPerTarget) {
      return Error{ErrorKind::client_fault, 400, "bad_price",
                   fmt::format("{}:{}: more than {} price rows for {}/{}", row.file, row.line, kMaxRowsPerTarget,
                               row.provider, row.model)};
    }
    target.push_back(*std::move(compiled));
  }
  impl->sort();
  return std::shared_ptr<const PriceBook>(new PriceBook(std::move(impl)));
}

Priced PriceBook::price(const PriceQuery& query, const Usage& usage, std::span<const UsagePart> parts) const {
  Priced out;
  out.source = CostSource::computed;
  Money cost, baseline;
  bool known = true, baseline_known = true;
  if (parts.empty()) {
    known = impl_->price_one(query, usage, out, cost, baseline, baseline_known);
  }
  for (const UsagePart& part : parts) {
    PriceQuery at = query;
    if (!part.model.empty()) at.model = part.model;
    known = impl_->price_one(at, part.usage, out, cost, baseline, baseline_known) && known;
  }
  if (baseline_known) out.baseline = baseline;
  if (!usage.reported_cost.empty()) {
    if (const auto reported = Money::parse(usage.reported_cost)) {
      out.cost = *reported;
      out.source = CostSource::provider;
      out.price_ids.clear();
      out.note.clear();
      return out;
    }
  }
  if (known) {
    out.cost = cost;
  } else {
    out.source = CostSource::unpriced;
    out.price_ids.clear();
  }
  return out;
}

bool PriceBook::knows(const PriceQuery& query) const {
  const Usage none;
  return impl_->candidates(query, situation(query, none)).known();
}

}  // namespace tollgate::billing
