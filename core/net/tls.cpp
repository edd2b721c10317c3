// Owner: net.
#include "core/net/tls.h"

namespace tollgate::net {
class TlsClient {};
class TlsAcceptor {};
Result<std::shared_ptr<TlsClient>> make_tls_client(const TlsSettings&) { return std::make_shared<TlsClient>(); }
Task<Result<std::unique_ptr<Stream>>> connect_tls(TlsClient&, std::unique_ptr<Stream>, Origin, SteadyTime) {
  co_return Error{};
}
Result<std::shared_ptr<TlsAcceptor>> make_tls_acceptor(const TlsServerSettings&) { return Error{}; }
Task<Result<std::unique_ptr<Stream>>> accept_tls(TlsAcceptor&, std::unique_ptr<Stream>, SteadyTime) {
  co_return Error{};
}
}  // namespace tollgate::net
