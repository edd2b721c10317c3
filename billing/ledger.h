// Ledger: the store of cost records. Two members, chosen by URL: sqlite:FILE (WAL) and postgres://...; one shared
// contract test. Verbs are ours, never SQL. Thread rule: one owner thread per instance; open another instance to read
// beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "billing/record.h"
#include "core/result.h"

namespace tollgate::billing {

struct ReportQuery {
  std::vector<std::string> by;  // team, feature, environment, user, key, model, requested_model, provider, route,
                                // outcome, surface, cost_source, day, hour, or tag:NAME
  std::int64_t since_us = 0, until_us = INT64_MAX;  // on started_at, half open
};
struct ReportRow {
  std::vector<std::string> dims;  // one per `by`
  std::int64_t requests = 0, attempts = 0, errors = 0;
  std::int64_t input_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0, output_tokens = 0, reasoning_tokens = 0;
  std::int64_t unpriced_attempts = 0, estimated_attempts = 0;
  Usage units;  // sums of the buckets that have no field here: media, calls, cache writes by lifetime, ...
  Money cost;   // exact sum of known costs
};

enum class AppendVerdict : unsigned char { ok, unavailable, rejected };
struct AppendResult {
  AppendVerdict verdict = AppendVerdict::ok;
  std::size_t inserted = 0;  // new rows; duplicates are ignored silently
  std::string message;       // of the store, secrets removed
};

class Ledger {
 public:
  virtual ~Ledger() = default;
  // Brings the schema to the newest migration; names applied ones. Safe to run from several processes at once.
  virtual Result<std::vector<std::string>> migrate() = 0;
  // All rows or none, in one transaction, idempotent by record id. `unavailable`: try again later with the same rows;
  // `rejected`: the store refuses some row for its content, the caller bisects to isolate it.
  virtual AppendResult append(std::span<const CostRecord> records) = 0;
  virtual Result<std::vector<ReportRow>> report(const ReportQuery& query) = 0;
  // Daily chores: partitions ahead, retention. Cheap when nothing is due.
  virtual Result<void> maintain(std::int64_t now_us, int retention_days) = 0;
};

// `base_dir` is where a relative sqlite path lies. Does not connect yet where the store can be away (postgres).
Result<std::unique_ptr<Ledger>> open_ledger(const std::string& url, const std::string& base_dir);

}  // namespace tollgate::billing
