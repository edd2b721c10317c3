// PriceBook: dated price rows -> the exact cost of a Usage, with the ids of the rows used. Immutable after build; shared
// across threads. Rules (docs/formats/billing.md): choose rows by target, region, served tier, batch, time and context
// size; multipliers stack on token buckets; per-call fees stand outside; no rounding before display.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "billing/record.h"
#include "config/schema.h"
#include "core/result.h"
#include "core/usage.h"

namespace tollgate::billing {

struct PriceQuery {
  std::string_view provider, model;
  std::string_view region;        // of the provider row; Usage.geo wins where the vendor says one
  std::string_view service_tier;  // requested; Usage.served_tier wins
  bool batch = false;
  std::int64_t at_us = 0;         // time of the request's start
};

struct Priced {
  std::optional<Money> cost;      // absent = unknown price (unpriced), even when usage is zero
  std::optional<Money> baseline;  // list price: every input token at the input rate, standard tier
  CostSource source = CostSource::unpriced;
  std::vector<std::string> price_ids;
  std::string note;               // why unpriced, or "rate missing for <bucket>"
};

class PriceBook {
 public:
  // Rows earlier in `rows` win over later ones of equal specificity (the user's before the shipped ones); a user row
  // inherits buckets and tiers it does not name from the shipped row of the same target.
  static Result<std::shared_ptr<const PriceBook>> build(std::vector<config::PriceRow> rows);
  // Non-token usage with no rate is free only if the row says so; a used bucket without any rate makes it unpriced
  // (documented fall-backs: reasoning -> output rate, cache_write_1h -> none, audio/image -> none, cache_read -> input).
  Priced price(const PriceQuery& query, const Usage& usage) const;
  bool knows(const PriceQuery& query) const;
  std::size_t size() const;
  ~PriceBook();

 private:
  struct Impl;
  explicit PriceBook(std::unique_ptr<Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace tollgate::billing
