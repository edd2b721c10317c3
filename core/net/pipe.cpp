// In-memory streams: two bounded rings and who waits on them. Owner: net. Thread rule: see stream.h.
#include <algorithm>
#include <array>
#include <boost/asio/defer.hpp>
#include <boost/asio/error.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cassert>
#include <cstring>
#include <utility>

#include "core/net/dial.h"

namespace tollgate::net {
namespace {

constexpr std::size_t kMaxBuffers = 8;

void complete(Executor executor, IoHandler handler, ErrorCode ec, std::size_t bytes) {
  asio::defer(executor, [handler = std::move(handler), ec, bytes]() mutable { std::move(handler)(ec, bytes); });
}

// One way: a ring, at most one waiting reader and one waiting writer.
class Channel {
 public:
  Channel(Executor executor, std::size_t capacity) : executor_(executor), capacity_(capacity) {}

  void read(char* data, std::size_t size, IoHandler handler);
  void write(std::span<const asio::const_buffer> buffers, IoHandler handler);
  std::size_t put(std::span<const asio::const_buffer> buffers);  // without waiting
  void end() { eof_ = true, pump(); }
  void fail(ErrorCode ec) { failure_ = ec, abort_read(ec), abort_write(ec); }
  void fail_writes(ErrorCode ec) { refused_ = ec, abort_write(ec); }
  void abort_read(ErrorCode ec);
  void abort_write(ErrorCode ec);
  ErrorCode write_failure() const { return failure_ ? failure_ : refused_; }
  bool holds_bytes() const { return size_ > 0; }
  bool ended() const { return eof_; }
  bool failed() const { return static_cast<bool>(failure_); }

 private:
  std::size_t put_some(const char* data, std::size_t size);
  std::size_t get_some(char* data, std::size_t size);
  void pump();

  Executor executor_;
  std::size_t capacity_, begin_ = 0, size_ = 0;
  std::unique_ptr<char[]> ring_;
  bool eof_ = false;
  ErrorCode failure_, refused_;
  char* read_data_ = nullptr;
  std::size_t read_size_ = 0;
  IoHandler reader_, writer_;
  std::array<asio::const_buffer, kMaxBuffers> rest_;
  std::size_t rest_begin_ = 0, rest_end_ = 0, written_ = 0;
};

std::size_t Channel::put_some(const char* data, std::size_t size) {
  if (size == 0) return 0;
  if (!ring_) ring_ = std::make_unique_for_overwrite<char[]>(capacity_);
  const std::size_t taken = std::min(size, capacity_ - size_);
  const std::size_t at = (begin_ + size_) % capacity_, first = std::min(taken, capacity_ - at);
  std::memcpy(ring_.get() + at, data, first);
  std::memcpy(ring_.get(), data + first, taken - first);
  size_ += taken;
  return taken;
}

std::size_t Channel::get_some(char* data, std::size_t size) {
  const std::size_t taken = std::min(size, size_), first = std::min(taken, capacity_ - begin_);
  std::memcpy(data, ring_.get() + begin_, first);
  std::memcpy(data + first, ring_.get(), taken - first);
  begin_ = (begin_ + taken) % capacity_;
  size_ -= taken;
  return taken;
}

std::size_t Channel::put(std::span<const asio::const_buffer> buffers) {
  std::size_t total = 0;
  for (const asio::const_buffer& buffer : buffers) {
    const std::size_t taken = put_some(static_cast<const char*>(buffer.data()), buffer.size());
    total += taken;
    if (taken < buffer.size()) break;
  }
  pump();
  return total;
}

void Channel::read(char* data, std::size_t size, IoHandler handler) {
  assert(!reader_);
  if (failure_) return complete(executor_, std::move(handler), failure_, 0);
  read_data_ = data;
  read_size_ = size;
  reader_ = std::move(handler);
  pump();
}

void Channel::write(std::span<const asio::const_buffer> buffers, IoHandler handler) {
  assert(!writer_ && buffers.size() <= kMaxBuffers);
  if (const ErrorCode ec = write_failure()) return complete(executor_, std::move(handler), ec, 0);
  rest_begin_ = written_ = 0;
  rest_end_ = std::min(buffers.size(), kMaxBuffers);
  std::copy_n(buffers.begin(), rest_end_, rest_.begin());
  writer_ = std::move(handler);
  pump();
}

// Moves bytes writer -> ring -> reader as far as they go, then completes who is served.
void Channel::pump() {
  for (;;) {
    while (writer_ && rest_begin_ < rest_end_ && (size_ < capacity_ || rest_[rest_begin_].size() == 0)) {
      asio::const_buffer& buffer = rest_[rest_begin_];
      const std::size_t taken = put_some(static_cast<const char*>(buffer.data()), buffer.size());
      written_ += taken;
      buffer += taken;
      if (buffer.size() == 0) ++rest_begin_;
    }
    if (writer_ && rest_begin_ == rest_end_)
      complete(executor_, std::exchange(writer_, nullptr), ErrorCode(), written_);
    if (!reader_ || size_ == 0) break;
    complete(executor_, std::exchange(reader_, nullptr), ErrorCode(), get_some(read_data_, read_size_));
  }
  if (reader_ && eof_) complete(executor_, std::exchange(reader_, nullptr), asio::error::eof, 0);
}

void Channel::abort_read(ErrorCode ec) {
  if (reader_) complete(executor_, std::exchange(reader_, nullptr), ec, 0);
}

void Channel::abort_write(ErrorCode ec) {
  if (writer_) complete(executor_, std::exchange(writer_, nullptr), ec, written_);
}

// Shared by the two ends (the owners), which may go in any order.
struct Wire : boost::intrusive_ref_counter<Wire, boost::thread_unsafe_counter> {
  Wire(Executor e, std::size_t capacity) : executor(e), channels{Channel(e, capacity), Channel(e, capacity)} {}

