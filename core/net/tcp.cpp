// TCP streams over Asio sockets. Owner: net. Thread rule: see stream.h.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cassert>
#include <cerrno>
#include <utility>

#include "core/net/dial.h"
#include "core/net/socket.h"

namespace tollgate::net {
namespace {

constexpr std::size_t kMaxBuffers = 8;

// The buffers of a write that is going on, as a ConstBufferSequence.
struct BufferView {
  using value_type = asio::const_buffer;
  using const_iterator = const asio::const_buffer*;
  const_iterator first, last;
  const_iterator begin() const { return first; }
  const_iterator end() const { return last; }
};

// Socket and state of the outstanding operations. Owned by the stream and by each of them (plain counts, one thread).
struct Core : boost::intrusive_ref_counter<Core, boost::thread_unsafe_counter> {
  explicit Core(TcpSocket s) : socket(std::move(s)) {}

  void set_rest(std::span<const asio::const_buffer> buffers);
  bool take(std::size_t bytes);  // true when nothing is left

  TcpSocket socket;
  asio::cancellation_signal read_cancel;
  std::array<asio::const_buffer, kMaxBuffers> rest;
  std::size_t rest_begin = 0, rest_end = 0, written = 0;
};
using CorePtr = boost::intrusive_ptr<Core>;

void Core::set_rest(std::span<const asio::const_buffer> buffers) {
  assert(buffers.size() <= kMaxBuffers);
  rest_begin = written = 0;
  rest_end = std::min(buffers.size(), kMaxBuffers);
  std::copy_n(buffers.begin(), rest_end, rest.begin());
}

bool Core::take(std::size_t bytes) {
  written += bytes;
  while (rest_begin < rest_end && bytes >= rest[rest_begin].size()) bytes -= rest[rest_begin++].size();
  if (rest_begin == rest_end) return true;
  rest[rest_begin] += bytes;
  return false;
}

// The operations name no executor, so Asio runs them straight on the socket's; each goes on where a handler of this
// thread stopped, which keeps completions off the locked queue.
struct Operation {
  friend bool asio_handler_is_continuation(Operation*) { return true; }
};

struct ReadOp : Operation {
  using cancellation_slot_type = asio::cancellation_slot;
  ReadOp(CorePtr c, IoHandler h) : core(std::move(c)), handler(std::move(h)) {}
  cancellation_slot_type get_cancellation_slot() const noexcept { return core->read_cancel.slot(); }
  void operator()(const ErrorCode& ec, std::size_t bytes) { std::move(handler)(ec, bytes); }
  CorePtr core;
  IoHandler handler;
};

struct WriteOp : Operation {
  WriteOp(CorePtr c, IoHandler h) : core(std::move(c)), handler(std::move(h)) {}
  void operator()(const ErrorCode& ec, std::size_t bytes) {
    const bool finished = core->take(bytes);
    if (ec || finished) return std::move(handler)(ec, core->written);
    start(std::move(*this));
  }
  static void start(WriteOp op) {
    Core& core = *op.core;
    if (core.rest_end - core.rest_begin == 1) {
      core.socket.async_write_some(core.rest[core.rest_begin], std::move(op));
    } else {
      const BufferView view{&core.rest[core.rest_begin], core.rest.data() + core.rest_end};
      core.socket.async_write_some(view, std::move(op));
    }
  }
  CorePtr core;
  IoHandler handler;
};

bool is_broken(TcpSocket& socket) {
  pollfd state{socket.native_handle(), 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

struct BrokenOp : Operation {
  BrokenOp(CorePtr c, IoHandler h) : core(std::move(c)), handler(std::move(h)) {}
  // Urgent data wakes the wait too and means nothing here.
  void operator()(const ErrorCode& ec) {
    if (ec || is_broken(core->socket)) return std::move(handler)(ec, 0);
    Core& c = *core;
    c.socket.async_wait(TcpSocket::wait_error, std::move(*this));
  }
  CorePtr core;
  IoHandler handler;
};

class TcpStream final : public Stream {
 public:
  explicit TcpStream(TcpSocket socket) : core_(new Core(std::move(socket))) {}
  ~TcpStream() override { close(); }

  Executor executor() override { return core_->socket.get_executor(); }
  void async_read_some(char* data, std::size_t size, IoHandler handler) override {
    core_->socket.async_read_some(asio::buffer(data, size), ReadOp(core_, std::move(handler)));
  }
  void async_write(std::span<const asio::const_buffer> buffers, IoHandler handler) override {
    core_->set_rest(buffers);
    WriteOp::start(WriteOp(core_, std::move(handler)));
  }
  std::size_t write_now(std::span<const asio::const_buffer> buffers, ErrorCode& ec) override;
  void async_wait_broken(IoHandler handler) override {
    core_->socket.async_wait(TcpSocket::wait_error, BrokenOp(core_, std::move(handler)));
  }
  void cancel_read() noexcept override { core_->read_cancel.emit(asio::cancellation_type::total); }
  void shutdown_write() noexcept override {
    ErrorCode ignored;
    core_->socket.shutdown(TcpSocket::shutdown_send, ignored);
  }
  void close() noexcept override {
    ErrorCode ignored;
    core_->socket.close(ignored);
  }
  bool is_open() const noexcept override { return core_->socket.is_open(); }
  bool looks_alive() noexcept override {
    char byte;
    return is_open() && ::recv(core_->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  }

 private:
  CorePtr core_;
};

std::size_t TcpStream::write_now(std::span<const asio::const_buffer> buffers, ErrorCode& ec) {
  assert(buffers.size() <= kMaxBuffers);
  std::array<iovec, kMaxBuffers> parts;
  std::size_t count = 0, total = 0;
  for (const asio::const_buffer& buffer : buffers.first(std::min(buffers.size(), kMaxBuffers))) {
    parts[count++] = iovec{const_cast<void*>(buffer.data()), buffer.size()};
    total += buffer.size();
  }
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  ssize_t sent = 0;
  do {
    if (count == 1) {
      sent = ::send(core_->socket.native_handle(), parts[0].iov_base, parts[0].iov_len, kFlags);
    } else {
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = count;
      sent = ::sendmsg(core_->socket.native_handle(), &message, kFlags);
    }
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    ec = static_cast<std::size_t>(sent) == total ? ErrorCode() : ErrorCode(asio::error::would_block);
    return static_cast<std::size_t>(sent);
  }
  ec = errno == EAGAIN || errno == EWOULDBLOCK ? ErrorCode(asio::error::would_block)
                                               : ErrorCode(errno, boost::system::system_category());
  return 0;
}

}  // namespace

std::unique_ptr<Stream> make_tcp_stream(TcpSocket socket) { return std::make_unique<TcpStream>(std::move(socket)); }

std::unique_ptr<Stream> make_tcp_stream(asio::io_context& context, int native_socket) {
  TcpSocket socket(context);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(native_socket, reinterpret_cast<sockaddr*>(&address), &size);
  ErrorCode ec;
  socket.assign(address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), native_socket, ec);
  if (ec) {
    ::close(native_socket);
  } else {
    socket.set_option(asio::ip::tcp::no_delay(true), ec);  // a refusal (not a TCP socket) costs only latency
  }
  return make_tcp_stream(std::move(socket));
}

}  // namespace tollgate::net
