#include "gateway/client_io.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <cstring>
#include <utility>

#include "core/json.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kInitialBuffer = 8u << 10;  // heads and ordinary prompts; grows with the body
constexpr std::size_t kMinimumRead = 1u << 10;

}  // namespace

ClientIo::ClientIo(std::unique_ptr<net::Stream> stream, std::size_t max_buffer)
    : stream_(std::move(stream)),
      timer_(stream_->executor()),
      buffer_(std::make_unique_for_overwrite<char[]>(kInitialBuffer + kJsonPadding)),
      capacity_(kInitialBuffer),
      max_buffer_(max_buffer) {
  timer_.on_expire([this] {
    timed_out_ = true;
    if (writing_) {
      stream_->close();
    } else {
      stream_->cancel_read();
    }
  });
}

ClientIo::~ClientIo() = default;

void ClientIo::consume(std::size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_ && !reading_) begin_ = end_ = 0;
}

bool ClientIo::reserve(std::size_t total) {
  if (total <= capacity_ - begin_) return true;
  if (total > max_buffer_) return false;
  const std::size_t held = end_ - begin_;
  if (total <= capacity_) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
  } else {
    std::size_t grown = capacity_;
    while (grown < total) grown = std::min(grown * 2, std::max(max_buffer_, total));
    auto bigger = std::make_unique_for_overwrite<char[]>(grown + kJsonPadding);
    std::memcpy(bigger.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(bigger);
    capacity_ = grown;
  }
  begin_ = 0;
  end_ = held;
  return true;
}

void ClientIo::start_read() {
  if (reading_ || eof_ || broken_ || end_ == capacity_) return;
  reading_ = true;
  stream_->async_read_some(buffer_.get() + end_, capacity_ - end_,
                           [this](ErrorCode ec, std::size_t bytes) { on_read(ec, bytes); });
}

void ClientIo::on_read(ErrorCode ec, std::size_t bytes) {
  reading_ = false;
  if (begin_ == end_ && begin_ > 0) {  // nothing is held, so no view can be lost: keep the free room behind the data
    std::memmove(buffer_.get(), buffer_.get() + end_, bytes);
    begin_ = end_ = 0;
  }
  end_ += bytes;
  if (ec == asio::error::eof) {
    eof_ = true;
  } else if (ec && (ec != asio::error::operation_aborted || !stream_->is_open())) {
    broken_ = true;
  }
  if ((eof_ || broken_) && on_change_) on_change_(context_);
  wake();  // last: who waited may end the session
}

void ClientIo::wake() {
  if (waiter_) std::exchange(waiter_, nullptr)();
}

Task<void> ClientIo::wait_event() {
  return asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this](auto handler) { waiter_ = std::move(handler); }, use_task);
}

Task<ReadResult> ClientIo::read_more(SteadyTime deadline) {
  if (end_ == capacity_ && !reading_) reserve((end_ - begin_) + kMinimumRead);
  const std::size_t before = end_ - begin_;
  timed_out_ = false;
  start_read();
  if (reading_) {
    timer_.set(deadline);
    co_await wait_event();
    timer_.clear();
  }
  if (end_ - begin_ > before) co_return ReadResult::data;
  if (eof_) co_return ReadResult::eof;
  if (broken_ || closed_) co_return ReadResult::broken;
  co_return timed_out_ ? ReadResult::timeout : ReadResult::interrupted;
}

void ClientIo::watch(std::size_t request_bytes, void (*on_change)(void*), void* context) {
  on_change_ = on_change;
  context_ = context;
  if (end_ - begin_ <= request_bytes) start_read();
}

void ClientIo::unwatch() {
  on_change_ = nullptr;
  context_ = nullptr;
}

void ClientIo::probe_broken() {
  if (waiting_broken_ || broken_) return;
  waiting_broken_ = true;
  stream_->async_wait_broken([this](ErrorCode ec, std::size_t) {
    waiting_broken_ = false;
    if (ec != asio::error::operation_aborted) {
      broken_ = true;
      if (on_change_) on_change_(context_);
    }
    wake();
  });
}

Task<bool> ClientIo::write(std::span<const asio::const_buffer> buffers, SteadyTime deadline) {
  if (broken_ || closed_) co_return false;
  ErrorCode ec;
  const std::size_t taken = stream_->write_now(buffers, ec);
  if (!ec) co_return true;
  if (ec != asio::error::would_block) {
    broken_ = true;
    co_return false;
  }
  const net::RestOfWrite rest(buffers, taken);
  writing_ = true;
  timer_.set(deadline);
  auto [failure, written] = co_await asio::async_initiate<const asio::as_tuple_t<asio::use_awaitable_t<Executor>>,
                                                          void(ErrorCode, std::size_t)>(
      [this, &rest](auto handler) { stream_->async_write(rest.buffers(), std::move(handler)); },
      asio::as_tuple(use_task));
  timer_.clear();
  writing_ = false;
  if (failure) broken_ = true;
  co_return !failure;
}

Task<bool> ClientIo::write(std::string_view bytes, SteadyTime deadline) {
  const asio::const_buffer one(bytes.data(), bytes.size());
  co_return co_await write(std::span(&one, 1), deadline);
}

Task<void> ClientIo::linger(SteadyTime deadline) {
  stream_->shutdown_write();
  while (!eof_ && !broken_) {
    begin_ = end_ = reading_ ? end_ : 0;
    const ReadResult got = co_await read_more(deadline);
    if (got != ReadResult::data) break;
  }
}

Task<void> ClientIo::close() {
  closed_ = true;
  on_change_ = nullptr;
  stream_->close();
  while (reading_ || waiting_broken_) co_await wait_event();
}

}  // namespace tollgate::gateway
