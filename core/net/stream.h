// Stream: an ordered byte connection: TCP, TLS or an in-memory pipe (tests, the built-in echo vendor, the simulation).
// Primitives are completion callbacks, so that a session can keep a read outstanding while its coroutine does other
// work; read_some()/write_all() are the coroutine forms.
//
// Thread rule: all calls on the thread of its io_context. Lifetime: destroying a stream closes it; what was outstanding
// still completes (operation_aborted), and buffers must stay until completion. Close streams and run the io_context
// before it is destroyed: a coroutine that waits on a TLS stream, a pipe or a Signal is not destroyed with the context.
// At most one read and one write may be outstanding.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/net/handler.h"
#include "core/result.h"
#include "core/task.h"

namespace tollgate::net {

using IoHandler = Handler<void(ErrorCode, std::size_t)>;

class Stream {
 public:
  virtual ~Stream() = default;
  virtual Executor executor() = 0;
  // Reads at least one byte into [data, data+size). EOF is asio::error::eof. Completes never inside this call.
  virtual void async_read_some(char* data, std::size_t size, IoHandler handler) = 0;
  // Writes everything (gathers up to 8 buffers). The ConstBuffers' memory must stay until completion.
  virtual void async_write(std::span<const asio::const_buffer> buffers, IoHandler handler) = 0;
  // Writes what the transport takes right now without waiting; the caller awaits the rest with async_write(). Returns
  // the bytes taken; `ec` is would_block when not everything was. Saves a turn of the event loop for small writes. The
  // default takes nothing. REQUIRES: no write outstanding.
  virtual std::size_t write_now(std::span<const asio::const_buffer> buffers, ErrorCode& ec);
  // Completes, without error, when the connection is broken (reset, or both directions closed), never with data. On a
  // socket it costs a system call, and one more per read while it is outstanding: an outstanding read is the cheaper
  // watch.
  virtual void async_wait_broken(IoHandler handler) = 0;
  // Cancels the outstanding read only; it completes with operation_aborted and no byte is lost.
  virtual void cancel_read() noexcept = 0;
  // Sends EOF; reading goes on.
  virtual void shutdown_write() noexcept = 0;
  // Closes at once; outstanding operations complete with operation_aborted. Idempotent.
  virtual void close() noexcept = 0;
  virtual bool is_open() const noexcept = 0;
  // False when an idle connection cannot be used again: the peer closed it or sent bytes nobody asked for. One system
  // call.
  virtual bool looks_alive() noexcept { return is_open(); }

  // Errors of both: kind retry_elsewhere, code "eof", "aborted" or "connection_broken".
  Task<Result<std::size_t>> read_some(char* data, std::size_t size);
  Task<Result<void>> write_all(std::string_view bytes);
};

// What is left of a gathered write after `taken` bytes, for async_write() after write_now(). May be empty: a TLS stream
// that took everything still has to be flushed.
class RestOfWrite {
 public:
  RestOfWrite(std::span<const asio::const_buffer> whole, std::size_t taken);
  std::span<const asio::const_buffer> buffers() const { return {parts_.data(), count_}; }

 private:
  std::array<asio::const_buffer, 8> parts_;
  std::size_t count_ = 0;
};

// What an ErrorCode of a stream means to a caller.
Error io_error(const ErrorCode& ec);

}  // namespace tollgate::net
