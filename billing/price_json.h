// JSON tree that keeps numbers as they are written, for price files: an amount must never pass through a double.
// Owner: billing, price half. Thread rule: plain values. Cold path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tollgate::billing {

struct PriceJson {
  enum class Kind : unsigned char { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  std::string name;                 // of a member of an object
  std::string value;                // of numbers (as written), texts and booleans
  std::vector<PriceJson> children;  // members or elements, in order

  bool is_object() const { return kind == Kind::object; }
  // The member of that key, or an empty node.
  const PriceJson& operator[](std::string_view key) const;
};

// Fails with status 400 on malformed text, more than 64 MiB, or nesting deeper than 64.
Result<PriceJson> parse_price_json(std::string_view text);

}  // namespace tollgate::billing
