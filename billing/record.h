// CostRecord: one attempt that reached (or tried to reach) an upstream, as one immutable ledger row.
// Column names and meanings: docs/formats/ledger.md. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/id.h"
#include "core/money.h"
#include "core/usage.h"

namespace tollgate::billing {

enum class Outcome : std::uint8_t { ok, error, aborted, timeout, cached };
enum class CostSource : std::uint8_t { provider, computed, estimated, cache, local, unpriced };
const char* outcome_name(Outcome outcome);
const char* cost_source_name(CostSource source);

struct CostRecord {
  Id id;  // of the attempt; the ledger's key, made when the attempt starts
  Id request_id;
  std::uint32_t attempt = 1;
  std::int64_t started_us = 0, finished_us = 0;  // wall micros
  std::string team, feature, environment, user_id, key_id;
  std::vector<std::pair<std::string, std::string>> tags;  // sorted by key
  std::string surface;                                    // "chat", "messages", ...
  std::string requested_model;                            // as the caller wrote it
  std::string provider, model;                            // as sent upstream
  std::string served_model;                               // as the reply says
  std::string provider_request_id;
  std::string route;  // name of the models: entry, empty for provider/model
  bool stream = false;
  Outcome outcome = Outcome::ok;
  int http_status = 0;  // upstream's; 0 = none received
  std::string error_code;
  Usage usage;
  std::int64_t ttft_us = -1;  // start to first content byte; -1 = none
  std::int64_t duration_us = 0;
  std::optional<Money> cost;  // absent = unknown, never zero
  CostSource cost_source = CostSource::unpriced;
  std::optional<Money> baseline_cost;  // at list price with no cache or tier discounts; absent = unknown
  std::vector<std::string> price_ids;
  bool quarantined = false;  // attribution policy put it aside
};

// Binary form for the spool: versioned, self-delimiting fields, see docs/formats/spool.md. decode() fails on any
// damage.
void encode(const CostRecord& record, std::string& out);
bool decode(std::string_view bytes, CostRecord& record);

}  // namespace tollgate::billing
