#include "gateway/gateway_metrics.h"

#include <array>

namespace tollgate::gateway {
namespace {

// Microseconds, exposed as seconds: from cache-fast to the slowest reasoning answers.
const std::vector<std::int64_t> kLatencyBounds{1'000,     5'000,      10'000,     25'000,     50'000,
                                               100'000,   250'000,    500'000,    1'000'000,  2'500'000,
                                               5'000'000, 10'000'000, 30'000'000, 60'000'000, 300'000'000};
constexpr std::size_t kMaxSeries = 4'096;  // model names come from callers: bounded here too
constexpr double kMicros = 1e6;
constexpr double kNanos = 1e9;

}  // namespace

struct GatewayMetrics::Series {
  Counter* attempts = nullptr;
  Counter* unpriced = nullptr;
  Counter* cost_nano = nullptr;
  Histogram* duration = nullptr;
  Histogram* ttft = nullptr;
  std::array<Counter*, kBuckets> tokens{};
  Labels labels;
  Money::Femto femto_rest = 0;  // below one nano-dollar, carried to the next add
};

GatewayMetrics::GatewayMetrics(MetricsRegistry& registry)
    : connections(registry.gauge("tollgate_client_connections", "Open client connections")),
      requests_in_flight(registry.gauge("tollgate_requests_in_flight", "Requests being served")),
      client_aborts(
          registry.counter("tollgate_client_aborts_total", "Clients that left before their answer was whole")),
      stale_retries(registry.counter("tollgate_upstream_stale_retries_total",
                                     "Requests sent again because a kept connection had been closed by the vendor")),
      requests(registry.counter("tollgate_requests_total", "Client requests accepted on an API surface")),
      registry_(registry) {}

GatewayMetrics::~GatewayMetrics() = default;

GatewayMetrics::Series& GatewayMetrics::series_of(const billing::CostRecord& record) {
  key_.clear();
  for (std::string_view part :
       {std::string_view(record.provider), std::string_view(record.model), std::string_view(record.team),
        std::string_view(record.feature), std::string_view(record.environment),
        std::string_view(billing::outcome_name(record.outcome))}) {
    key_ += part;
    key_ += '\x1f';
  }
  auto found = series_.find(key_);
  if (found != series_.end()) return *found->second;
  const bool full = series_.size() >= kMaxSeries;
  auto& slot = series_[full ? "_other" : key_];
  if (slot) return *slot;
  slot = std::make_unique<Series>();
  slot->labels = {{"provider", record.provider},
                  {"model", record.model},
                  {"team", record.team},
                  {"feature", record.feature},
                  {"environment", record.environment}};
  if (full)
    for (auto& [name, value] : slot->labels) value = "_other";
  Labels with_outcome = slot->labels;
  with_outcome.emplace_back("outcome", billing::outcome_name(record.outcome));
  slot->attempts =
      &registry_.counter("tollgate_attempts_total", "Attempts on upstreams, one per ledger row", with_outcome);
  slot->unpriced =
      &registry_.counter("tollgate_unpriced_attempts_total", "Attempts whose cost is unknown", slot->labels);
  slot->cost_nano = &registry_.counter("tollgate_cost_usd_total", "Known cost in US dollars", slot->labels, kNanos);
  const Labels target{{"provider", record.provider}, {"model", record.model}};
  slot->duration = &registry_.histogram("tollgate_attempt_duration_seconds", "Time from start to end of an attempt",
                                        target, kLatencyBounds, kMicros);
  slot->ttft = &registry_.histogram("tollgate_time_to_first_token_seconds", "Time from start to the first content",
                                    target, kLatencyBounds, kMicros);
  return *slot;
}

void GatewayMetrics::attempt(const billing::CostRecord& record) {
  Series& series = series_of(record);
  series.attempts->add();
  series.duration->observe(record.duration_us);
  if (record.ttft_us >= 0) series.ttft->observe(record.ttft_us);
  if (record.cost) {
    constexpr Money::Femto kFemtoPerNano = 1'000'000;
    const Money::Femto femto = record.cost->femto() + series.femto_rest;
    series.cost_nano->add(static_cast<std::uint64_t>(femto / kFemtoPerNano));
    series.femto_rest = femto % kFemtoPerNano;
  } else {
    series.unpriced->add();
  }
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (record.usage.counts[i] == 0) continue;
    if (!series.tokens[i]) {
      Labels labels = series.labels;
      labels.emplace_back("bucket", bucket_name(static_cast<Bucket>(i)));
      series.tokens[i] = &registry_.counter("tollgate_tokens_total", "Units used, by disjoint bucket", labels);
    }
    series.tokens[i]->add(static_cast<std::uint64_t>(record.usage.counts[i]));
  }
}

void GatewayMetrics::refused(std::string_view code) {
  Counter*& counter = refusals_[std::string(code)];
  if (!counter)
    counter = &registry_.counter("tollgate_refused_requests_total", "Requests refused by the gateway itself",
                                 {{"code", std::string(code)}});
  counter->add();
}

}  // namespace tollgate::gateway