  // Channel i carries what end i sends.
  bool broken(int end) const {
    return channels[1 - end].failed() || (!open[1 - end] && channels[end].ended()) || peer_refuses[end];
  }
  void tell_if_broken(int end) {
    if (watchers[end] && broken(end)) complete(executor, std::exchange(watchers[end], nullptr), ErrorCode(), 0);
  }

  Executor executor;
  std::array<Channel, 2> channels;
  std::array<bool, 2> open{true, true};
  std::array<bool, 2> peer_refuses{false, false};  // a write found the peer closed
  std::array<IoHandler, 2> watchers;
};

class PipeEnd final : public Stream {
 public:
  PipeEnd(boost::intrusive_ptr<Wire> wire, int end) : wire_(std::move(wire)), end_(end) {}
  ~PipeEnd() override { close(); }

  Executor executor() override { return wire_->executor; }
  void async_read_some(char* data, std::size_t size, IoHandler handler) override {
    if (!is_open()) return complete(wire_->executor, std::move(handler), asio::error::bad_descriptor, 0);
    in().read(data, size, std::move(handler));
  }
  void async_write(std::span<const asio::const_buffer> buffers, IoHandler handler) override {
    if (const ErrorCode ec = refusal()) return complete(wire_->executor, std::move(handler), ec, 0);
    out().write(buffers, std::move(handler));
  }
  std::size_t write_now(std::span<const asio::const_buffer> buffers, ErrorCode& ec) override {
    ec = refusal();
    if (ec) return 0;
    const std::size_t written = out().put(buffers);
    if (written < asio::buffer_size(buffers)) ec = asio::error::would_block;
    return written;
  }
  void async_wait_broken(IoHandler handler) override {
    assert(!wire_->watchers[end_]);
    if (!is_open()) return complete(wire_->executor, std::move(handler), asio::error::bad_descriptor, 0);
    wire_->watchers[end_] = std::move(handler);
    wire_->tell_if_broken(end_);
  }
  void cancel_read() noexcept override { in().abort_read(asio::error::operation_aborted); }
  void shutdown_write() noexcept override {
    if (!is_open()) return;
    out().end();
    wire_->tell_if_broken(end_);
  }
  void close() noexcept override;
  bool is_open() const noexcept override { return wire_->open[end_]; }
  bool looks_alive() noexcept override {
    return is_open() && wire_->open[1 - end_] && !in().holds_bytes() && !in().ended() && !in().failed();
  }

 private:
  Channel& in() { return wire_->channels[1 - end_]; }
  Channel& out() { return wire_->channels[end_]; }
  ErrorCode refusal();

  boost::intrusive_ptr<Wire> wire_;
  int end_;
};

ErrorCode PipeEnd::refusal() {
  if (!is_open()) return asio::error::bad_descriptor;
  if (out().ended()) return asio::error::broken_pipe;
  const ErrorCode ec = out().write_failure();
  if (ec) {
    wire_->peer_refuses[end_] = true;
    wire_->tell_if_broken(end_);
  }
  return ec;
}

// As a socket does it: unread bytes make it a reset, which takes what is still on its way; otherwise the peer may read
// to the end, and finds out when it writes.
void PipeEnd::close() noexcept {
  if (!is_open()) return;
  wire_->open[end_] = false;
  in().abort_read(asio::error::operation_aborted);
  out().abort_write(asio::error::operation_aborted);
  if (wire_->watchers[end_])
    complete(wire_->executor, std::exchange(wire_->watchers[end_], nullptr), asio::error::operation_aborted, 0);
  if (in().holds_bytes()) {
    in().fail(asio::error::connection_reset);
    out().fail(asio::error::connection_reset);
  } else {
    in().fail_writes(asio::error::broken_pipe);
    out().end();
  }
  wire_->tell_if_broken(1 - end_);
}

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_pipe(asio::io_context& context, std::size_t capacity) {
  assert(capacity > 0);
  boost::intrusive_ptr<Wire> wire(new Wire(context.get_executor(), capacity));
  return {std::make_unique<PipeEnd>(wire, 0), std::make_unique<PipeEnd>(wire, 1)};
}

}  // namespace tollgate::net
