// SHA-256 and constant-time comparison: for callers' keys, which are kept and looked up only as hashes.
// Thread rule: safe on any thread (a hashing context per thread).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view data);
// The same as 64 lower-case hex digits.
std::string sha256_hex(std::string_view data);
// Compares without telling by its duration where the first difference is (the lengths are no secret).
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace tollgate
