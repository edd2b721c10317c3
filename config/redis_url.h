// Where Redis is, from `store: redis://...`. Thread rule: pure.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate::config {

struct RedisUrl {
  bool tls = false;  // with verified certificates
  std::string host, port = "6379";
  std::string user, password;  // empty: none; a password alone is the default user's
  int database = 0;
  std::string ca_file;  // of rediss://; empty = the system's trust store

  std::string place() const;  // "host:port", for logs
  bool operator==(const RedisUrl&) const = default;
};

// redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS, then also ?ca=/FILE. User and password may be
// percent-encoded. The error's message holds no secret.
Result<RedisUrl> parse_redis_url(std::string_view url);

}  // namespace tollgate::config
