#include "gateway/credentials/token_http.h"

#include <array>
#include <boost/asio/this_coro.hpp>

#include "gateway/upstream_call.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxReply = 64u << 10;

std::string head_of(const TokenEndpoint& endpoint, std::size_t body_bytes) {
  return "POST " + endpoint.path + " HTTP/1.1\r\nHost: " + endpoint.authority +
         "\r\nContent-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"
         "Accept-Encoding: identity\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body_bytes) + "\r\n\r\n";
}

Error failure(const TokenEndpoint& endpoint, bool late, std::string_view what) {
  const std::string host = "the token's host " + endpoint.authority;
  if (late) return Error{ErrorKind::retry_elsewhere, 504, "token_timeout", host + " did not answer in time", {}};
  return Error{ErrorKind::retry_elsewhere, 502, "token_unavailable", host + ": " + std::string(what), {}};
}

}  // namespace

Task<Result<TokenReply>> post_token_form(net::Pool& pool, TokenEndpoint endpoint, std::string form,
                                         SteadyTime deadline) {
  UpstreamCall call(pool.options().limits);
  auto connected = co_await call.connect(pool, endpoint.origin, deadline, true);
  if (!connected) co_return std::move(connected).error();

  const Executor executor = co_await asio::this_coro::executor;
  bool late = false;
  net::Deadline timer(executor);
  timer.on_expire([&call, &late] {
    late = true;
    call.interrupt(true);
  });
  timer.set(deadline);

  const std::string head = head_of(endpoint, form.size());
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(head), asio::buffer(form)};
  if (!co_await call.send(buffers)) co_return failure(endpoint, late, call.failure());
  if (co_await call.read_head() != Got::data) co_return failure(endpoint, late, call.failure());
  TokenReply reply;
  reply.status = call.head().status;
  for (;;) {
    const Got got = co_await call.read_body(reply.body);
    if (got == Got::end) break;
    if (got != Got::data) co_return failure(endpoint, late, call.failure());
    if (reply.body.size() > kMaxReply) co_return failure(endpoint, false, "the answer is too long");
  }
  call.abandon();
  co_return std::move(reply);
}

}  // namespace tollgate::gateway
