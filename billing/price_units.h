// Prices as outside sources state them, with the unit in the type: a file in cents per token cannot be read as dollars.
// parse() reads decimal text and rounds half-even to 12 decimals of USD per token (or per call), because sources print
// binary floating point with 17 to 23 digits while real token prices use at most 12 decimals.
// Owner: billing, price half. Thread rule: plain values.
#pragma once

#include <optional>
#include <string_view>

#include "billing/price_decimal.h"
#include "core/money.h"

namespace tollgate::billing {

namespace price_units {
struct DollarPerUnit {
  static constexpr int kDecimals = 12;
  static Rate rate(Money amount) { return Rate::per_unit(amount); }
};
struct DollarPerMillion {
  static constexpr int kDecimals = 6;
  static Rate rate(Money amount) { return Rate::per_million(amount); }
};
struct DollarPerThousand {
  static constexpr int kDecimals = 9;
  static Rate rate(Money amount) { return Rate::per_million(Money::from_femto(amount.femto() * 1'000)); }
};
// Of audio, whose unit here is the thousandth of a second.
struct DollarPerSecond {
  static constexpr int kDecimals = 12;
  static Rate rate(Money amount) { return Rate::per_million(Money::from_femto(amount.femto() * 1'000)); }
};
struct CentPerUnit {
  static constexpr int kDecimals = 10;
  static Rate rate(Money amount) { return Rate::per_million(Money::from_femto(amount.femto() * 10'000)); }
};
}  // namespace price_units

template <class Unit>
class StatedPrice {
 public:
  // nullopt when `text` is no number, negative, or over 1e6 of its unit. `rounded` is set to true when digits were cut.
  static std::optional<StatedPrice> parse(std::string_view text, bool* rounded = nullptr) {
    const auto amount = money_rounded(text, Unit::kDecimals, rounded);
    constexpr Money kMost = Money::from_femto(Money::Femto{1'000'000} * 1'000'000'000'000'000);
    if (!amount || *amount < Money{} || *amount > kMost) return std::nullopt;
    return StatedPrice(*amount);
  }
  explicit operator Rate() const { return Unit::rate(amount_); }

 private:
  explicit StatedPrice(Money amount) : amount_(amount) {}
  Money amount_;
};

using UsdPerToken = StatedPrice<price_units::DollarPerUnit>;
using UsdPerCall = StatedPrice<price_units::DollarPerUnit>;
using UsdPerMillion = StatedPrice<price_units::DollarPerMillion>;
using UsdPerSecond = StatedPrice<price_units::DollarPerSecond>;
using UsdPerThousandCalls = StatedPrice<price_units::DollarPerThousand>;
using CentsPerToken = StatedPrice<price_units::CentPerUnit>;
using CentsPerCall = StatedPrice<price_units::CentPerUnit>;

}  // namespace tollgate::billing
