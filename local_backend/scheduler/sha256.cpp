#include "local_backend/scheduler/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

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

using State = std::array<std::uint32_t, 8>;

void compress_anywhere(State& state, const std::byte* chunk) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = load_big(chunk + 4 * t);
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t near = w[t - 2], far = w[t - 15];
    const std::uint32_t low = std::rotr(far, 7) ^ std::rotr(far, 18) ^ far >> 3;
    const std::uint32_t high = std::rotr(near, 17) ^ std::rotr(near, 19) ^ near >> 10;
    w[t] = w[t - 16] + low + w[t - 7] + high;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t big_e = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t first = h + big_e + ((e & f) ^ (~e & g)) + kRound[t] + w[t];
    const std::uint32_t big_a = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t second = big_a + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first;
    d = c, c = b, b = a, a = first + second;
  }
  const std::uint32_t after[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += after[i];
}

#if defined(__x86_64__)

// The same with the processor's SHA instructions: two rounds each, on the state's halves A B E F and C D G H.
__attribute__((target("sha,sse4.1"))) void compress_sha(State& state, const std::byte* chunk) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto word = [&](std::size_t i) { return static_cast<int>(state[i]); };
  const __m128i first = _mm_set_epi32(word(0), word(1), word(4), word(5));
  const __m128i second = _mm_set_epi32(word(2), word(3), word(6), word(7));
  __m128i abef = first, cdgh = second, w[4];
#pragma GCC unroll 16
  for (int t = 0; t < 16; ++t) {
    __m128i& now = w[t % 4];
    if (t < 4) {
      now = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(chunk) + t), swap);
    } else {
      const __m128i last = w[(t + 3) % 4];
      const __m128i middle = _mm_alignr_epi8(last, w[(t + 2) % 4], 4);
      now = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(now, w[(t + 1) % 4]), middle), last);
    }
    const __m128i constant = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kRound.data()) + t);
    const __m128i sum = _mm_add_epi32(now, constant);
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_srli_si128(sum, 8));
  }
  alignas(16) std::uint32_t words[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(words), _mm_add_epi32(abef, first));
  _mm_store_si128(reinterpret_cast<__m128i*>(words) + 1, _mm_add_epi32(cdgh, second));
  state = {words[3], words[2], words[7], words[6], words[1], words[0], words[5], words[4]};
}

bool has_sha() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

#endif

using Compress = void (*)(State&, const std::byte*);

Compress find_best() {
#if defined(__x86_64__)
  if (has_sha()) return compress_sha;
#endif
  return compress_anywhere;
}

Compress best_compress() {
  static const Compress best = find_best();
  return best;
}

}  // namespace

Sha256::Sha256(Speed speed)
    : compress_(speed == Speed::plain ? compress_anywhere : best_compress()),
      state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::update(std::span<const std::byte> bytes) {
  std::size_t filled = length_ % kChunk;
  length_ += bytes.size();
  while (!bytes.empty()) {
    if (filled == 0 && bytes.size() >= kChunk) {
      compress_(state_, bytes.data());
      bytes = bytes.subspan(kChunk);
      continue;
    }
    const std::size_t taken = std::min(kChunk - filled, bytes.size());
    std::memcpy(buffer_.data() + filled, bytes.data(), taken);
    bytes = bytes.subspan(taken);
    if ((filled += taken) == kChunk) {
      compress_(state_, buffer_.data());
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
    compress_(state_, buffer_.data());
    filled = 0;
  }
  std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(filled), buffer_.begin() + kLengthAt, std::byte{0});
  store_big(static_cast<std::uint32_t>(bits >> 32), buffer_.data() + kLengthAt);
  store_big(static_cast<std::uint32_t>(bits), buffer_.data() + kLengthAt + 4);
  compress_(state_, buffer_.data());
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
