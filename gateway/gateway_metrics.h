// GatewayMetrics: the request path's metric handles, found once per label set and thread, then plain atomic adds.
// Labels are bounded: dimensions pass the cardinality guard first, and families have a series limit.
// Thread rule: one per io thread (the handles inside are shared and safe).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "billing/record.h"
#include "core/metrics.h"

namespace tollgate::gateway {

class GatewayMetrics {
 public:
  explicit GatewayMetrics(MetricsRegistry& registry);
  // Books one finished attempt.
  void attempt(const billing::CostRecord& record);
  // Books a request refused before any attempt, by error code.
  void refused(std::string_view code);

  Gauge& connections;
  Gauge& requests_in_flight;
  Counter& client_aborts;
  Counter& stale_retries;
  Counter& requests;

 private:
  struct Series;
  Series& series_of(const billing::CostRecord& record);

  MetricsRegistry& registry_;
  std::string key_;  // scratch for look-ups
  std::unordered_map<std::string, std::unique_ptr<Series>> series_;
  std::unordered_map<std::string, Counter*> refusals_;

 public:
  ~GatewayMetrics();
};

}  // namespace tollgate::gateway
