// One connection to a Redis server for a thread that may wait: each call blocks, until its deadline at the latest. It
// connects when it is first used, and again, with growing pauses, after every failure; meanwhile calls fail at once.
// Passwords stand in no message. Thread rule: one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/redis_url.h"
#include "core/result.h"

namespace tollgate::cache {

struct RedisOptions {
  std::chrono::milliseconds connect{500};  // resolving, connecting, TLS and the password together
  std::chrono::milliseconds command{250};
  std::size_t max_value = 4u << 20;                         // bytes of a value, in either direction
  std::chrono::milliseconds pause{100}, max_pause{10'000};  // between failures; doubles
};

class Redis {
 public:
  explicit Redis(config::RedisUrl url, const RedisOptions& options = {});
  ~Redis();
  // Errors of both, kind retry_elsewhere: redis_down (no connection; told at once during a pause), redis_timeout,
  // redis_refused (the server's own error: wrong type, no memory, no permission; the connection stays), bad_reply,
  // value_too_large.
  // The value; nullopt when there is none.
  Result<std::optional<std::string>> get(std::string_view key);
  // Kept for `ttl` (at least a millisecond).
  Result<void> set(std::string_view key, std::string_view value, std::chrono::milliseconds ttl);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::cache
