// Records as COPY fields. Owner: billing. Thread rule: one owner.
#include "billing/postgres_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>

#include "billing/ledger_rows.h"
#include "core/text.h"

namespace tollgate::billing {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr std::int64_t kFirstMicros = -62'135'596'800'000'000, kLastMicros = 253'402'300'799'999'999;  // years 1..9999
constexpr char kReplacement[] = "\xEF\xBF\xBD";

// Text as Postgres can hold it: bytes that are not UTF-8, and NUL, become U+FFFD.
void append_clean(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t good = std::min(find_invalid_utf8(text), text.find('\0'));
    out.append(text.substr(0, good));
    if (good >= text.size()) return;
    out += kReplacement;
    text.remove_prefix(good + 1);
  }
}

std::string cleaned(std::string_view text) {
  std::string out;
  append_clean(out, text);
  return out;
}

// jsonb takes no \u0000; surrogates are left to the store's own judgement.
bool fits_jsonb(JsonReader& reader, const std::string& raw) {
  return raw.find("\\u0000") == std::string::npos && find_invalid_utf8(raw) >= raw.size() &&
         reader.parse(raw).has_value();
}

std::string array_literal(const std::vector<std::string>& items) {
  std::string out = "{";
  for (const auto& item : items) {
    out += out.size() > 1 ? ",\"" : "\"";
    for (const char c : cleaned(item)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

}  // namespace

std::int64_t day_of(std::int64_t micros) {
  return micros >= 0 ? micros / kMicrosPerDay : -((-micros + kMicrosPerDay - 1) / kMicrosPerDay);
}

std::string postgres_time(std::int64_t micros) {
  micros = std::clamp(micros, kFirstMicros, kLastMicros);
  const std::int64_t day = day_of(micros), rest = micros - day * kMicrosPerDay, seconds = rest / 1'000'000;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}+00", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), seconds / 3600,
                     seconds / 60 % 60, seconds % 60, rest % 1'000'000);
}

const std::vector<std::string>& postgres_columns() {
  static const std::vector<std::string> kColumns = [] {
    std::vector<std::string> names = {"id",
                                      "request_id",
                                      "attempt",
                                      "started_at",
                                      "finished_at",
                                      "team",
                                      "feature",
                                      "environment",
                                      "user_id",
                                      "key_id",
                                      "tags",
                                      "surface",
                                      "requested_model",
                                      "provider",
                                      "model",
                                      "served_model",
                                      "provider_request_id",
                                      "route",
                                      "stream",
                                      "outcome",
                                      "http_status",
                                      "error_code",
                                      "usage_reported",
                                      "identity_ok",
                                      "service_tier",
                                      "ttft_ms",
                                      "duration_ms",
                                      "cost_usd",
                                      "cost_source",
                                      "baseline_cost_usd",
                                      "price_ids",
                                      "quarantined",
                                      "usage_raw"};
    for (const auto& bucket : bucket_columns()) names.emplace_back(bucket.column);
    return names;
  }();
  return kColumns;
}

void PostgresRow::add(std::string_view text) {
  append_clean(buffer_, text);
  buffer_ += '\0';
  ends_.push_back(buffer_.size());
}

void PostgresRow::add_number(std::int64_t value) { add(fmt::format_int(value).c_str()); }

void PostgresRow::add_milliseconds(std::int64_t micros) {
  if (micros < 0) return add_null();
  add(fmt::format("{}.{:03}", micros / 1000, micros % 1000));
}

void PostgresRow::add_money(const std::optional<Money>& money) { money ? add(money->to_string()) : add_null(); }

void PostgresRow::add_raw(const std::string& raw) {
  if (raw.empty()) return add_null();
  if (fits_jsonb(json_, raw)) return add(raw);
  scratch_ = "\"";
  json_escape(scratch_, cleaned(raw));
  scratch_ += '"';
  add(scratch_);
}

const PostgresFields& PostgresRow::fields(const CostRecord& r) {
  buffer_.clear();
  ends_.clear();
  const auto id = id_text(r.id), request = id_text(r.request_id);
  add({id.data(), id.size()});
  add({request.data(), request.size()});
  add_number(r.attempt);
  add(postgres_time(r.started_us));
  add(postgres_time(r.finished_us));
  for (const auto* text : {&r.team, &r.feature, &r.environment, &r.user_id, &r.key_id}) add(*text);
  CostRecord tags;
  for (const auto& [key, value] : r.tags) tags.tags.emplace_back(cleaned(key), cleaned(value));
  tags_json(tags, scratch_);
  add(scratch_);
  for (const auto* text :
       {&r.surface, &r.requested_model, &r.provider, &r.model, &r.served_model, &r.provider_request_id, &r.route})
    add(*text);
  add(r.stream ? "t" : "f");
  add(outcome_name(r.outcome));
  r.http_status == 0 ? add_null() : add_number(r.http_status);
  add(r.error_code);
  add(r.usage.reported ? "t" : "f");
  add(r.usage.identity_ok ? "t" : "f");
  add(r.usage.served_tier);
  add_milliseconds(r.ttft_us);
  add_milliseconds(std::max<std::int64_t>(r.duration_us, 0));
  add_money(r.cost);
  add(cost_source_name(r.cost_source));
  add_money(r.baseline_cost);
  add(array_literal(r.price_ids));
  add(r.quarantined ? "t" : "f");
  add_raw(r.usage.raw);
  for (const auto& bucket : bucket_columns()) add_number(r.usage[bucket.bucket]);
  assert(ends_.size() == fields_.size());
  std::size_t begin = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    fields_[i] = ends_[i] == SIZE_MAX ? nullptr : buffer_.data() + begin;
    if (fields_[i]) begin = ends_[i];
  }
  return fields_;
}

}  // namespace tollgate::billing
