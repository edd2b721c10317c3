// The tables. Thread rule: pure functions.
#include <fmt/format.h>

#include <algorithm>

#include "gateway/bench/report.h"
#include "local_backend/backend.h"

namespace tollgate::gateway::bench {
namespace {

std::string speed_text(std::optional<double> tokens_per_second) {
  if (!tokens_per_second) return "-";
  return fmt::format("{:.{}f}", *tokens_per_second, *tokens_per_second < 100 ? 1 : 0);
}

std::string share_text(double part, std::optional<double> whole) {
  return whole ? fmt::format("{:.1f} %", 100 * part / *whole) : "-";
}

// With at least three digits that mean something, so that little is not shown as nothing.
std::string money_text(const std::optional<Money>& money) {
  if (!money) return "-";
  Money::Femto least = 10'000'000'000'000;  // 0.01 USD
  for (const int decimals : {4, 7, 10}) {
    if (money->is_zero() || money->femto() >= least) return money->to_fixed(decimals);
    least /= 1000;
  }
  return money->to_string();
}

std::string time_text(std::uint32_t us) {
  const double ms = us / 1e3;
  return ms >= 10'000 ? fmt::format("{:.2f} s", ms / 1e3) : fmt::format("{:.{}f} ms", ms, ms < 100 ? 2 : 0);
}

std::string percentile_line(const char* name, const std::optional<Percentiles>& times) {
  if (!times) return fmt::format("{:<16}{:>12}{:>12}{:>12}{:>12}\n", name, "-", "-", "-", "-");
  return fmt::format("{:<16}{:>12}{:>12}{:>12}{:>12}\n", name, time_text(times->p50), time_text(times->p90),
                     time_text(times->p99), time_text(times->most));
}

std::string rate_of(std::int64_t tokens, std::int64_t us) {
  if (us <= 0) return "-";
  return fmt::format("{:.1f}", static_cast<double>(tokens) * 1e6 / static_cast<double>(us));
}

std::string cost_text(const ServeCost& cost) {
  std::string out =
      fmt::format("\nthis machine: {} USD for this run, {} per 1M output tokens, {} per 1M of all\n",
                  money_text(cost.machine), money_text(cost.per_million_output), money_text(cost.per_million));
  if (cost.against.empty()) return out;
  if (!cost.hosted) return out + fmt::format("{}: no price is known for this traffic\n", cost.against);
  out += fmt::format("{}: {} USD for the same traffic, {} per 1M output tokens, {} per 1M of all\n", cost.against,
                     money_text(cost.hosted), money_text(cost.hosted_per_million_output),
                     money_text(cost.hosted_per_million));
  if (!cost.break_even) return out;
  const BreakEven& even = *cost.break_even;
  out += fmt::format("hosted / own: {}; ", even.hosted_by_own.to_string());
  out += even.worth ? fmt::format("this machine is cheaper from {} % of this rate on, around the clock\n",
                                  even.percent.to_string())
                    : fmt::format("this machine would be cheaper at {} % of this rate: it does not reach it\n",
                                  even.percent.to_string());
  return out;
}

std::string ceilings_text(const Setting& setting) {
  std::string out = setting.bandwidth ? fmt::format("memory {:.1f} GB/s ({})", *setting.bandwidth,
                                                    setting.bandwidth_measured ? "measured" : "as given")
                                      : "memory: not known, say --bandwidth GB/s";
  out += setting.peak ? fmt::format("; peak {:g} TFLOPS (as given)\n", *setting.peak)
                      : "; peak: not known, say --peak TFLOPS\n";
  return out;
}

}  // namespace

std::string setting_text(const Setting& setting) {
  std::string out =
      fmt::format("{} ({}): {}, {:.1f} MB\n", setting.name.empty() ? "a model without name" : setting.name,
                  setting.file, setting.architecture, static_cast<double>(setting.file_bytes) / 1e6);
  return out + fmt::format("{}; context {}, KV {}, {} blocks of {} tokens\n", setting.device, setting.context,
                           setting.kv, setting.kv_blocks, local::kBlockTokens);
}

std::string grid_text(const Setting& setting, const GridReport& report) {
  const bool money = std::ranges::any_of(report.rows, [](const GridSpeed& row) { return row.per_million.has_value(); });
  std::string out = ceilings_text(setting);
  out += fmt::format("\n{:<8}{:>12}{:>16}{:>10}{:>17}{:>10}{}\n", "", "tokens/s", "memory ceiling", "of it",
                     "compute ceiling", "of it", money ? "  USD/1M tokens" : "");
  bool cached = false;
  for (const GridSpeed& row : report.rows) {
    if (row.us.empty()) {
      out += fmt::format("{:<8}{:>12}  {}\n", row.row.name(), "-", row.left_out);
      continue;
    }
    const double speed = row.tokens_per_second;
    out += fmt::format("{:<8}{:>12}{:>16}{:>10}{:>17}{:>10}", row.row.name(), speed_text(speed),
                       speed_text(row.memory_ceiling), share_text(speed, row.memory_ceiling),
                       speed_text(row.compute_ceiling), share_text(speed, row.compute_ceiling));
    if (money) out += fmt::format("{:>15}", money_text(row.per_million));
    out += '\n';
    cached |= row.memory_ceiling && speed > *row.memory_ceiling;
  }
  out += fmt::format("\nppN: a prompt of N tokens. tgN: N sequences at once, {} steps behind {} tokens of context. ",
                     report.options.steps, report.options.depth);
  out += fmt::format("Medians of {}.\n", report.options.repeats);
  if (cached) out += "Over 100 % of the memory ceiling: the processor's caches hold what is read.\n";
  return out;
}

std::string serve_text(const ServeReport& report) {
  const ServeFigures& figures = report.figures;
  const auto seconds = [](std::int64_t us) { return static_cast<double>(us) / 1e6; };
  std::string out = fmt::format(
      "\n{}, {} requests, {}, seed {}\n\n", report.shape, figures.requests,
      report.options.rate > 0 ? fmt::format("{:g} per second", report.options.rate) : std::string("all at once"),
      report.options.seed);
  out += fmt::format("requests        {} answered, {} failed\n", figures.requests - figures.failed, figures.failed);
  if (figures.failed > 0) out += fmt::format("                first failure: {}\n", figures.first_failure);
  out += fmt::format("time            {:.3f} s, of it the engine was idle for {:.3f} s\n", seconds(figures.took_us),
                     seconds(figures.idle_us));
  out += fmt::format("input           {} tokens, {} per second; {} of them found computed ({})\n", figures.input_tokens,
                     rate_of(figures.input_tokens, figures.took_us), figures.cached_tokens,
                     figures.input_tokens > 0 ? share_text(static_cast<double>(figures.cached_tokens),
                                                           static_cast<double>(figures.input_tokens))
                                              : "-");
  out += fmt::format("output          {} tokens, {} per second\n", figures.output_tokens,
                     rate_of(figures.output_tokens, figures.took_us));
  out += fmt::format("preemptions     {}\n\n", figures.preemptions);
  out += fmt::format("{:<16}{:>12}{:>12}{:>12}{:>12}\n", "", "p50", "p90", "p99", "most");
  out += percentile_line("first token", figures.first_token);
  out += percentile_line("between tokens", figures.between_tokens);
  out += percentile_line("whole answer", figures.whole);
  return report.cost ? out + cost_text(*report.cost) : out;
}

}  // namespace tollgate::gateway::bench
