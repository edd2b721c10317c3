// PriceBook: look-up of the rows that apply; the sum is price_sum.cpp's. Order of choice: docs/formats/billing.md.
// Owner: billing, price half.
#include "billing/price_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "billing/price_sum.h"

namespace tollgate::billing {
namespace {

struct ProviderPrices {
  TextMap<Rows> exact;
  std::vector<std::pair<std::string, Rows>> prefixes;  // longest first
  std::string same_as;
};

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
    const ProviderPrices* vendors[] = {find(query.provider), nullptr};
    if (vendors[0] != nullptr && !vendors[0]->same_as.empty()) vendors[1] = find(vendors[0]->same_as);
    bool found = false;
    for (const ProviderPrices* vendor : vendors) {
      if (vendor == nullptr) continue;
      const auto exact = vendor->exact.find(query.model);
      if (exact == vendor->exact.end()) continue;
      out.add(exact->second, now);
      found = true;
    }
    out.own = out.count;
    for (const ProviderPrices* vendor : vendors) {
      if (vendor == nullptr) continue;
      for (const auto& [prefix, rows_of] : vendor->prefixes) {
        if (!query.model.starts_with(prefix)) continue;
        out.add(rows_of, now);
        // A row provider/* of fees and factors alone is nobody's price.
        const bool priced =
            std::any_of(rows_of.begin(), rows_of.end(), [](const auto& row) { return row.names_units(); });
        if (!found) out.own = out.count;
        found = found || priced;
      }
    }
    return out;
  }

  const ProviderPrices* find(std::string_view provider) const {
    const auto found = providers.find(provider);
    return found == providers.end() ? nullptr : &found->second;
  }

  Rows& target(const config::PriceRow& row) {
    ProviderPrices& prices = providers[row.provider];
    if (!row.same_as.empty() && prices.same_as.empty()) prices.same_as = row.same_as;
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
  const ProviderPrices* monies = find(kCurrencies);
  static const TextMap<Rows> kNone;
  const TextMap<Rows>* worth = monies == nullptr ? &kNone : &monies->exact;
  Sum listed(list_rows, list, {}, worth);
  if (listed.add_all(usage, true)) {
    baseline += listed.total();
  } else {
    baseline_known = false;
  }
  Sum sum(rows_now, now, usage.speed, worth);
  if (!sum.add_all(usage, false)) {
    out.note = fmt::format("rate missing for {} of {}/{}", sum.missing, query.provider, query.model);
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

Priced PriceBook::price_cached(const PriceQuery& query, const Usage& usage) const {
  Priced out = price(query, usage);
  out.cost = Money{};
  out.source = CostSource::cache;
  return out;
}

bool PriceBook::knows(const PriceQuery& query) const {
  const Usage none;
  return impl_->candidates(query, situation(query, none)).known();
}

}  // namespace tollgate::billing
