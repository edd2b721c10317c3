// What measured traffic costs on the own machine, and what a vendor would take for it. Money is exact; each amount is
// rounded once, half to even in the fifteenth decimal. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "billing/price_book.h"
#include "core/money.h"
#include "core/result.h"

namespace tollgate::gateway::bench {

// The most that an hour may cost, and a run may take: products of both stay exact.
inline constexpr std::int64_t kMostHourlyUsd = 1'000'000;

// USD for an hour: positive and at most kMostHourlyUsd. Errors: client_fault.
Result<Money> parse_hourly(std::string_view text);

// amount * numerator / denominator. REQUIRES: amount and numerator not negative, denominator positive.
Money share_of(Money amount, std::int64_t numerator, std::int64_t denominator);
// What a machine costs for so long.
Money machine_money(Money hourly, std::int64_t us);
// The same for each million of `tokens`; nullopt where there are none.
std::optional<Money> machine_per_million(Money hourly, std::int64_t us, std::int64_t tokens);
std::optional<Money> per_million(Money amount, std::int64_t tokens);

// Tokens of one request.
struct Traffic {
  std::int64_t input = 0;   // of the prompt, those that were found computed among them
  std::int64_t cached = 0;  // those
  std::int64_t output = 0;
};

// What a vendor takes: a row of the shipped price list, or two rates that are given.
class HostedPrice {
 public:
  // "VENDOR/MODEL". Errors: client_fault when the shipped list has no such price.
  static Result<HostedPrice> shipped(std::string_view target);
  // "IN,OUT" in USD per million tokens. Errors: client_fault.
  static Result<HostedPrice> given(std::string_view rates);

  // Request by request, at the rates of each one's size; what was found computed at the vendor's rate for cached input
  // where it has one. nullopt when the list knows no price for such requests.
  std::optional<Money> of(const std::vector<Traffic>& requests) const;
  const std::string& name() const { return name_; }

 private:
  std::string name_, provider_, model_;
  std::shared_ptr<const billing::PriceBook> book_;
};

struct BreakEven {
  Money own, hosted;     // for the same traffic
  Factor hosted_by_own;  // hosted / own, two decimals, rounded down
  Factor percent;        // of this traffic's rate, around the clock, from which the own machine is cheaper: rounded up
  bool worth = false;    // the machine reaches that rate: percent <= 100
};
// nullopt where one of them costs nothing, or the factors are beyond all sense.
std::optional<BreakEven> break_even(Money own, Money hosted);

}  // namespace tollgate::gateway::bench
