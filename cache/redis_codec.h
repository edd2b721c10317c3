// The bytes between us and Redis: commands out, one reply at a time in. RESP2 as in the Redis protocol specification,
// by hiredis. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate::cache {

struct RedisReply {
  enum class Kind : unsigned char { status, error, integer, value, nothing };
  Kind kind = Kind::nothing;
  std::string text;  // of a status, an error or a value
  std::int64_t integer = 0;
};

std::string redis_command(std::span<const std::string_view> words);

class RedisReader {
 public:
  // A reply of more than `max_bytes` is refused.
  explicit RedisReader(std::size_t max_bytes);
  ~RedisReader();
  // Takes what came; nullopt while the reply is not whole. Errors (retry_elsewhere): code bad_reply for what is no
  // reply, is too long, or is an array, which no command of ours has; the connection is of no more use then.
  Result<std::optional<RedisReply>> push(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::cache
