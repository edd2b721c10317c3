// Sets of JSON numbers as automata over their texts. Two texts of one value are in a set both or not at all, so that
// complements stay exact; numbers with an exponent are kept apart, and only in sets without any bound.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "local_backend/grammar/text_set.h"

namespace tollgate::local {

struct NumberSet {
  TextSet plain;           // decimals without exponent and without "-0"; null where an operation grew too large
  bool exponents = false;  // all numbers written with an exponent, too

  bool empty() const { return plain != nullptr && is_empty(*plain) && !exponents; }
};

// A JSON number's value: sign, digits without leading zeros ("0" at least), fraction without trailing zeros.
struct Decimal {
  bool negative = false;
  std::string whole = "0", fraction;
};
// Null for exponents beyond +-400 and for texts that are no JSON number.
std::optional<Decimal> parse_decimal(std::string_view json_number);

NumberSet every_number();
NumberSet no_number();
NumberSet integers();
// Numbers x with x < bound, x == bound, x > bound, as asked.
NumberSet compared(const Decimal& bound, bool less, bool equal, bool greater);
// Null for a divisor that is not positive or whose digits pass 10000.
std::optional<NumberSet> multiples(const Decimal& divisor);
NumberSet intersect(const NumberSet& a, const NumberSet& b);
NumberSet unite(const NumberSet& a, const NumberSet& b);
NumberSet complement(const NumberSet& a);

// The texts that are really offered: integers without fraction where all are integers; finitely many values in their
// shortest form; at most 64 digits before and 32 behind the point, exponents below 240. Null: too large.
TextSet written_numbers(const NumberSet& set);

}  // namespace tollgate::local
