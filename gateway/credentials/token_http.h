// One form posted to a token's host, on a connection of its own. Redirects are not followed: a token's host is the one
// that the configuration names. Thread rule: one io thread.
#pragma once

#include <string>

#include "core/net/client.h"
#include "gateway/credentials/token_grant.h"

namespace tollgate::gateway {

struct TokenReply {
  int status = 0;
  std::string body;
};
// Errors: code token_timeout, token_unavailable, or the dialer's (connect_failed, tls_failed ...).
// `pool` must outlive the task.
Task<Result<TokenReply>> post_token_form(net::Pool& pool, TokenEndpoint endpoint, std::string form,
                                         SteadyTime deadline);

}  // namespace tollgate::gateway
