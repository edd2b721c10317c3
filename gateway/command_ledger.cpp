// tollgate report, migrate, spool: the ledger from outside the gateway.
#include <charconv>
#include <cstdio>
#include <ctime>

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

constexpr std::int64_t kSecond = 1'000'000;

int fail(std::string_view command, const std::string& what, int status) {
  std::fprintf(stderr, "tollgate %.*s: %s\n", static_cast<int>(command.size()), command.data(), redacted(what).c_str());
  return status;
}

// "30m", "24h", "30d" before now, a date or a UTC timestamp -> wall micros.
std::optional<std::int64_t> parse_when(const std::string& text) {
  std::int64_t amount = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (end.ec == std::errc{} && end.ptr + 1 == text.data() + text.size() && amount >= 0 && amount < 1'000'000) {
    switch (*end.ptr) {
      case 'm': return wall_micros() - amount * 60 * kSecond;
      case 'h': return wall_micros() - amount * 3'600 * kSecond;
      case 'd': return wall_micros() - amount * 86'400 * kSecond;
      default: return std::nullopt;
    }
  }
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (!rest) {
    parts = {};
    rest = ::strptime(text.c_str(), "%Y-%m-%d", &parts);
  }
  if (!rest || *rest != '\0') return std::nullopt;
  return static_cast<std::int64_t>(::timegm(&parts)) * kSecond;
}

// Loads the configuration; errors are printed.
std::optional<config::Config> load_config(const std::optional<std::string>& path) {
  auto loaded = path ? config::load_file(*path) : config::load_text(config::default_yaml(), "default");
  for (const auto& d : loaded.errors) std::fprintf(stderr, "%s\n", redacted(d.to_string()).c_str());
  if (!loaded.ok()) return std::nullopt;
  return std::move(loaded.config);
}

billing::SpoolOptions spool_options(const config::Config& config) {
  return {.directory = config.state_dir + "/spool", .segment_bytes = config.ledger.spool_segment_bytes, .max_bytes = config.ledger.spool_max_bytes,
          .fsync_interval_ms = config.ledger.fsync_interval.count()};
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
  if (!billing::report_format_from_name(format_name, format)) return fail("report", "--format must be table, csv or json", 2);
  auto query = billing::parse_report_dims(by.value_or("team"));
  if (!query) return fail("report", query.error().message, 2);
  for (auto [text, slot] : {std::pair{&since, &query->since_us}, {&until, &query->until_us}}) {
    if (!*text) continue;
    const auto when = parse_when(**text);
    if (!when) return fail("report", "'" + **text + "' is no time; write 30d, 24h, 2026-11-01 or 2026-11-01T12:00:00Z", 2);
    *slot = *when;
  }
  const auto config = load_config(path);
  if (!config) return 2;
  auto ledger = billing::open_ledger(config->ledger.url, config->state_dir);
  if (!ledger) return fail("report", ledger.error().message, 1);
  auto rows = (*ledger)->report(*query);
  if (!rows) return fail("report", rows.error().message, 1);
  std::fputs(billing::report_text(*query, *rows, format).c_str(), stdout);
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
    auto stats = billing::inspect_spool(spool_options(*config));
    if (!stats) return fail("spool", stats.error().message, 1);
    std::printf("segments %zu\nbytes %zu\npending_records %llu\ndamaged_frames %llu\n", stats->segments, stats->bytes,
                static_cast<unsigned long long>(stats->pending_records), static_cast<unsigned long long>(stats->damaged_frames));
    return 0;
  }
  auto spool = billing::Spool::open(spool_options(*config));
  if (!spool) return fail("spool", spool.error().message, 1);
  auto ledger = billing::open_ledger(config->ledger.url, config->state_dir);
  if (!ledger) return fail("spool", ledger.error().message, 1);
  MetricsRegistry metrics;
  billing::LedgerWriter writer(**spool, std::move(*ledger),
                               {.batch_rows = config->ledger.batch_rows, .poison_file = config->state_dir + "/spool/poison.jsonl"}, metrics);
  std::string message;
  if (!writer.drain_once(&message)) return fail("spool", "not drained: " + message, 1);
  std::printf("drained\n");
  return 0;
}

}  // namespace tollgate::gateway
