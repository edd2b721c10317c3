// `prices:` entries: their description, and what rows they become (docs/formats/billing.md). Thread rule: pure.
#include <algorithm>

#include "config/describe.h"
#include "config/units.h"

namespace tollgate::config {
namespace {

constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::array kPerCall{Bucket::web_search,   Bucket::web_fetch, Bucket::file_search, Bucket::code_execution,
                              Bucket::search_units, Bucket::images,    Bucket::pages};

std::optional<int> day_index(std::string_view name) {
  const auto* found = std::find(kDays.begin(), kDays.end(), name);
  if (found == kDays.end()) return std::nullopt;
  return static_cast<int>(found - kDays.begin());
}

// One part of a day list, "mon" or "mon-fri", as bits with Monday lowest. 0 = not understood.
std::uint8_t day_range(std::string_view part) {
  const std::size_t dash = part.find('-');
  const auto first = day_index(part.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : day_index(part.substr(dash + 1));
  if (!first || !last || *last < *first) return 0;
  unsigned mask = 0;
  for (int day = *first; day <= *last; ++day) mask |= 1u << day;
  return static_cast<std::uint8_t>(mask);
}

// "mon-fri", "sat,sun" -> bits. 0 = not understood.
std::uint8_t day_mask(std::string_view text) {
  unsigned mask = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    const std::uint8_t bits = day_range(part);
    if (bits == 0) return 0;
    mask |= bits;
    if (comma == std::string_view::npos) return static_cast<std::uint8_t>(mask);
    text.remove_prefix(comma + 1);
  }
}

std::string day_text(std::uint8_t mask) {
  std::string text;
  for (std::size_t day = 0; day < kDays.size(); ++day) {
    if ((mask >> day & 1) == 0) continue;
    if (!text.empty()) text += ',';
    text += kDays[day];
  }
  return text;
}

void describe_rate(Visitor& v, Bucket bucket, std::string_view doc, std::map<Bucket, Money>& rates) {
  std::optional<Money> amount;
  if (const auto found = rates.find(bucket); found != rates.end()) amount = found->second;
  v.money({bucket_name(bucket), doc}, amount);
  if (amount) rates[bucket] = *amount;
}

void check_entry(Visitor& v, const PriceEntry& entry) {
  const std::size_t slash = entry.target.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == entry.target.size()) {
    v.problem("target", "a target is written provider/model");
  }
  const std::size_t star = entry.target.find('*');
  if (star != std::string::npos && star + 1 != entry.target.size()) {
    v.problem("target", "`*` may stand only at the end");
  }
  if (entry.base.rates.empty() && entry.tiers.empty() && entry.multipliers.empty() && entry.same_as.empty()) {
    v.problem("target", "the row has no price");
  }
  if (entry.valid_from && entry.valid_to && *entry.valid_from >= *entry.valid_to) {
    v.problem("valid_to", "`valid_to` is not later than `valid_from`");
  }
}

PriceRow to_row(const PriceEntry& entry, const PriceConditions& c, const PriceWindow* window) {
  PriceRow row;
  const std::size_t slash = std::min(entry.target.find('/'), entry.target.size());
  row.provider = entry.target.substr(0, slash);
  row.model = slash < entry.target.size() ? entry.target.substr(slash + 1) : "";
  row.region = c.region;
  row.service_tier = c.service_tier;
  row.batch = c.batch;
  row.valid_from_us = entry.valid_from.value_or(row.valid_from_us);
  row.valid_to_us = entry.valid_to.value_or(row.valid_to_us);
  row.context_inclusive = c.context_from > 0;
  row.context_over = row.context_inclusive ? c.context_from : c.context_over;
  if (window != nullptr) {
    row.weekdays = day_mask(window->days);
    row.from_minute = static_cast<std::int16_t>(window->from.value_or(0));
    row.to_minute = static_cast<std::int16_t>(window->to.value_or(0));
  }
  for (const auto& [bucket, amount] : c.rates) {
    row.rates[bucket] = is_per_call(bucket) ? Rate::per_unit(amount) : Rate::per_million(amount);
  }
  row.multipliers = entry.multipliers;
  row.currency = entry.currency;
  row.same_as = entry.same_as;
  row.source = entry.source;
  row.source_date = entry.source_date;
  row.line = entry.line;
  return row;
}

}  // namespace

