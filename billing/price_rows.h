// Price rows made ready for look-up: conditions as numbers, rates as an array, rows of one target sorted so that the
// first match is the most specific one. Inside of PriceBook. Owner: billing, price half. Thread rule: immutable after
// building.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/schema.h"
#include "core/money.h"
#include "core/result.h"
#include "core/usage.h"

namespace tollgate::billing {

inline constexpr std::size_t kMaxRowsPerTarget = 64;

struct CompiledRow {
  std::string id, region, service_tier, currency;
  bool batch = false, context_inclusive = false;
  std::int64_t context_over = 0;
  std::int64_t valid_from_us = 0, valid_to_us = INT64_MAX;
  std::uint8_t weekdays = 0;
  std::int16_t from_minute = 0, to_minute = 0;
  std::uint32_t named = 0;  // bit per bucket that has a rate
  std::array<Rate, kBuckets> rates{};
  std::vector<std::pair<std::string, Factor>> multipliers;
  std::size_t group = 0;  // files in order of appearance: the user's before the shipped one
  std::size_t order = 0;

  bool names(Bucket b) const { return (named >> static_cast<unsigned>(b) & 1u) != 0; }
  bool names_units() const;  // any rate other than per-call fees
  const Factor* multiplier(std::string_view kind, std::string_view name) const;
};

// What the conditions of rows are compared with.
struct Situation {
  std::string_view region, service_tier;
  bool batch = false;
  std::int64_t at_us = 0;
  std::int64_t input_side = 0;
};
bool matches(const CompiledRow& row, const Situation& now);
// True when `a` is to be asked before `b`.
bool more_specific(const CompiledRow& a, const CompiledRow& b);
// Checks and compiles one row; the error names its file and line.
Result<CompiledRow> compile_row(const config::PriceRow& row);
// The tier's one name: "" for default, standard, auto and on_demand; priority for fast.
std::string_view canonical_tier(std::string_view tier);

// Fees beside a model's own price, often the same for all models of a vendor.
inline bool is_call(Bucket b) { return b >= Bucket::web_search && b <= Bucket::code_execution; }
// Rows with this provider say what one unit of another money is worth.
inline constexpr std::string_view kCurrencies = "currency";

}  // namespace tollgate::billing
