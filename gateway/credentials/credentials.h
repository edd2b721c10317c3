// Credentials: how a request proves to its vendor that it may be made. Keys that are sent as they are cost nothing here
// (fixed_auth_headers() is for a snapshot); requests to AWS are signed one by one; for Google and Microsoft Entra an
// access token is kept fresh. Thread rule: one per io thread, no locks; outlives the tasks it gave out only if the
// io_context does.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/schema.h"
#include "core/net/dial.h"
#include "gateway/credentials/token_source.h"

namespace tollgate::gateway {

// The header lines of a provider whose proof is always the same, CRLF ended; "" for the others, and for none.
std::string fixed_auth_headers(const config::Provider& provider);
// True when each request needs authorize().
bool needs_authorize(const config::Provider& provider);

// What a signature covers. `content_type` must be sent just so, and once, unless it is empty.
struct SignedRequest {
  std::string_view method, host, target, content_type;
  std::span<const std::string_view> body;
};

class Credentials {
 public:
  using DialerFactory = std::function<std::unique_ptr<net::Dialer>(asio::io_context&, const net::TlsSettings&)>;

  // `dialers` makes the connections to the hosts of tokens; tests put their own in place.
  explicit Credentials(asio::io_context& context, DialerFactory dialers = &net::make_dialer, TokenOptions options = {});
  ~Credentials();

  // Appends the header lines, CRLF ended. Errors: what keeps us from a token. All arguments must stay until the task
  // ends.
  Task<Result<void>> authorize(const config::Provider& provider, SignedRequest request, SteadyTime deadline,
                               std::string& headers_out);
  // The vendor answered 401: a token that it knew before is given up.
  void refused(const config::Provider& provider);

 private:
  struct Entry;
  Result<Entry*> entry_of(const config::Provider& provider);

  asio::io_context& context_;
  DialerFactory make_dialer_;
  TokenOptions options_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;  // by the provider's name
};

}  // namespace tollgate::gateway
