// prices_to_yaml(): rows as entries of prices.yaml. Owner: billing, price half.
#include <fmt/format.h>

#include <algorithm>

#include "billing/price_diff.h"
#include "billing/price_import.h"
#include "billing/price_rows.h"
#include "billing/price_time.h"
#include "config/describe.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kLineWidth = 118;

// Plain where YAML's flow style allows it, else double-quoted.
std::string scalar(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.+*:- ";
  const bool starts_well = !text.empty() && std::string_view("*:- ").find(text.front()) == std::string_view::npos;
  const bool ends_well = !text.empty() && text.back() != ':' && text.back() != ' ';
  const bool plain =
      text.find_first_not_of(kPlain) == std::string_view::npos && text.find(": ") == std::string_view::npos;
  if (starts_well && ends_well && plain) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

// Keys with a colon would be read as a pair.
std::string key(const std::string& text) {
  return text.find(':') == std::string::npos ? scalar(text) : "\"" + text + "\"";
}

using Parts = std::vector<std::string>;

void add_rates(const config::PriceRow& row, Parts& parts) {
  Parts calls;
  for (const auto& [bucket, rate] : row.rates) {
    if (config::is_per_call(bucket)) {
      const Money one = Money::from_femto(rate.per_million().femto() / 1'000'000);
      calls.push_back(fmt::format("{}: {}", bucket_name(bucket), one.to_string()));
    } else {
      parts.push_back(fmt::format("{}: {}", bucket_name(bucket), rate_text(rate)));
    }
  }
  if (!calls.empty()) parts.push_back(fmt::format("per_call: {{{}}}", fmt::join(calls, ", ")));
}

void add_multipliers(const config::PriceRow& row, Parts& parts) {
  Parts factors;
  for (const auto& [name, factor] : row.multipliers) factors.push_back(key(name) + ": " + factor.to_string());
  if (!factors.empty()) parts.push_back(fmt::format("multipliers: {{{}}}", fmt::join(factors, ", ")));
}

void add_conditions(const config::PriceRow& row, Parts& parts) {
  if (!row.region.empty()) parts.push_back("region: " + scalar(row.region));
  if (row.batch) parts.emplace_back("batch: true");
  if (!row.service_tier.empty()) parts.push_back("service_tier: " + scalar(row.service_tier));
  if (row.context_over > 0) {
    parts.push_back(fmt::format("{}: {}", row.context_inclusive ? "context_from" : "context_over", row.context_over));
  }
}

std::string date_text(std::int64_t wall_us) {
  const std::string text = utc_text(wall_us);
  return text.ends_with("T00:00:00Z") ? text.substr(0, 10) : "\"" + text + "\"";
}

void add_times(const config::PriceRow& row, Parts& parts) {
  if (row.valid_from_us > 0) parts.push_back("valid_from: " + date_text(row.valid_from_us));
  if (row.valid_to_us != INT64_MAX) parts.push_back("valid_to: " + date_text(row.valid_to_us));
  if (row.weekdays == 0) return;
  static constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  Parts days;
  for (std::size_t day = 0; day < 7; ++day) {
    if ((row.weekdays >> day & 1) != 0) days.emplace_back(kDays[day]);
  }
  parts.push_back(fmt::format("schedule: {{days: \"{}\", from: \"{:02}:{:02}\", to: \"{:02}:{:02}\"}}",
                              fmt::join(days, ","), row.from_minute / 60, row.from_minute % 60, row.to_minute / 60,
                              row.to_minute % 60));
}

// "{a, b, c}" broken before the line grows too wide; `indent` is where later lines begin.
std::string flow(const Parts& parts, std::size_t indent) {
  std::string out = "{";
  std::size_t column = indent;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += ",";
    if (i > 0 && column + parts[i].size() + 2 > kLineWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (i > 0) {
      out += " ";
    }
    out += parts[i];
    column += parts[i].size() + 2;
  }
  return out + "}";
}

// Rows that one entry can hold: they differ in what a tier may state.
bool same_entry(const config::PriceRow& a, const config::PriceRow& b) {
  return a.provider == b.provider && a.model == b.model && a.valid_from_us == b.valid_from_us &&
         a.valid_to_us == b.valid_to_us && a.weekdays == b.weekdays && a.from_minute == b.from_minute &&
         a.to_minute == b.to_minute && a.source == b.source && a.source_date == b.source_date && a.id.empty() &&
         b.id.empty() && a.multipliers == b.multipliers && a.currency == b.currency && a.same_as == b.same_as;
}

// Only what the entry itself does not state may differ in its tiers.
bool unconditional(const config::PriceRow& row) {
  return row.region.empty() && !row.batch && row.service_tier.empty() && row.context_over == 0;
}

std::string entry_text(const config::PriceRow& head, const std::vector<const config::PriceRow*>& tiers) {
  Parts parts{"target: " + scalar(head.provider + "/" + head.model)};
  if (!head.id.empty()) parts.push_back("id: " + scalar(head.id));
  add_conditions(head, parts);
  add_times(head, parts);
  add_rates(head, parts);
  add_multipliers(head, parts);
  if (!head.currency.empty()) parts.push_back("currency: " + scalar(head.currency));
  if (!head.same_as.empty()) parts.push_back("same_as: " + scalar(head.same_as));
  if (!head.source.empty()) parts.push_back("source: " + scalar(head.source));
  if (!head.source_date.empty()) parts.push_back("source_date: " + scalar(head.source_date));
  std::string out = "- " + flow(parts, 3);
  if (tiers.empty()) return out + "\n";
  out.pop_back();
  out += ",\n   tiers: [";
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    Parts tier;
    add_conditions(*tiers[i], tier);
    add_rates(*tiers[i], tier);
    if (i > 0) out += ",\n           ";
    out += flow(tier, 12);
  }
  return out + "]}\n";
}

}  // namespace

std::string prices_to_yaml(const std::vector<config::PriceRow>& rows) {
  std::string out;
  std::vector<bool> written(rows.size(), false);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (written[i]) continue;
    std::vector<const config::PriceRow*> tiers;
    for (std::size_t j = i + 1; unconditional(rows[i]) && j < rows.size() && same_entry(rows[i], rows[j]); ++j) {
      if (unconditional(rows[j])) break;
      tiers.push_back(&rows[j]);
      written[j] = true;
    }
    out += entry_text(rows[i], tiers);
  }
  return out;
}

}  // namespace tollgate::billing