void describe(Visitor& v, PriceConditions& c) {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const auto bucket = static_cast<Bucket>(i);
    if (!is_per_call(bucket)) describe_rate(v, bucket, "USD per 1,000,000 units.", c.rates);
  }
  const bool any_call = std::any_of(kPerCall.begin(), kPerCall.end(), [&](Bucket b) { return c.rates.contains(b); });
  if ((v.reading() || any_call) && v.enter({"per_call", "USD for one call, session or piece."})) {
    for (const Bucket bucket : kPerCall) describe_rate(v, bucket, "USD for one.", c.rates);
    v.leave();
  }
  v.text({"region", "Only for this region."}, c.region);
  v.text({"service_tier", "Only for this served tier; left out: the standard one."}, c.service_tier);
  if (v.reading() || c.batch) v.flag({"batch", "Only for batch requests."}, c.batch);
  if (v.reading() || c.context_over > 0) {
    v.integer({"context_over", "Only when all input tokens together are more."}, c.context_over, {1, INT64_MAX});
  }
  if (v.reading() || c.context_from > 0) {
    v.integer({"context_from", "Only when all input tokens together are that many or more."}, c.context_from,
              {1, INT64_MAX});
  }
  if (c.context_over > 0 && c.context_from > 0)
    v.problem("context_from", "give `context_over` or `context_from`, not both");
}

void describe(Visitor& v, PriceWindow& window) {
  v.text({"days", "`mon-fri`, `sat`, `\"sat,sun\"`."}, window.days);
  v.minutes({"from", "`\"HH:MM\"`, UTC."}, window.from);
  v.minutes({"to", "`\"HH:MM\"`, up to `\"24:00\"`; later than `from`."}, window.to);
  if (!v.reading()) return;
  if (day_mask(window.days) == 0) v.problem("days", "expected days such as mon-fri or \"sat,sun\"");
  if (!window.from || !window.to || *window.from >= *window.to)
    v.problem("to", "`from` and `to` are needed, `to` later");
}

bool is_per_call(Bucket bucket) { return std::find(kPerCall.begin(), kPerCall.end(), bucket) != kPerCall.end(); }

void describe(Visitor& v, PriceEntry& entry) {
  v.text({"target", "`provider/model`; a final `*` makes the model a prefix. Required."}, entry.target);
  describe(v, entry.base);
  v.factors({"multipliers", "Factors on token buckets: `batch`, `tier:NAME`, `geo:REGION`, `speed:NAME`."},
            entry.multipliers);
  v.text({"currency", "Of the rates, where it is not USD; its worth is a row `currency/NAME` with a multiplier `usd`."},
         entry.currency);
  v.text({"same_as", "On a row `provider/*`: another provider, whose rows hold for models that have none here."},
         entry.same_as);
  v.time({"valid_from", "Date (00:00Z) or time in UTC from which the row holds."}, entry.valid_from);
  v.time({"valid_to", "Date or time from which it no longer holds."}, entry.valid_to);
  items(v, {"schedule", "Weekly windows in UTC; one, or a list."}, entry.schedule, true);
  items(v, {"tiers", "Further rows for the same target with conditions and rates of their own."}, entry.tiers);
  v.text({"source", "Where the numbers come from."}, entry.source);
  v.text({"source_date", "When they were read."}, entry.source_date);
  v.text({"id", "Stands on every record; made from the target, date and conditions when left out."}, entry.id);
  if (!v.reading()) return;
  entry.line = v.line();
  check_entry(v, entry);
}

std::vector<PriceRow> price_rows(const PriceEntry& entry, const std::string& file) {
  std::vector<const PriceWindow*> windows;
  for (const PriceWindow& window : entry.schedule) windows.push_back(&window);
  if (windows.empty()) windows.push_back(nullptr);
  std::vector<PriceRow> rows;
  const auto add = [&](const PriceConditions& conditions) {
    for (const PriceWindow* window : windows) rows.push_back(to_row(entry, conditions, window));
  };
  // An entry may consist of tiers alone.
  if (!entry.base.rates.empty() || entry.tiers.empty()) add(entry.base);
  for (const PriceConditions& tier : entry.tiers) add(tier);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].file = file;
    if (!entry.id.empty()) rows[i].id = i == 0 ? entry.id : entry.id + "#" + std::to_string(i);
  }
  return rows;
}

PriceEntry price_entry(const PriceRow& row) {
  PriceEntry entry;
  entry.target = row.provider + "/" + row.model;
  entry.id = row.id;
  entry.source = row.source;
  entry.source_date = row.source_date;
  entry.multipliers = row.multipliers;
  entry.currency = row.currency;
  entry.same_as = row.same_as;
  const PriceRow any;
  if (row.valid_from_us != any.valid_from_us) entry.valid_from = row.valid_from_us;
  if (row.valid_to_us != any.valid_to_us) entry.valid_to = row.valid_to_us;
  entry.base.region = row.region;
  entry.base.service_tier = row.service_tier;
  entry.base.batch = row.batch;
  (row.context_inclusive ? entry.base.context_from : entry.base.context_over) = row.context_over;
  if (row.weekdays != 0) entry.schedule.push_back({day_text(row.weekdays), row.from_minute, row.to_minute});
  for (const auto& [bucket, rate] : row.rates) {
    entry.base.rates[bucket] = is_per_call(bucket) ? rate.times(1) : rate.per_million();
  }
  return entry;
}

}  // namespace tollgate::config
