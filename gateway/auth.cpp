#include "gateway/auth.h"

#include "core/sha256.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kBearer = "bearer ";

Error unauthorized(std::string message) {
  return Error{.kind = ErrorKind::auth, .status = 401, .code = "invalid_api_key", .message = std::move(message)};
}

}  // namespace

Result<const config::Key*> authenticate(const Snapshot& snapshot, const http::Head& head, std::string_view query) {
  const config::Auth& auth = snapshot.config.auth;
  std::string_view secret;
  std::string from_query;
  if (auto header = head.find("authorization")) {
    secret = *header;
    if (secret.size() >= kBearer.size() && http::iequals(secret.substr(0, kBearer.size()), kBearer))
      secret.remove_prefix(kBearer.size());
  } else if (auto api_key = head.find("x-api-key")) {
    secret = *api_key;
  } else if (auto google_key = head.find("x-goog-api-key")) {
    secret = *google_key;
  } else if (auto azure_key = head.find("api-key")) {
    secret = *azure_key;
  } else if (auto value = query.empty() ? std::nullopt : query_value(query, "key")) {
    secret = from_query = std::move(*value);
  }
  if (secret.empty() || auth.keys.empty()) {
    if (auth.mode == config::AuthMode::open) return nullptr;
    return unauthorized("no API key: send 'Authorization: Bearer KEY' or 'x-api-key: KEY'");
  }
  // Looking up the digest, not the secret, leaks nothing about the secret through time.
  auto found = snapshot.keys_by_digest.find(sha256_hex(secret));
  if (found == snapshot.keys_by_digest.end()) {
    if (auth.mode == config::AuthMode::open) return nullptr;
    return unauthorized("this API key is not known to the gateway");
  }
  return found->second;
}

}  // namespace tollgate::gateway
