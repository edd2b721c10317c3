// Id: UUIDv7 (RFC 9562), our own identity of requests and attempts; a vendor's ids are plain columns, never keys.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate {

struct Id {
  std::array<std::uint8_t, 16> bytes{};
  // New id from the wall clock and a per-thread generator seeded by the OS; strictly increasing within one thread.
  static Id next();
  static Result<Id> parse(std::string_view text);  // canonical 36 characters, either case
  std::string to_string() const;                   // canonical lower case
  bool is_zero() const;
  friend auto operator<=>(const Id&, const Id&) = default;
};

// Makes Id::next() of this thread deterministic (simulation, tests). 0 = back to the OS seed.
void seed_ids_for_test(std::uint64_t seed);

}  // namespace tollgate
