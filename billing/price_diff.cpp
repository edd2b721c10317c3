// diff_prices(): what an import would change. Owner: billing, price half.
#include "billing/price_diff.h"

#include <map>

#include "billing/price_book.h"
#include "billing/price_import.h"

namespace tollgate::billing {
namespace {

using Amounts = std::map<std::string, std::string>;

Amounts amounts_of(const config::PriceRow& row) {
  Amounts out;
  for (const auto& [bucket, rate] : row.rates) out.emplace(bucket_name(bucket), rate_text(rate));
  for (const auto& [name, factor] : row.multipliers) out.emplace("multiplier " + name, factor.to_string());
  return out;
}

std::string text_of(const Amounts& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? std::string() : found->second;
}

void compare(const std::string& key, const config::PriceRow& before, const config::PriceRow& after,
             std::vector<PriceChange>& changes) {
  const Amounts old_amounts = amounts_of(before), new_amounts = amounts_of(after);
  Amounts names = old_amounts;
  names.insert(new_amounts.begin(), new_amounts.end());
  for (const auto& [name, unused] : names) {
    std::string old_text = text_of(old_amounts, name), new_text = text_of(new_amounts, name);
    if (old_text == new_text) continue;
    changes.push_back({PriceChangeKind::changed, key, name, std::move(old_text), std::move(new_text)});
  }
}

std::map<std::string, const config::PriceRow*> by_key(const std::vector<config::PriceRow>& rows) {
  std::map<std::string, const config::PriceRow*> out;
  for (const config::PriceRow& row : rows) out.emplace(price_row_key(row), &row);
  return out;
}

}  // namespace

std::string price_row_key(const config::PriceRow& row) {
  config::PriceRow plain;
  plain.provider = row.provider;
  plain.model = row.model;
  plain.region = row.region;
  plain.batch = row.batch;
  plain.service_tier = row.service_tier;
  plain.context_over = row.context_over;
  plain.context_inclusive = row.context_inclusive;
  plain.valid_from_us = row.valid_from_us;
  plain.weekdays = row.weekdays;
  plain.from_minute = row.from_minute;
  plain.to_minute = row.to_minute;
  return price_row_id(plain);
}

std::string rate_text(Rate rate) { return rate.per_million().to_string(); }

std::vector<PriceChange> diff_prices(const std::vector<config::PriceRow>& old_rows,
                                     const std::vector<config::PriceRow>& new_rows) {
  const auto before = by_key(old_rows), after = by_key(new_rows);
  std::map<std::string, const config::PriceRow*> keys = before;
  keys.insert(after.begin(), after.end());
  std::vector<PriceChange> changes;
  for (const auto& [key, unused] : keys) {
    const auto was = before.find(key), is = after.find(key);
    if (was == before.end()) {
      changes.push_back({PriceChangeKind::added, key, {}, {}, {}});
    } else if (is == after.end()) {
      changes.push_back({PriceChangeKind::removed, key, {}, {}, {}});
    } else {
      compare(key, *was->second, *is->second, changes);
    }
  }
  return changes;
}

}  // namespace tollgate::billing
