// Money: exact US dollars as an integer count of 1e-15 USD (femto-dollars) in 128 bits, range about +-1.7e23 USD.
// No floating point anywhere. Rounding happens only where a function's name says so.
// Why 1e-15: token prices use up to 12 decimals of USD per token and multipliers (batch 0.5, region 1.1, ...) add up to
// three more, see docs/formats/billing.md. Thread rule: plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate {

class Money {
 public:
  using Femto = __int128;

  constexpr Money() = default;
  static constexpr Money from_femto(Femto femto) { return Money(femto); }
  // Decimal text such as "12", "-0.000054399", "1.5e-7". Fails on anything else, on more than 15 decimals that are not
  // zero, and on overflow.
  static Result<Money> parse(std::string_view text);

  constexpr Femto femto() const { return femto_; }
  constexpr bool is_zero() const { return femto_ == 0; }
  // Shortest exact decimal text without exponent: "0.054399", "0", "-1.5".
  std::string to_string() const;
  // Exactly `decimals` places (0..15), half-even rounding: for display only.
  std::string to_fixed(int decimals) const;

  constexpr Money operator-() const { return Money(-femto_); }
  // Sums and differences abort the program on overflow (a bug: 1e23 USD cannot occur).
  friend Money operator+(Money a, Money b);
  friend Money operator-(Money a, Money b);
  Money& operator+=(Money other) { return *this = *this + other; }
  Money& operator-=(Money other) { return *this = *this - other; }
  friend constexpr auto operator<=>(Money a, Money b) = default;

 private:
  explicit constexpr Money(Femto femto) : femto_(femto) {}
  Femto femto_ = 0;
};

// A price multiplier or other exact decimal factor: value = num / 10^scale, for example 1.1 = {11, 1}.
struct Factor {
  std::int64_t num = 1;
  int scale = 0;
  // Decimal text, non-negative, at most 9 decimals.
  static Result<Factor> parse(std::string_view text);
  std::string to_string() const;
  friend bool operator==(const Factor&, const Factor&) = default;
};

// Price of one unit (token, call, ...), kept as the price of 1,000,000 units in femto-dollars, so that any price with
// up to 15 decimals per million units is exact.
class Rate {
 public:
  constexpr Rate() = default;
  static Rate per_million(Money price) { return Rate(price); }  // price of 1,000,000 units
  static Rate per_unit(Money price);                            // price of one unit
  Money per_million() const { return per_million_; }
  bool is_zero() const { return per_million_.is_zero(); }
  // units x rate x factors, computed exactly and rounded half-even once to 1e-15 USD. `inexact`, when
  // given, is set to true if that rounding changed the value. REQUIRES units >= 0. Aborts on overflow.
  Money times(std::int64_t units, const Factor* factors = nullptr, int factor_count = 0, bool* inexact = nullptr) const;
  friend constexpr auto operator<=>(Rate a, Rate b) = default;

 private:
  explicit constexpr Rate(Money per_million) : per_million_(per_million) {}
  Money per_million_;
};

}  // namespace tollgate
