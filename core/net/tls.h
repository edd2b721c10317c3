// Private to core/net: the client half of TLS, for the Dialer. The server half is public in dial.h.
// Thread rule: a TlsClient belongs to one io thread (it keeps sessions for resumption).
#pragma once

#include <memory>

#include "core/net/dial.h"

namespace tollgate::net {

class TlsClient;  // holds the SSL_CTX and the sessions

// Error: kind fatal, code tls_config, when the trust store cannot be read.
Result<std::shared_ptr<TlsClient>> make_tls_client(const TlsSettings& settings);

// Handshakes over `tcp` with SNI and checks the certificate against the origin's host. Error: code tls_failed or
// connect_timeout. The stream keeps the client, which takes the sessions that arrive later.
Task<Result<std::unique_ptr<Stream>>> connect_tls(std::shared_ptr<TlsClient> client, std::unique_ptr<Stream> tcp,
                                                  Origin origin, SteadyTime deadline);

}  // namespace tollgate::net
