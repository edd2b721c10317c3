// tollgate report, migrate, spool: the ledger from outside the gateway.
#include <cstdio>
#include <filesystem>

#include "billing/ledger.h"
#include "billing/ledger_writer.h"
#include "billing/report.h"
#include "billing/spool.h"
#include "config/load.h"
#include "core/clock.h"
#include "core/log.h"
#include "gateway/commands.h"

namespace tollgate::gateway {
namespace {

int fail(std::string_view command, const std::string& what, int status) {
  std::fprintf(stderr, "tollgate %.*s: %s\n", static_cast<int>(command.size()), command.data(), redacted(what).c_str());
  return status;
}

// Loads the configuration; errors are printed.
std::optional<config::Config> load_config(const std::optional<std::string>& path) {
  auto loaded = path ? config::load_file(*path) : config::load_text(config::default_yaml(), "default");
  for (const auto& d : loaded.errors) std::fprintf(stderr, "%s\n", redacted(d.to_string()).c_str());
  if (!loaded.ok()) return std::nullopt;
  return std::move(loaded.config);
}

billing::SpoolOptions spool_options(const config::Config& config) {
  return {.directory = config.state_dir + "/spool",
          .segment_bytes = config.ledger.spool_segment_bytes,
          .max_bytes = config.ledger.spool_max_bytes,
          .fsync_interval_ms = config.ledger.fsync_interval.count()};
}

// Files only, so that it works beside a running gateway; what waits for the ledger is the metric
// tollgate_spool_pending_records.
void print_spool_files(const std::string& directory) {
  std::size_t files = 0, bytes = 0;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ec)) {
    if (!entry.is_regular_file(ec)) continue;
    const auto size = entry.file_size(ec);
    std::printf("%12ju  %s\n", static_cast<std::uintmax_t>(size), entry.path().filename().c_str());
    ++files;
    bytes += size;
  }
  std::printf("%12zu  bytes in %zu files of %s\n", bytes, files, directory.c_str());
}

}  // namespace

int run_report(Arguments& arguments) {
  const auto path = arguments.option("--config");
  const auto by = arguments.option("--by");
  const auto since = arguments.option("--since");
  const auto until = arguments.option("--until");
  const std::string format_name = arguments.option("--format").value_or("table");
  if (const std::string problem = arguments.problem(); !problem.empty()) return fail("report", problem, 2);
  billing::ReportFormat format{};
  if (!billing::report_format_from_name(format_name, format))
    return fail("report", "--format must be table, csv or json", 2);
  auto dimensions = billing::parse_report_dimensions(by.value_or("team"));
  if (!dimensions) return fail("report", dimensions.error().message, 2);
  billing::ReportQuery query{.by = std::move(*dimensions)};
  for (auto [text, slot] : {std::pair{&since, &query.since_us}, {&until, &query.until_us}}) {
    if (!*text) continue;
    const auto when = billing::parse_report_time(**text, wall_micros());
    if (!when) return fail("report", when.error().message, 2);
    *slot = *when;
  }
  const auto config = load_config(path);
  if (!config) return 2;
  auto ledger = billing::open_ledger(config->ledger.url, config->state_dir);
  if (!ledger) return fail("report", ledger.error().message, 1);
  auto rows = (*ledger)->report(query);
  if (!rows) return fail("report", rows.error().message, 1);
  std::fputs(billing::render_report(query, *rows, format).c_str(), stdout);
  return 0;
}

int run_migrate(Arguments& arguments) {
  const auto path = arguments.option("--config");
  if (const std::string problem = arguments.problem(); !problem.empty()) return fail("migrate", problem, 2);
  const auto config = load_config(path);
  if (!config) return 2;
  auto ledger = billing::open_ledger(config->ledger.url, config->state_dir);
  if (!ledger) return fail("migrate", ledger.error().message, 1);
  auto applied = (*ledger)->migrate();
  if (!applied) return fail("migrate", applied.error().message, 1);
  for (const std::string& name : *applied) std::printf("applied %s\n", name.c_str());
  std::printf("ledger is up to date\n");
  return 0;
}

int run_spool(Arguments& arguments) {
  const auto verb = arguments.next();
  const auto path = arguments.option("--config");
  if (const std::string problem = arguments.problem(); !problem.empty()) return fail("spool", problem, 2);
  if (!verb || (*verb != "status" && *verb != "drain")) return fail("spool", "say status or drain", 2);
  const auto config = load_config(path);
  if (!config) return 2;
  if (*verb == "status") {
    print_spool_files(spool_options(*config).directory);
    return 0;
  }
  auto spool = billing::Spool::open(spool_options(*config));
  if (!spool) return fail("spool", spool.error().message, 1);
  auto ledger = billing::open_ledger(config->ledger.url, config->state_dir);
  if (!ledger) return fail("spool", ledger.error().message, 1);
  MetricsRegistry metrics;
  billing::LedgerWriter writer(
      **spool, std::move(*ledger),
      {.batch_rows = config->ledger.batch_rows, .poison_file = config->state_dir + "/spool/poison.jsonl"}, metrics);
  std::string message;
  if (!writer.drain_once(&message)) return fail("spool", "not drained: " + message, 1);
  std::printf("drained\n");
  return 0;
}

}  // namespace tollgate::gateway
