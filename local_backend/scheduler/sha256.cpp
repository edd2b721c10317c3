#include "local_backend/scheduler/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tollgate::local {
namespace {

constexpr std::size_t kChunk = 64;
constexpr std::size_t kLengthAt = 56;  // where the 64-bit length stands in the last chunk

// First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
constexpr std::array<std::uint32_t, 64> kRound = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::uint32_t load_big(const std::byte* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(at[i]);
  return value;
}

void store_big(std::uint32_t value, std::byte* at) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

}  // namespace

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::compress(const std::byte* chunk) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = load_big(chunk + 4 * t);
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t near = w[t - 2], far = w[t - 15];
    const std::uint32_t low = std::rotr(far, 7) ^ std::rotr(far, 18) ^ far >> 3;
    const std::uint32_t high = std::rotr(near, 17) ^ std::rotr(near, 19) ^ near >> 10;
    w[t] = w[t - 16] + low + w[t - 7] + high;
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t big_e = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t first = h + big_e + ((e & f) ^ (~e & g)) + kRound[t] + w[t];
    const std::uint32_t big_a = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t second = big_a + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first;
    d = c, c = b, b = a, a = first + second;
  }
  const std::uint32_t after[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state_[i] += after[i];
}

void Sha256::update(std::span<const std::byte> bytes) {
  std::size_t filled = length_ % kChunk;
  length_ += bytes.size();
  while (!bytes.empty()) {
    if (filled == 0 && bytes.size() >= kChunk) {
      compress(bytes.data());
      bytes = bytes.subspan(kChunk);
      continue;
    }
    const std::size_t taken = std::min(kChunk - filled, bytes.size());
    std::memcpy(buffer_.data() + filled, bytes.data(), taken);
    bytes = bytes.subspan(taken);
    if ((filled += taken) == kChunk) {
      compress(buffer_.data());
      filled = 0;
    }
  }
}

Digest Sha256::finish() {
  std::size_t filled = length_ % kChunk;
  const std::uint64_t bits = length_ * 8;
  buffer_[filled++] = std::byte{0x80};
  if (filled > kLengthAt) {
    std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(filled), buffer_.end(), std::byte{0});
    compress(buffer_.data());
    filled = 0;
  }
  std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(filled), buffer_.begin() + kLengthAt, std::byte{0});
  store_big(static_cast<std::uint32_t>(bits >> 32), buffer_.data() + kLengthAt);
  store_big(static_cast<std::uint32_t>(bits), buffer_.data() + kLengthAt + 4);
  compress(buffer_.data());
  Digest digest;
  for (std::size_t i = 0; i < 8; ++i) store_big(state_[i], digest.data() + 4 * i);
  return digest;
}

Digest sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace tollgate::local
