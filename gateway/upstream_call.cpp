#include "gateway/upstream_call.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <cstring>

#include "core/json.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kReadRoom = 4u << 10;  // a read always offers at least this much

// Makes at least `room` free bytes (and the padding) behind the data; moves data to the front first.
void make_room(net::Connection& connection, std::size_t room) {
  if (connection.begin == connection.end) connection.begin = connection.end = 0;
  if (connection.buffer.size() >= connection.end + room + kJsonPadding) return;
  if (connection.begin > 0) {
    const std::size_t held = connection.end - connection.begin;
    std::memmove(connection.buffer.data(), connection.buffer.data() + connection.begin, held);
    connection.begin = 0;
    connection.end = held;
  }
  if (connection.buffer.size() < connection.end + room + kJsonPadding)
    connection.buffer.resize(std::max(connection.buffer.size() * 2, connection.end + room + kJsonPadding));
}

}  // namespace

Task<Result<void>> UpstreamCall::connect(net::Pool& pool, const net::Origin& origin, SteadyTime deadline, bool fresh) {
  interrupted_ = got_bytes_ = false;
  failure_.clear();
  auto lease = co_await pool.acquire(origin, deadline, fresh);
  if (!lease) co_return std::move(lease).error();
  lease_ = std::move(*lease);
  reused_ = lease_.reused();
  co_return Result<void>{};
}

Task<bool> UpstreamCall::send(std::span<const asio::const_buffer> request) {
  ErrorCode ec;
  const std::size_t taken = lease_->stream->write_now(request, ec);
  if (!ec) co_return true;
  if (ec != asio::error::would_block) {
    failure_ = ec.message();
    co_return false;
  }
  const net::RestOfWrite rest(request, taken);
  sending_ = true;
  auto [failed, written] = co_await asio::async_initiate<const asio::as_tuple_t<asio::use_awaitable_t<Executor>>,
                                                         void(ErrorCode, std::size_t)>(
      [this, &rest](auto handler) { lease_->stream->async_write(rest.buffers(), std::move(handler)); },
      asio::as_tuple(use_task));
  sending_ = false;
  if (failed) failure_ = failed.message();
  co_return !failed;
}

Task<Got> UpstreamCall::fill() {
  if (interrupted_) {
    interrupted_ = false;
    co_return Got::interrupted;
  }
  net::Connection& connection = *lease_;
  make_room(connection, kReadRoom);
  char* const at = connection.buffer.data() + connection.end;
  const std::size_t room = connection.buffer.size() - connection.end - kJsonPadding;
  waiting_read_ = true;
  auto [ec, bytes] = co_await asio::async_initiate<const asio::as_tuple_t<asio::use_awaitable_t<Executor>>,
                                                   void(ErrorCode, std::size_t)>(
      [&connection, at, room](auto handler) { connection.stream->async_read_some(at, room, std::move(handler)); },
      asio::as_tuple(use_task));
  waiting_read_ = false;
  connection.end += bytes;
  if (bytes > 0) {
    got_bytes_ = true;
    co_return Got::data;
  }
  if (interrupted_ && ec == asio::error::operation_aborted) {
    interrupted_ = false;
    co_return Got::interrupted;
  }
  failure_ = ec.message();
  co_return ec == asio::error::eof ? Got::end : Got::failed;
}

Task<Got> UpstreamCall::read_head() {
  for (;;) {
    net::Connection& connection = *lease_;
    const std::string_view held(connection.buffer.data() + connection.begin, connection.end - connection.begin);
    if (!held.empty()) {
      auto parsed = http::parse_response(held, false, limits_, head_);
      if (!parsed) {
        failure_ = parsed.error().message;
        co_return Got::failed;
      }
      if (*parsed) {
        connection.begin += head_.bytes;
        if (head_.status >= 100 && head_.status < 200) continue;
        decoder_ = http::BodyDecoder(head_.framing, head_.content_length, limits_);
        co_return Got::data;
      }
    }
    const Got got = co_await fill();
    if (got != Got::data) co_return got;
  }
}

std::string_view UpstreamCall::body_at_hand() {
  net::Connection& connection = *lease_;
  if (head_.framing != http::Framing::length || connection.end - connection.begin < head_.content_length) return {};
  const std::string_view in(connection.buffer.data() + connection.begin, connection.end - connection.begin);
  std::string_view piece;
  auto used = decoder_.decode(in, piece);
  if (!used) return {};
  connection.begin += *used;
  return piece;
}

bool UpstreamCall::decode_buffered(std::string& out) {
  net::Connection& connection = *lease_;
  while (connection.begin < connection.end && !decoder_.done()) {
    std::string_view piece;
    auto used =
        decoder_.decode({connection.buffer.data() + connection.begin, connection.end - connection.begin}, piece);
    if (!used) {
      failure_ = used.error().message;
      return false;
    }
    out.append(piece);
    connection.begin += *used;
    if (*used == 0) break;
  }
  return true;
}

Task<Got> UpstreamCall::read_body(std::string& out) {
  const std::size_t before = out.size();
  for (;;) {
    if (!decode_buffered(out)) co_return Got::failed;
    if (out.size() > before) co_return Got::data;
    if (decoder_.done()) co_return Got::end;
    const Got got = co_await fill();
    if (got == Got::end) co_return decoder_.finish_at_eof() ? Got::end : Got::failed;
    if (got != Got::data) co_return got;
  }
}

void UpstreamCall::end_sending() noexcept {
  if (lease_) lease_->stream->shutdown_write();
}

void UpstreamCall::interrupt(bool give_up_sending) noexcept {
  interrupted_ = true;
  if (!lease_) return;
  if (waiting_read_) lease_->stream->cancel_read();
  if (sending_ && give_up_sending) lease_->stream->close();
}

void UpstreamCall::finish() {
  if (!lease_) return;
  if (decoder_.done() && head_.keep_alive && head_.framing != http::Framing::until_close &&
      lease_->begin == lease_->end) {
    lease_.give_back();
  } else {
    abandon();
  }
}

void UpstreamCall::abandon() {
  if (lease_) lease_->stream->close();
  lease_ = net::Lease{};
}

}  // namespace tollgate::gateway
