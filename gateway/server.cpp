#include "gateway/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>

#include "core/log.h"
#include "core/spawn.h"

namespace tollgate::gateway {
namespace {

constexpr std::chrono::milliseconds kAcceptPause{50};  // when the process is out of descriptors
constexpr std::chrono::milliseconds kHandshakeLimit{10'000};
constexpr std::chrono::milliseconds kAbortLimit{15'000};  // after the drain time: longer than any connect timeout

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

Error listen_error(const std::string& host, unsigned short port, const ErrorCode& ec) {
  return Error{.kind = ErrorKind::fatal,
               .status = 500,
               .code = "listen_failed",
               .message = "cannot listen on " + host + ":" + std::to_string(port) + ": " + ec.message() +
                          "; is another process using it? change listen: in the configuration"};
}

}  // namespace

Result<void> check_port_unused(const std::string& host, unsigned short port) {
  asio::io_context context;
  ErrorCode ec;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
  asio::ip::tcp::acceptor probe(context);
  if (!ec) probe.open(asio::ip::tcp::endpoint(address, port).protocol(), ec);
  if (!ec) probe.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) probe.bind({address, port}, ec);
  if (ec) return listen_error(host, port, ec);
  return {};
}

Server::Server(std::shared_ptr<const Snapshot> snapshot, std::unique_ptr<billing::SpoolWriter> spool,
               MetricsRegistry& metrics, CardinalityGuard& guard, DialerFactory dialers, BatchSettler* batches,
               ReplicaBook* replicas)
    : worker_(context_, std::move(snapshot), std::move(spool), metrics, guard, std::move(dialers)),
      acceptor_(context_.get_executor()),
      drain_timer_(context_.get_executor()) {
  worker_.batches = batches;
  worker_.replicas = replicas;
}

Server::~Server() { join(); }

Result<unsigned short> Server::listen(const std::string& host, unsigned short port,
                                      std::shared_ptr<net::TlsAcceptor> tls) {
  tls_ = std::move(tls);
  ErrorCode ec;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
  if (ec) return listen_error(host, port, ec);
  const asio::ip::tcp::endpoint endpoint(address, port);
  if (acceptor_.open(endpoint.protocol(), ec); ec) return listen_error(host, port, ec);
  acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  acceptor_.set_option(ReusePort(true), ec);
  if (acceptor_.bind(endpoint, ec); ec) return listen_error(host, port, ec);
  if (acceptor_.listen(4096, ec); ec) return listen_error(host, port, ec);
  return acceptor_.local_endpoint(ec).port();
}

void Server::start() {
  accepting_ = true;
  spawn(context_.get_executor(), accept_loop(), "accept", [this] {
    accepting_ = false;
    end_if_idle();
  });
  thread_ = std::thread([this] { context_.run(); });
}

Task<void> Server::accept_loop() {
  for (;;) {
    auto [ec, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_task));
    if (ec == asio::error::operation_aborted || worker_.draining) co_return;
    if (ec) {  // EMFILE and the like: the connection stays in the queue, so pause instead of spinning
      log_warn("cannot accept a connection", {{"error", std::string_view(ec.message())}});
      net::Timer pause(context_.get_executor(), kAcceptPause);
      (void)co_await pause.async_wait(asio::as_tuple(use_task));
      continue;
    }
    const int native = socket.release(ec);
    if (ec) continue;
    if (connections_ >= worker_.snapshot->config.limits.max_connections) {
      worker_.metrics.refused("too_many_connections");
      ::close(native);
      continue;
    }
    begin(native);
  }
}

void Server::begin(int native_socket) {
  ++connections_;
  spawn(context_.get_executor(), serve(native_socket), "session", [this] {
    --connections_;
    end_if_idle();
  });
}

Task<void> Server::serve(int native_socket) {
  auto stream = net::make_tcp_stream(context_, native_socket);
  if (tls_) {
    auto secured = co_await net::accept_tls(*tls_, std::move(stream), SteadyClock::now() + kHandshakeLimit);
    if (!secured) co_return;
    stream = std::move(*secured);
  }
  Session session(worker_, std::move(stream));
  sessions_.insert(&session);
  co_await session.run();
  sessions_.erase(&session);
}

void Server::reload(std::shared_ptr<const Snapshot> snapshot) {
  asio::post(context_, [this, snapshot = std::move(snapshot)]() mutable { worker_.snapshot = std::move(snapshot); });
}

void Server::drain(std::chrono::milliseconds limit) {
  asio::post(context_, [this, limit] {
    worker_.draining = true;
    ErrorCode ignored;
    acceptor_.close(ignored);
    for (Session* session : sessions_) session->stop_when_idle();
    drain_timer_.on_expire([this] {
      for (Session* session : sessions_) session->abort();
      // Each wait ends by itself within its deadline; if one does not, leaving at once loses nothing: the spool has it.
      drain_timer_.on_expire([] {
        log_error("connections did not end in time at shutdown");
        std::_Exit(70);
      });
      drain_timer_.set(SteadyClock::now() + kAbortLimit);
    });
    drain_timer_.set(SteadyClock::now() + limit);
    end_if_idle();
  });
}

void Server::end_if_idle() {
  if (worker_.draining && !accepting_ && connections_ == 0) context_.stop();
}

void Server::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace tollgate::gateway
