// The figures for programs: money as decimal text, times in microseconds. Thread rule: pure functions.
#include <fmt/format.h>

#include "core/json_write.h"
#include "gateway/bench/report.h"
#include "local_backend/backend.h"

namespace tollgate::gateway::bench {
namespace {

std::string text_of(double value) { return fmt::format("{:.6g}", value); }

void number(JsonWriter& writer, JsonName name, const std::optional<double>& value) {
  writer.raw_member(name, value ? text_of(*value) : "null");
}

void money(JsonWriter& writer, JsonName name, const std::optional<Money>& value) {
  if (value)
    writer.member(name, value->to_string());
  else
    writer.key(name).null();
}

void times(JsonWriter& writer, JsonName name, const std::optional<Percentiles>& value) {
  writer.key(name);
  if (!value) {
    writer.null();
    return;
  }
  writer.begin_object().member("p50", value->p50).member("p90", value->p90).member("p99", value->p99);
  writer.member("most", value->most).end_object();
}

void write_setting(JsonWriter& writer, const Setting& setting) {
  writer.key("model").begin_object().member("file", setting.file).member("name", setting.name);
  writer.member("architecture", setting.architecture).member("bytes", setting.file_bytes).end_object();
  writer.member("device", setting.device).member("context", setting.context).member("kv", setting.kv);
  writer.member("kv_blocks", setting.kv_blocks).member("kv_block_tokens", local::kBlockTokens);
  writer.member("step_tokens", setting.step_tokens);
  number(writer, "bandwidth_gb_per_second", setting.bandwidth);
  writer.member("bandwidth_measured", setting.bandwidth_measured);
  number(writer, "peak_tflops", setting.peak);
  money(writer, "machine_hour_usd", setting.hourly);
}

void write_row(JsonWriter& writer, const GridSpeed& row) {
  writer.begin_object().member("row", row.row.name());
  if (row.us.empty()) {
    writer.member("left_out", row.left_out).end_object();
    return;
  }
  writer.key("us").begin_array();
  for (const std::int64_t us : row.us) writer.number(us);
  writer.end_array().raw_member("tokens_per_second", text_of(row.tokens_per_second));
  number(writer, "memory_ceiling", row.memory_ceiling);
  number(writer, "compute_ceiling", row.compute_ceiling);
  money(writer, "usd_per_million", row.per_million);
  writer.end_object();
}

void write_grid(JsonWriter& writer, const GridReport& report) {
  writer.begin_object().member("depth", report.options.depth).member("steps", report.options.steps);
  writer.member("repeats", report.options.repeats).key("rows").begin_array();
  for (const GridSpeed& row : report.rows) write_row(writer, row);
  writer.end_array().end_object();
}

void write_cost(JsonWriter& writer, const ServeCost& cost) {
  writer.begin_object();
  money(writer, "machine_usd", cost.machine);
  money(writer, "usd_per_million_output", cost.per_million_output);
  money(writer, "usd_per_million", cost.per_million);
  if (!cost.against.empty()) {
    writer.member("against", cost.against);
    money(writer, "hosted_usd", cost.hosted);
    money(writer, "hosted_usd_per_million_output", cost.hosted_per_million_output);
    money(writer, "hosted_usd_per_million", cost.hosted_per_million);
    const std::optional<BreakEven>& even = cost.break_even;
    writer.raw_member("hosted_by_own", even ? even->hosted_by_own.to_string() : "null");
    writer.raw_member("break_even_percent", even ? even->percent.to_string() : "null");
  }
  writer.end_object();
}

void write_serve(JsonWriter& writer, const ServeReport& report) {
  const ServeFigures& figures = report.figures;
  writer.begin_object().member("shape", report.shape).member("requests", figures.requests);
  writer.key("rate").raw(report.options.rate > 0 ? text_of(report.options.rate) : "null");
  writer.member("seed", report.options.seed).member("failed", figures.failed);
  writer.member_if("first_failure", figures.first_failure);
  writer.member("took_us", figures.took_us).member("idle_us", figures.idle_us).member("steps", figures.steps);
  writer.member("input_tokens", figures.input_tokens).member("cached_tokens", figures.cached_tokens);
  writer.member("output_tokens", figures.output_tokens).member("preemptions", figures.preemptions);
  times(writer, "first_token_us", figures.first_token);
  times(writer, "between_tokens_us", figures.between_tokens);
  times(writer, "whole_answer_us", figures.whole);
  writer.key("cost");
  if (report.cost)
    write_cost(writer, *report.cost);
  else
    writer.null();
  writer.end_object();
}

}  // namespace

std::string report_json(const Setting& setting, const GridReport* grid, const ServeReport* serve) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  write_setting(writer, setting);
  writer.key("grid");
  if (grid)
    write_grid(writer, *grid);
  else
    writer.null();
  writer.key("serve");
  if (serve)
    write_serve(writer, *serve);
  else
    writer.null();
  writer.end_object();
  return out + "\n";
}

}  // namespace tollgate::gateway::bench
