// A record as JSON. Owner: billing. Thread rule: pure.
#include "billing/record_json.h"

#include "billing/ledger_rows.h"
#include "core/json.h"

namespace tollgate::billing {
namespace {

struct ObjectWriter {
  std::string& out;

  void key(std::string_view name) {
    if (out.back() != '{') out += ',';
    out.append("\"").append(name).append("\":");
  }
  void text(std::string_view name, std::string_view value) {
    key(name);
    out += '"';
    json_escape(out, value);
    out += '"';
  }
  void number(std::string_view name, std::int64_t value) {
    key(name);
    out += std::to_string(value);
  }
  void flag(std::string_view name, bool value) {
    key(name);
    out += value ? "true" : "false";
  }
  void raw(std::string_view name, std::string_view json) {
    key(name);
    out += json;
  }
  void money(std::string_view name, const std::optional<Money>& value) {
    value ? text(name, value->to_string()) : raw(name, "null");
  }
};

void write_identity(ObjectWriter& w, const CostRecord& r) {
  std::string json;
  w.text("id", r.id.to_string());
  w.text("request_id", r.request_id.to_string());
  w.number("attempt", r.attempt);
  w.number("started_at", r.started_us);
  w.number("finished_at", r.finished_us);
  w.text("team", r.team);
  w.text("feature", r.feature);
  w.text("environment", r.environment);
  w.text("user_id", r.user_id);
  w.text("key_id", r.key_id);
  tags_json(r, json);
  w.raw("tags", json);
  w.text("surface", r.surface);
  w.text("requested_model", r.requested_model);
  w.text("provider", r.provider);
  w.text("model", r.model);
  w.text("served_model", r.served_model);
  w.text("provider_request_id", r.provider_request_id);
  w.text("route", r.route);
  w.flag("stream", r.stream);
  w.flag("quarantined", r.quarantined);
}

}  // namespace

void append_record_json(const CostRecord& r, std::string& out) {
  out += '{';
  ObjectWriter w{out};
  write_identity(w, r);
  w.text("outcome", outcome_name(r.outcome));
  w.number("http_status", r.http_status);
  w.text("error_code", r.error_code);
  for (const auto& bucket : bucket_columns()) w.number(bucket.column, r.usage[bucket.bucket]);
  w.flag("usage_reported", r.usage.reported);
  w.flag("identity_ok", r.usage.identity_ok);
  w.text("service_tier", r.usage.served_tier);
  w.text("geo", r.usage.geo);
  w.text("speed", r.usage.speed);
  w.text("reported_cost", r.usage.reported_cost);
  w.number("ttft_us", r.ttft_us);
  w.number("duration_us", r.duration_us);
  w.money("cost_usd", r.cost);
  w.text("cost_source", cost_source_name(r.cost_source));
  w.money("baseline_cost_usd", r.baseline_cost);
  std::string json;
  price_ids_json(r, json);
  w.raw("price_ids", json);
  w.text("usage_raw", r.usage.raw);
  out += '}';
}

}  // namespace tollgate::billing
