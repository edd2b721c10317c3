// SHA-256 (FIPS 180-4) for the keys of KV blocks; of its own because the engine builds without a crypto library.
// Not for secrets: time depends on the length only, but nothing is wiped. Thread rule: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tollgate::local {

using Digest = std::array<std::byte, 32>;

class Sha256 {
 public:
  // plain: without the processor's SHA instructions, for comparison.
  enum class Speed : unsigned char { best, plain };
  explicit Sha256(Speed speed = Speed::best);
  void update(std::span<const std::byte> bytes);
  // The digest of everything so far. The object is spent then.
  Digest finish();

 private:
  using State = std::array<std::uint32_t, 8>;

  void (*compress_)(State& state, const std::byte* chunk);
  State state_;
  std::array<std::byte, 64> buffer_;
  std::uint64_t length_ = 0;  // bytes so far
};

Digest sha256(std::span<const std::byte> bytes);

}  // namespace tollgate::local
