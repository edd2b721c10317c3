// TokenSource: an access token that is there when a request needs it. The first request that finds none fetches it and
// the others wait for the same fetch; once 80 to 90 % of its life is over the next request starts a fetch in the
// background and goes on with the old one. After a failure nothing is fetched for a while (doubling, with jitter): the
// old token serves as long as it lives, then requests fail at once with the last error. Tokens are never logged.
//
// Thread rule: one io thread. A fetch that runs when the source is destroyed ends by itself; so do those who wait.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/net/dial.h"
#include "gateway/credentials/token_grant.h"

namespace tollgate::gateway {

struct TokenOptions {
  std::chrono::milliseconds fetch_timeout{10'000};
  std::chrono::milliseconds first_pause{1'000}, longest_pause{60'000};  // after failures
};

class TokenSource {
 public:
  // `name` stands in the log and in errors.
  TokenSource(asio::io_context& context, std::string name, TokenGrant grant, std::unique_ptr<net::Dialer> dialer,
              TokenOptions options = {});
  ~TokenSource();
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  // Errors: what the last fetch met, with the provider's name and, in retry_after, when the next one may be tried;
  // token_timeout when `deadline` came first.
  Task<Result<std::string>> token(SteadyTime deadline);
  // The vendor did not accept the token: the next call fetches another, unless this one is brand new.
  void refused();

 private:
  struct State;
  std::shared_ptr<State> state_;  // second owners: a running fetch, and those who wait for it
};

}  // namespace tollgate::gateway
