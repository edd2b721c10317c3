// Decimal text to exact integers with half-even rounding at a stated place, for numbers that outside sources print from
// binary floating point ("0.00014849999999999998"). Money::parse refuses such texts; here the rounding is asked for by
// name. Owner: billing, price half. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/money.h"

namespace tollgate::billing {

// The value of a decimal text ("12", "-1.5e-7") rounded half-even to `decimals` places (0..15); nullopt when the text
// is no number or the value does not fit. `changed`, when given, is set to true if rounding changed the value.
std::optional<Money> money_rounded(std::string_view text, int decimals, bool* changed = nullptr);
// value x 10^shift, rounded half-even to an integer; nullopt as above.
std::optional<std::int64_t> decimal_to_integer(std::string_view text, int shift);

}  // namespace tollgate::billing
