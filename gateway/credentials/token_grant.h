// What is asked for an access token, and where: the form bodies of OAuth 2.0 token requests for Google (a signed JWT,
// or a user's refresh token) and Microsoft Entra (client credentials), and reading the answer. Pure. Thread rule:
// anywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/google_account.h"
#include "config/schema.h"
#include "core/net/dial.h"
#include "core/result.h"

namespace tollgate::gateway {

// Where tokens come from: only ever a host that the configuration names, and never without TLS but on this machine.
struct TokenEndpoint {
  net::Origin origin;
  std::string authority;  // of the Host header
  std::string path;
};
Result<TokenEndpoint> parse_token_url(std::string_view url);

class TokenGrant {
 public:
  static Result<TokenGrant> google(const config::GoogleAccount& account);
  static Result<TokenGrant> entra(const config::EntraApp& app);

  const TokenEndpoint& endpoint() const { return endpoint_; }
  // The body of a request made now. A JWT in it is good for an hour.
  Result<std::string> form(std::int64_t wall_micros) const;

 private:
  explicit TokenGrant(TokenEndpoint endpoint) : endpoint_(std::move(endpoint)) {}
  Result<std::string> jwt_form(std::int64_t wall_micros) const;

  TokenEndpoint endpoint_;
  std::string fixed_form_;         // where it is always the same
  config::GoogleAccount account_;  // else: who signs
  std::string audience_;
};

struct AccessToken {
  std::string value;  // fit for a header
  std::chrono::seconds lifetime{};
};
// Errors: code credentials_refused (kind auth) when the host says that we may not have one; token_unavailable
// otherwise.
Result<AccessToken> read_token_reply(int status, std::string_view body);

}  // namespace tollgate::gateway
