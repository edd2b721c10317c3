#include "gateway/admin.h"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>

#include "core/net/dial.h"
#include "core/sha256.h"
#include "core/spawn.h"

namespace tollgate::gateway {
namespace {

constexpr std::chrono::milliseconds kRequestLimit{10'000};
constexpr std::size_t kMaxConnections = 64;

AdminReply failure(int status, const Error& error) {
  return {.status = status, .body = error.code + ": " + error.message + "\n"};
}

bool authorized(const http::Head& head, const std::string& token) {
  if (token.empty()) return true;
  constexpr std::string_view kBearer = "Bearer ";
  const auto header = head.find("authorization");
  return header && header->starts_with(kBearer) && constant_time_equal(header->substr(kBearer.size()), token);
}

}  // namespace

AdminReply answer_admin(const http::Head& head, const AdminHooks& hooks, const std::string& token) {
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  const bool get = head.method == "GET" || head.method == "HEAD";
  if (get && path == "/healthz") return {.body = "ok\n"};
  if (get && path == "/readyz") {
    auto ready = hooks.ready();
    return ready ? AdminReply{.body = "ready\n"} : failure(503, ready.error());
  }
  if (!authorized(head, token))
    return {.status = 401,
            .body = "unauthorized: send 'Authorization: Bearer TOKEN' with the admin_token of the configuration\n"};
  if (get && path == "/metrics")
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = hooks.metrics()};
  if (get && path == "/admin/config")
    return {.content_type = "application/yaml; charset=utf-8", .body = hooks.effective_config()};
  if (head.method == "POST" && path == "/admin/reload") {
    auto done = hooks.reload();
    return done ? AdminReply{.body = "reloaded\n"} : failure(422, done.error());
  }
  return {.status = 404, .body = "not found: GET /healthz, /readyz, /metrics, /admin/config or POST /admin/reload\n"};
}

Admin::Admin(AdminHooks hooks) : hooks_(std::move(hooks)), acceptor_(context_.get_executor()) {}

Admin::~Admin() { stop(); }

Result<unsigned short> Admin::start(const std::string& host, unsigned short port, std::string token) {
  token_ = std::move(token);
  ErrorCode ec;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
  const asio::ip::tcp::endpoint endpoint(address, port);
  if (!ec) acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(64, ec);
  if (ec)
    return Error{.code = "listen_failed",
                 .message = "cannot listen on " + host + ":" + std::to_string(port) + " for admin: " + ec.message() +
                            "; change admin: in the configuration"};
  spawn(context_.get_executor(), accept_loop(), "admin accept", [] {});
  thread_ = std::thread([this] { context_.run(); });
  return acceptor_.local_endpoint(ec).port();
}

Task<void> Admin::accept_loop() {
  for (;;) {
    auto [ec, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_task));
    if (ec == asio::error::operation_aborted) co_return;
    if (ec) {
      net::Timer pause(context_.get_executor(), std::chrono::milliseconds(50));
      (void)co_await pause.async_wait(asio::as_tuple(use_task));
      continue;
    }
    const int native = socket.release(ec);
    if (ec) continue;
    if (connections_ >= kMaxConnections) {
      ::close(native);
      continue;
    }
    ++connections_;
    spawn(context_.get_executor(), serve(native), "admin", [this] { --connections_; });
  }
}

// One request per connection keeps this simple; scrapers open a connection every few seconds at most.
Task<void> Admin::serve(int native_socket) {
  auto stream = net::make_tcp_stream(context_, native_socket);
  net::Deadline deadline(context_.get_executor());
  deadline.on_expire([&stream] { stream->close(); });
  deadline.set(SteadyClock::now() + kRequestLimit);
  std::string in, out;
  http::Head head;
  for (;;) {
    const std::size_t before = in.size();
    in.resize(before + 4096);
    auto got = co_await stream->read_some(in.data() + before, 4096);
    if (!got) co_return;
    in.resize(before + *got);
    auto parsed = http::parse_request(in, http::Limits{}, head);
    if (parsed && !*parsed) continue;
    const AdminReply reply =
        parsed ? answer_admin(head, hooks_, token_) : failure(parsed.error().status, parsed.error());
    http::write_status_line(out, reply.status);
    http::write_header(out, "Content-Type", reply.content_type);
    http::write_header(out, "Content-Length", std::to_string(reply.body.size()));
    out += "Connection: close\r\n\r\n";
    if (head.method != "HEAD") out += reply.body;
    (void)co_await stream->write_all(out);
    stream->shutdown_write();
    char rest[256];
    while (co_await stream->read_some(rest, sizeof rest)) {
    }
    co_return;
  }
}

void Admin::stop() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] { context_.stop(); });
  thread_.join();
}

}  // namespace tollgate::gateway
