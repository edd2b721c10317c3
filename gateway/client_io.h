// ClientIo: the client's side of one connection. Bytes are buffered in one contiguous, padded block, so that heads and
// bodies are views into it; while a request is served one read stays outstanding (watch()), so that a client that goes
// away is noticed at once and the next pipelined request is already here.
//
// A FIN alone does not say whether the client left or only closed its sending half. probe_broken() finds out: after the
// caller sent a harmless probe, a client that is gone answers with a reset.
//
// Thread rule: one io thread. Lifetime: close() must be awaited before destruction.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/net/deadline.h"
#include "core/net/stream.h"

namespace tollgate::gateway {

enum class ReadResult : unsigned char { data, eof, broken, timeout, interrupted };

class ClientIo {
 public:
  // `max_buffer`: the most bytes of one request, head and body together.
  ClientIo(std::unique_ptr<net::Stream> stream, std::size_t max_buffer);
  ~ClientIo();
  ClientIo(const ClientIo&) = delete;
  ClientIo& operator=(const ClientIo&) = delete;

  std::string_view data() const { return {buffer_.get() + begin_, end_ - begin_}; }
  // Writable view of the same bytes, for taking chunk framing out in place.
  char* mutable_data() { return buffer_.get() + begin_; }
  void consume(std::size_t bytes);
  // Makes room for `total` bytes counted from the first unconsumed one. False above the maximum. Moves the bytes: views
  // are lost. REQUIRES: no read outstanding (no watch()).
  bool reserve(std::size_t total);

  // Waits for more bytes (at least one) until `deadline`.
  Task<ReadResult> read_more(SteadyTime deadline);
  // Reports EOF and breaks by `on_change(context)` from now on, and keeps a read outstanding unless bytes behind the
  // first `request_bytes` are already here (a pipelined request: reading on could force the buffer to move).
  void watch(std::size_t request_bytes, void (*on_change)(void*), void* context);
  // Ends the reports; an outstanding read stays and will bring the next request.
  void unwatch();

  bool eof() const { return eof_; }
  bool broken() const { return broken_; }
  // Calls on_change when the connection turns out to be reset. Use after EOF, before sending a probe.
  void probe_broken();

  // Writes everything within `deadline`; false when the client is gone or too slow (the connection is then closed).
  Task<bool> write(std::span<const asio::const_buffer> buffers, SteadyTime deadline);
  Task<bool> write(std::string_view bytes, SteadyTime deadline);

  // Sends EOF, then discards what the client still sends for a short while, so that it gets to read the last reply.
  Task<void> linger(SteadyTime deadline);
  Task<void> close();
  net::Stream& stream() { return *stream_; }

 private:
  void start_read();
  void on_read(ErrorCode ec, std::size_t bytes);
  void wake();
  Task<void> wait_event();

  std::unique_ptr<net::Stream> stream_;
  net::Deadline timer_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_, begin_ = 0, end_ = 0, max_buffer_;
  net::Handler<void()> waiter_;
  void (*on_change_)(void*) = nullptr;
  void* context_ = nullptr;
  bool reading_ = false, waiting_broken_ = false, writing_ = false;
  bool eof_ = false, broken_ = false, timed_out_ = false, closed_ = false;
};

}  // namespace tollgate::gateway
