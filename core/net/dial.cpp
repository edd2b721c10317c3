// The real Dialer: resolve, connect to the addresses in turn, then TLS. Owner: net. Thread rule: one io thread.
#include "core/net/dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <utility>
#include <vector>

#include "core/net/deadline.h"
#include "core/net/signal.h"
#include "core/net/socket.h"
#include "core/net/tls.h"

namespace tollgate::net {
namespace {

using asio::ip::tcp;
using Resolver = asio::ip::basic_resolver<tcp, Executor>;
using Endpoints = std::vector<tcp::endpoint>;

constexpr std::size_t kMaxAddresses = 8;

Error dial_error(const char* code, int status, const Origin& origin, std::string_view what) {
  std::string message = "cannot connect to ";
  message.append(origin.key()).append(": ").append(what);
  return Error{ErrorKind::retry_elsewhere, status, code, std::move(message), {}};
}

Error connect_failed(const Origin& origin, std::string_view what) {
  return dial_error("connect_failed", 502, origin, what);
}

Error connect_timeout(const Origin& origin, std::string_view what) {
  return dial_error("connect_timeout", 504, origin, what);
}

// Alternates the address families, starting with the resolver's favourite, so that one dead family costs one attempt.
Endpoints in_turn(const Resolver::results_type& results) {
  Endpoints ordered;
  if (results.empty()) return ordered;
  const auto favourite = results.begin()->endpoint().protocol();
  Endpoints same, other;
  for (const auto& entry : results)
    (entry.endpoint().protocol() == favourite ? same : other).push_back(entry.endpoint());
  for (std::size_t i = 0; i < std::max(same.size(), other.size()); ++i) {
    if (i < same.size()) ordered.push_back(same[i]);
    if (i < other.size()) ordered.push_back(other[i]);
  }
  if (ordered.size() > kMaxAddresses) ordered.resize(kMaxAddresses);
  return ordered;
}

// getaddrinfo cannot be interrupted, so the wait is given up instead; the late answer finds this state, which it owns
// too.
struct Lookup {
  explicit Lookup(asio::io_context& context) : resolver(context), signal(context.get_executor()) {}
  Resolver resolver;
  Signal signal;
  Endpoints endpoints;
  ErrorCode error;
  bool done = false;
};

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc() && end == text.data() + text.size() && port != 0;
}

Task<Result<Endpoints>> resolve(asio::io_context& context, Origin origin, SteadyTime deadline) {
  std::uint16_t port = 0;
  if (!parse_port(origin.port, port)) co_return connect_failed(origin, "the port is not a number from 1 to 65535");
  ErrorCode ec;
  const asio::ip::address literal = asio::ip::make_address(origin.host, ec);
  if (!ec) co_return Endpoints(1, tcp::endpoint(literal, port));

  auto lookup = std::make_shared<Lookup>(context);  // second owner: the pending resolve
  lookup->resolver.async_resolve(origin.host, origin.port, Resolver::numeric_service,
                                 [lookup](const ErrorCode& error, Resolver::results_type results) {
                                   lookup->error = error;
                                   lookup->endpoints = in_turn(results);
                                   lookup->done = true;
                                   lookup->signal.notify();
                                 });
  Deadline timer(context.get_executor());
  timer.on_expire([lookup] { lookup->signal.notify(); });
  timer.set(deadline);
  co_await lookup->signal.wait();
  if (!lookup->done) {
    lookup->resolver.cancel();
    co_return connect_timeout(origin, "the name was not resolved in time");
  }
  if (lookup->error) co_return connect_failed(origin, lookup->error.message());
  if (lookup->endpoints.empty()) co_return connect_failed(origin, "the name has no address");
  co_return std::move(lookup->endpoints);
}

void set_options(TcpSocket& socket) {
  ErrorCode ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  // A silent upstream connection is found dead within about a minute and a half, not after the system's two hours.
  constexpr int kIdleSeconds = 45, kIntervalSeconds = 15, kProbes = 3;
  const int fd = socket.native_handle();
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kIdleSeconds, sizeof kIdleSeconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kIntervalSeconds, sizeof kIntervalSeconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
}

class NetDialer final : public Dialer {
 public:
  NetDialer(asio::io_context& context, const TlsSettings& tls) : context_(context), tls_(make_tls_client(tls)) {}

  Task<Result<std::unique_ptr<Stream>>> dial(const Origin& origin, SteadyTime deadline) override {
    return dial_now(origin, deadline);
  }

 private:
  Task<Result<std::unique_ptr<Stream>>> dial_now(Origin origin, SteadyTime deadline);
  Task<Result<TcpSocket>> connect(Origin origin, Endpoints endpoints, SteadyTime deadline);

  asio::io_context& context_;
  Result<std::shared_ptr<TlsClient>> tls_;
};

// Each address gets an equal part of the time that is left, the last one all of it.
Task<Result<TcpSocket>> NetDialer::connect(Origin origin, Endpoints endpoints, SteadyTime deadline) {
  TcpSocket socket(context_);
  Deadline timer(context_.get_executor());
  timer.on_expire([&socket] {
    ErrorCode ignored;
    socket.close(ignored);
  });
  ErrorCode last = asio::error::timed_out;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const SteadyTime now = SteadyClock::now();
    if (now >= deadline) break;
    timer.set(now + (deadline - now) / static_cast<std::int64_t>(endpoints.size() - i));
    ErrorCode ec;
    socket.open(endpoints[i].protocol(), ec);
    if (!ec) {
      auto [connect_ec] = co_await socket.async_connect(endpoints[i], asio::as_tuple(use_task));
      ec = connect_ec;
    }
    timer.clear();
    if (!ec) {
      set_options(socket);
      co_return std::move(socket);
    }
    last = ec == asio::error::operation_aborted ? ErrorCode(asio::error::timed_out) : ec;
    socket.close(ec);
  }
  if (last == asio::error::timed_out) co_return connect_timeout(origin, "no address answered in time");
  co_return connect_failed(origin, last.message());
}

Task<Result<std::unique_ptr<Stream>>> NetDialer::dial_now(Origin origin, SteadyTime deadline) {
  if (origin.tls && !tls_) co_return tls_.error();
  Result<Endpoints> endpoints = co_await resolve(context_, origin, deadline);
  if (!endpoints) co_return std::move(endpoints).error();
  Result<TcpSocket> socket = co_await connect(origin, std::move(endpoints).value(), deadline);
  if (!socket) co_return std::move(socket).error();
  std::unique_ptr<Stream> stream = make_tcp_stream(std::move(socket).value());
  if (!origin.tls) co_return std::move(stream);
  co_return co_await connect_tls(*tls_, std::move(stream), origin, deadline);
}

}  // namespace

std::string Origin::key() const {
  std::string key = tls ? "https://" : "http://";
  key.reserve(key.size() + host.size() + port.size() + 3);
  const bool bare_ipv6 = host.find(':') != std::string::npos;
  if (bare_ipv6) key += '[';
  key += host;
  if (bare_ipv6) key += ']';
  key += ':';
  key += port;
  return key;
}

std::unique_ptr<Dialer> make_dialer(asio::io_context& context, const TlsSettings& tls) {
  return std::make_unique<NetDialer>(context, tls);
}

}  // namespace tollgate::net
