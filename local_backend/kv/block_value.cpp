// The value under which a block lies in a remote store: docs/formats/kv_blocks.md. Thread rule: pure functions.
#include <algorithm>
#include <cstring>

#include "local_backend/kv/crc32c.h"
#include "local_backend/kv/kv_tier.h"

namespace tollgate::local {
namespace {

constexpr std::uint32_t kMagic = 0x564b4754;  // "TGKV" read as little endian
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kKeyAt = 8, kFingerprintAt = 24, kLengthAt = 32, kCrcAt = 44, kHeaderBytes = 48;

void put_number(std::byte* to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

// FNV-1a, 64 bits (G. Fowler, L. Noll, P. Vo). Only a second look: the key depends on the fingerprint already.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// The header for these bytes; the CRC spans everything of the value but itself.
std::array<std::byte, kHeaderBytes> header_of(const BlockKey& key, std::string_view fingerprint,
                                              std::span<const std::byte> block) {
  std::array<std::byte, kHeaderBytes> header{};
  put_number(header.data(), kMagic, 4);
  put_number(header.data() + 4, kVersion, 4);
  std::memcpy(header.data() + kKeyAt, key.data(), key.size());
  put_number(header.data() + kFingerprintAt, hash_of(fingerprint), 8);
  put_number(header.data() + kLengthAt, block.size(), 8);
  const std::uint32_t begun = crc32c(0, std::span<const std::byte>(header).first(kCrcAt));
  put_number(header.data() + kCrcAt, crc32c(begun, block), 4);
  return header;
}

}  // namespace

std::vector<std::byte> encode_block(const BlockKey& key, std::string_view fingerprint,
                                    std::span<const std::byte> block) {
  const auto header = header_of(key, fingerprint, block);
  std::vector<std::byte> value;
  value.reserve(kHeaderBytes + block.size());
  value.insert(value.end(), header.begin(), header.end());
  value.insert(value.end(), block.begin(), block.end());
  return value;
}

std::optional<std::span<const std::byte>> decode_block(std::span<const std::byte> value, const BlockKey& key,
                                                       std::string_view fingerprint) {
  if (value.size() < kHeaderBytes) return std::nullopt;
  const std::span<const std::byte> block = value.subspan(kHeaderBytes);
  const auto header = header_of(key, fingerprint, block);
  if (!std::equal(header.begin(), header.end(), value.begin())) return std::nullopt;
  return block;
}

}  // namespace tollgate::local
