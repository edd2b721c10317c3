// Philox4x32-10, the counter-based generator, for the host and for devices. Multipliers and key increments of J.
// Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, table 2. Thread rule:
// pure.
#pragma once

#include <cstdint>

#include "local_backend/cuda/both.h"

namespace tollgate::local {

TOLLGATE_BOTH void philox_words(std::uint64_t counter_low, std::uint64_t counter_high, std::uint64_t key,
                                std::uint32_t out[4]) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kIncrement0 = 0x9E3779B9, kIncrement1 = 0xBB67AE85;
  constexpr int kRounds = 10;
  auto c0 = static_cast<std::uint32_t>(counter_low), c1 = static_cast<std::uint32_t>(counter_low >> 32);
  auto c2 = static_cast<std::uint32_t>(counter_high), c3 = static_cast<std::uint32_t>(counter_high >> 32);
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = kMultiplier0 * c0, p1 = kMultiplier1 * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += kIncrement0;
    k1 += kIncrement1;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

// The number in [0, 1), with 53 random bits, that draws the token at `position` of answer `stream`.
TOLLGATE_BOTH double uniform_number(std::uint64_t position, std::uint64_t stream, std::uint64_t seed) {
  std::uint32_t words[4];
  philox_words(position, stream, seed, words);
  const std::uint64_t bits = std::uint64_t{words[0]} << 32 | words[1];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace tollgate::local
