#include "gateway/local/block_store.h"

#include <cstring>

#include "cache/redis.h"
#include "core/sha256.h"

namespace tollgate::gateway {
namespace {

// Redis moves values of 256 KiB to 2 MiB best; a block of 2 MiB with its scales and header is still one.
constexpr std::size_t kPart = 9u << 18;  // 2.25 MiB

class RedisBlocks final : public local::BlockStore {
 public:
  RedisBlocks(const config::RedisUrl& url, std::chrono::milliseconds ttl, const local::BackendInfo& info)
      : redis_(url, {.max_value = kPart}),
        ttl_(ttl),
        prefix_("tollgate:kv:1:" + sha256_hex(info.fingerprint).substr(0, 16) + ":"),
        most_parts_(info.block_bytes / kPart + 2) {}

  // A part of full size is followed by another one.
  std::optional<std::vector<std::byte>> get(const local::BlockKey& key) override {
    std::vector<std::byte> value;
    for (std::size_t part = 0; part < most_parts_; ++part) {
      const auto got = redis_.get(name(key, part));
      if (!got || !got->has_value()) return std::nullopt;
      const std::string& bytes = **got;
      const std::size_t at = value.size();
      value.resize(at + bytes.size());
      std::memcpy(value.data() + at, bytes.data(), bytes.size());
      if (bytes.size() < kPart) return value;
    }
    return std::nullopt;
  }

  // The last part first: where the first one is, all were.
  bool put(const local::BlockKey& key, std::span<const std::byte> value) override {
    const std::string_view bytes(reinterpret_cast<const char*>(value.data()), value.size());
    for (std::size_t part = bytes.size() / kPart + 1; part-- > 0;)
      if (!redis_.set(name(key, part), bytes.substr(part * kPart, kPart), ttl_)) return false;
    return true;
  }

 private:
  std::string name(const local::BlockKey& key, std::size_t part) const {
    constexpr char kHex[] = "0123456789abcdef";
    std::string name = prefix_;
    for (const std::byte one : key) {
      name += kHex[std::to_integer<unsigned>(one) >> 4];
      name += kHex[std::to_integer<unsigned>(one) & 15];
    }
    return part == 0 ? name : name + ":" + std::to_string(part);
  }

  cache::Redis redis_;
  const std::chrono::milliseconds ttl_;
  const std::string prefix_;
  const std::size_t most_parts_;
};

}  // namespace

std::function<std::unique_ptr<local::BlockStore>(const local::BackendInfo&)> open_block_stores(
    const config::RedisUrl& url, std::chrono::milliseconds ttl) {
  return [url, ttl](const local::BackendInfo& info) { return std::make_unique<RedisBlocks>(url, ttl, info); };
}

}  // namespace tollgate::gateway
