// Price rows: checks, conditions, order. Owner: billing, price half.
#include "billing/price_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "billing/price_book.h"
#include "billing/price_time.h"

namespace tollgate::billing {
namespace {

Error bad_row(const config::PriceRow& row, std::string_view what) {
  const std::string where = row.file.empty() ? std::string() : fmt::format("{}:{}: ", row.file, row.line);
  return {ErrorKind::client_fault, 400, "bad_price",
          fmt::format("{}price of {}/{}: {}", where, row.provider, row.model, what)};
}

// Bounds that keep every cost of at most kMaxCount units per bucket inside Money: 10 USD for one unit, factors up to
// 100.
const Rate kMaxRate = Rate::per_unit(Money::from_femto(Money::Femto{10} * 1'000'000'000'000'000));
constexpr std::int64_t kMaxFactor = 100, kMaxWorth = 10;

bool too_large(const Factor& factor, std::int64_t limit) {
  for (int i = 0; i < factor.scale; ++i) limit *= 10;
  return factor.num > limit;
}

bool known_multiplier(std::string_view name, bool money) {
  if (money) return name == "usd";
  if (name == "batch") return true;
  for (const std::string_view kind : {"tier:", "geo:", "speed:"}) {
    if (name.starts_with(kind) && name.size() > kind.size()) return true;
  }
  return false;
}

const char* fault_of(const config::PriceRow& row) {
  if (row.provider.empty() || row.model.empty()) return "no target";
  if (row.valid_from_us >= row.valid_to_us) return "valid_from is not before valid_to";
  if (row.context_over < 0) return "negative context size";
  if (!row.same_as.empty() && (row.model != "*" || row.same_as == row.provider))
    return "same_as stands on a row provider/* and names another provider";
  if (row.weekdays > 0x7f) return "unknown weekday";
  const bool hours = row.from_minute >= 0 && row.from_minute < row.to_minute && row.to_minute <= 24 * 60;
  if (row.weekdays != 0 && !hours) return "schedule must end after it begins, on the same day";
  for (const auto& [bucket, rate] : row.rates) {
    if (rate < Rate{}) return "negative rate";
    if (rate > kMaxRate) return "rate is over 10 USD for one unit";
  }
  for (const auto& [name, factor] : row.multipliers) {
    if (!known_multiplier(name, row.provider == kCurrencies))
      return "unknown multiplier (batch, tier:NAME, geo:REGION or speed:NAME; usd for a currency)";
    if (factor.num < 0) return "negative multiplier";
    if (factor.scale > 9 || too_large(factor, row.provider == kCurrencies ? kMaxWorth : kMaxFactor))
      return "multiplier is over 100, or a currency worth more than 10 USD";
  }
  return nullptr;
}

std::string schedule_text(const config::PriceRow& row) {
  static constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  std::string days;
  for (int day = 0; day < 7; ++day) {
    if ((row.weekdays >> day & 1) != 0) days += (days.empty() ? "" : ",") + std::string(kDays[day]);
  }
  if (row.weekdays == 0x1f) days = "mon-fri";
  if (row.weekdays == 0x7f) days = "mon-sun";
  return fmt::format("{} {:02}:{:02}-{:02}:{:02}", days, row.from_minute / 60, row.from_minute % 60, row.to_minute / 60,
                     row.to_minute % 60);
}

}  // namespace

std::string_view canonical_tier(std::string_view tier) {
  if (tier == "fast") return "priority";
  if (tier == "default" || tier == "standard" || tier == "auto" || tier == "on_demand") return {};
  return tier;
}

bool CompiledRow::names_units() const {
  for (std::size_t b = 0; b < kBuckets; ++b) {
    if (names(static_cast<Bucket>(b)) && !is_call(static_cast<Bucket>(b))) return true;
  }
  return false;
}

const Factor* CompiledRow::multiplier(std::string_view kind, std::string_view name) const {
  for (const auto& [key, factor] : multipliers) {
    if (key.size() == kind.size() + name.size() && key.starts_with(kind) && key.ends_with(name)) return &factor;
  }
  return nullptr;
}

bool matches(const CompiledRow& row, const Situation& now) {
  if (!row.region.empty() && row.region != now.region) return false;
  if (!row.service_tier.empty() && row.service_tier != now.service_tier) return false;
  if (row.batch && !now.batch) return false;
  if (now.at_us < row.valid_from_us || now.at_us >= row.valid_to_us) return false;
  if (row.context_over > 0) {
    if (now.input_side < row.context_over) return false;
    if (now.input_side == row.context_over && !row.context_inclusive) return false;
  }
  return row.weekdays == 0 || in_weekly_window(now.at_us, row.weekdays, row.from_minute, row.to_minute);
}

bool more_specific(const CompiledRow& a, const CompiledRow& b) {
  const auto key = [](const CompiledRow& row) {
    // Smaller sorts first. A threshold of ">= N" reaches one token lower than "> N".
    return std::tuple(row.region.empty(), !row.batch, row.service_tier.empty(), -row.context_over,
                      row.context_inclusive, row.group, row.weekdays == 0, -row.valid_from_us, row.order);
  };
  return key(a) < key(b);
}

Result<CompiledRow> compile_row(const config::PriceRow& row) {
  if (const char* fault = fault_of(row)) return bad_row(row, fault);
  CompiledRow out;
  out.id = row.id.empty() ? price_row_id(row) : row.id;
  out.region = row.region;
  out.service_tier = canonical_tier(row.service_tier);
  out.currency = row.currency == "USD" ? std::string() : row.currency;
  out.batch = row.batch;
  out.context_over = row.context_over;
  out.context_inclusive = row.context_inclusive;
  out.valid_from_us = row.valid_from_us;
  out.valid_to_us = row.valid_to_us;
  out.weekdays = row.weekdays;
  out.from_minute = row.from_minute;
  out.to_minute = row.to_minute;
  for (const auto& [bucket, rate] : row.rates) {
    out.named |= 1u << static_cast<unsigned>(bucket);
    out.rates[static_cast<std::size_t>(bucket)] = rate;
  }
  for (const auto& [name, factor] : row.multipliers) out.multipliers.emplace_back(name, factor);
  return out;
}

std::string price_row_id(const config::PriceRow& row) {
  std::string id = row.provider + "/" + row.model;
  if (!row.source_date.empty()) id += "@" + row.source_date;
  if (!row.region.empty()) id += "+" + row.region;
  if (row.batch) id += "+batch";
  if (!row.service_tier.empty()) id += "+" + row.service_tier;
  if (row.context_over > 0) id += fmt::format("{}{}", row.context_inclusive ? ">=" : ">", row.context_over);
  if (row.valid_from_us > 0) id += "+from:" + utc_text(row.valid_from_us);
  if (row.weekdays != 0) id += "+" + schedule_text(row);
  return id;
}

}  // namespace tollgate::billing
