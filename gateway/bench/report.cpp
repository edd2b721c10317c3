#include "gateway/bench/report.h"

#include <algorithm>

namespace tollgate::gateway::bench {
namespace {

double per_second(double tokens, double us) { return tokens * 1e6 / us; }

}  // namespace

GridSpeed speed_of(const GridFigure& figure, const GridOptions& options, const ModelWork& model,
                   const Setting& setting) {
  GridSpeed speed{.row = figure.row, .us = figure.us, .left_out = figure.left_out};
  if (figure.us.empty()) return speed;
  const std::int64_t us = std::max<std::int64_t>(median(figure.us), 1);
  const auto tokens = static_cast<double>(figure.tokens);
  speed.tokens_per_second = per_second(tokens, static_cast<double>(us));
  Work work = figure.row.prefill ? prefill(model, figure.row.size, setting.step_tokens)
                                 : decode_step(model, figure.row.size, figure.context);
  const double steps = figure.row.prefill ? 1 : static_cast<double>(options.steps);
  if (const auto least = memory_us(work, setting.bandwidth)) speed.memory_ceiling = per_second(tokens, *least * steps);
  if (const auto least = compute_us(work, setting.peak)) speed.compute_ceiling = per_second(tokens, *least * steps);
  if (setting.hourly) speed.per_million = machine_per_million(*setting.hourly, us, figure.tokens);
  return speed;
}

std::optional<ServeCost> cost_of(const ServeFigures& figures, const std::optional<Money>& hourly,
                                 const std::optional<HostedPrice>& hosted) {
  if (!hourly) return std::nullopt;
  const std::int64_t all = figures.input_tokens + figures.output_tokens;
  ServeCost cost;
  cost.machine = machine_money(*hourly, figures.took_us);
  cost.per_million_output = machine_per_million(*hourly, figures.took_us, figures.output_tokens);
  cost.per_million = machine_per_million(*hourly, figures.took_us, all);
  if (!hosted) return cost;
  cost.against = hosted->name();
  cost.hosted = hosted->of(figures.traffic);
  if (!cost.hosted) return cost;
  cost.hosted_per_million_output = per_million(*cost.hosted, figures.output_tokens);
  cost.hosted_per_million = per_million(*cost.hosted, all);
  cost.break_even = break_even(cost.machine, *cost.hosted);
  return cost;
}

}  // namespace tollgate::gateway::bench
