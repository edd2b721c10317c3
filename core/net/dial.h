// Dialing: makes connected Streams to origins. `Dialer` is the seam that tests, the simulation and the built-in echo
// vendor replace; the real one resolves, connects and does TLS with certificate and host name verification. Thread
// rule: one io thread each.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/net/stream.h"

namespace tollgate::net {

// Where requests go: one scheme + host + port. Compared and hashed by `key`.
struct Origin {
  bool tls = false;
  std::string host;
  std::string port;
  std::string key() const;  // "https://host:port"
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // Resolves and connects within `deadline`. Errors: retry_elsewhere with code connect_failed, connect_timeout,
  // tls_failed (certificate or host name refused: message says which).
  virtual Task<Result<std::unique_ptr<Stream>>> dial(const Origin& origin, SteadyTime deadline) = 0;
};

struct TlsSettings {
  std::string ca_file;  // empty = the system's trust store
  bool verify = true;   // false only for tests and only when config says so
};
std::unique_ptr<Dialer> make_dialer(asio::io_context& context, const TlsSettings& tls);

// Server side.
struct TlsServerSettings {
  std::string cert_file, key_file;  // PEM
};
class TlsAcceptor;  // holds the SSL_CTX
Result<std::shared_ptr<TlsAcceptor>> make_tls_acceptor(const TlsServerSettings& settings);
std::unique_ptr<Stream> make_tcp_stream(asio::io_context& context, int native_socket);  // takes ownership
Task<Result<std::unique_ptr<Stream>>> accept_tls(TlsAcceptor& acceptor, std::unique_ptr<Stream> tcp,
                                                 SteadyTime deadline);

// Two connected in-memory streams, each with a bounded buffer of `capacity` bytes per direction (writers wait).
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_pipe(asio::io_context& context,
                                                                      std::size_t capacity = 64u << 10);

}  // namespace tollgate::net
