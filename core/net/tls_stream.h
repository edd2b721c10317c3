// Private to core/net: a TLS connection over any Stream. OpenSSL works on memory; this moves the bytes.
// Thread rule: see stream.h.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "core/clock.h"
#include "core/net/stream.h"

namespace tollgate::net {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

// Handshakes in the role `ssl` was set to and returns the encrypted stream. `keep` lives as long as the SSL object, for
// its callbacks. Error: code tls_failed, or connect_timeout when `deadline` passed; the message says what was wrong.
Task<Result<std::unique_ptr<Stream>>> start_tls(SslPtr ssl, std::unique_ptr<Stream> lower, SteadyTime deadline,
                                                std::shared_ptr<void> keep);

}  // namespace tollgate::net
