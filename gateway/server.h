// Server: one io thread with its listener and sessions. Each thread listens on the same address (SO_REUSEPORT) and
// keeps the connections that the kernel gives it. Thread rule: construct, start() and join() on the main thread; the
// rest happens on the server's own thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>

#include "core/net/dial.h"
#include "gateway/session.h"
#include "gateway/worker.h"

namespace tollgate::gateway {

// SO_REUSEPORT lets a second gateway of the same user share the port in silence; this finds out first. Error:
// listen_failed.
Result<void> check_port_unused(const std::string& host, unsigned short port);

class Server {
 public:
  Server(std::shared_ptr<const Snapshot> snapshot, std::unique_ptr<billing::SpoolWriter> spool,
         MetricsRegistry& metrics, CardinalityGuard& guard, DialerFactory dialers, BatchSettler* batches = nullptr,
         ReplicaBook* replicas = nullptr);
  ~Server();
  // Binds. `port` 0 takes a free one; the port in use comes back. Errors name the address and what to do.
  Result<unsigned short> listen(const std::string& host, unsigned short port, std::shared_ptr<net::TlsAcceptor> tls);
  void start();
  // Puts a new configuration in place for the requests that begin from now on.
  void reload(std::shared_ptr<const Snapshot> snapshot);
  // Stops accepting, lets running requests end within `limit`, then closes the rest. join() waits for it.
  void drain(std::chrono::milliseconds limit);
  void join();

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  Task<void> accept_loop();
  Task<void> serve(int native_socket);
  void begin(int native_socket);
  void end_if_idle();

  asio::io_context context_{1};
  Worker worker_;
  Acceptor acceptor_;
  std::shared_ptr<net::TlsAcceptor> tls_;
  net::Deadline drain_timer_;
  std::unordered_set<Session*> sessions_;
  std::size_t connections_ = 0;
  bool accepting_ = false;
  std::thread thread_;
};

}  // namespace tollgate::gateway
