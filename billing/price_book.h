// PriceBook: dated price rows -> the exact cost of a Usage, with the ids of the rows used. Immutable after build;
// shared across threads. Rules (docs/formats/billing.md): choose rows by target, region, served tier, batch, time and
// context size; multipliers stack on token buckets; per-call fees stand outside; no rounding before display.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "billing/record.h"
#include "billing/usage_part.h"
#include "config/schema.h"
#include "core/result.h"
#include "core/usage.h"

namespace tollgate::billing {

struct PriceQuery {
  std::string_view provider, model;
  std::string_view region;        // of the provider row; Usage.geo wins where the vendor says one
  std::string_view service_tier;  // requested; Usage.served_tier wins
  bool batch = false;
  std::int64_t at_us = 0;  // time of the request's start
};

struct Priced {
  std::optional<Money> cost;      // absent = unknown price (unpriced), even when usage is zero
  std::optional<Money> baseline;  // list price: every input token at the input rate, standard tier
  CostSource source =
      CostSource::unpriced;  // provider, computed, unpriced; estimated when a tier or batch has no price
  std::vector<std::string> price_ids;
  std::string note;  // why unpriced, or which price stood in for a missing one
};

class PriceBook {
 public:
  // Rows earlier in `rows` win over later ones of equal specificity (the user's before the shipped ones); a user row
  // inherits buckets and tiers it does not name from the shipped row of the same target. Empty ids are made here. Fails
  // with status 400 and the row's file and line on rows that contradict themselves or could overflow 128 bits.
  static Result<std::shared_ptr<const PriceBook>> build(std::vector<config::PriceRow> rows);
  // A reported cost (Usage.reported_cost) is the final charge. Else a used bucket without any rate makes the whole
  // unpriced; it is free only if a row says 0. Fall-backs: reasoning -> output; cache_read, cache_write_5m,
  // image_input, video_input and citation -> input; image_cache_read -> cache_read; audio_cache_read -> audio_input;
  // others -> none. `parts` (UsageReader::parts) are priced one by one, each at its own model and context size, and
  // added.
  Priced price(const PriceQuery& query, const Usage& usage, std::span<const UsagePart> parts = {}) const;
  // A reply that the gateway gave from its own cache: it costs nothing. `usage` is what the vendor reported for the
  // reply that was kept; the baseline is what those tokens cost at list price, so baseline - cost is what the cache
  // saved.
  Priced price_cached(const PriceQuery& query, const Usage& usage) const;
  bool knows(const PriceQuery& query) const;
  std::size_t size() const;
  ~PriceBook();

 private:
  struct Impl;
  explicit PriceBook(std::unique_ptr<Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// The id a row gets when it names none: "openai/gpt-5-mini@2026-08-06", then "+eu" (region), "+batch", "+flex" (tier),
// ">272000" or ">=200000", "+from:2026-09-01T00:00:00Z", "+mon-fri 01:00-04:00" as far as they apply.
std::string price_row_id(const config::PriceRow& row);

}  // namespace tollgate::billing
