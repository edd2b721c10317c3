// The coroutine forms of Stream's primitives. Owner: net. Thread rule: see stream.h.
#include "core/net/stream.h"

#include <boost/asio/error.hpp>
#include <cassert>
#include <utility>

namespace tollgate::net {
namespace {

using UseTask = const asio::use_awaitable_t<Executor>;

// Turns (error, size) into the Result that a coroutine waits for, so that no error travels as an exception.
template <class Handler, class Value>
struct ToResult {
  Handler handler;
  void operator()(const ErrorCode& ec, std::size_t bytes) && {
    if (ec) {
      std::move(handler)(Result<Value>(io_error(ec)));
    } else if constexpr (std::is_void_v<Value>) {
      std::move(handler)(Result<void>());
    } else {
      std::move(handler)(Result<Value>(bytes));
    }
  }
};

Task<Result<void>> write_rest(Stream& stream, asio::const_buffer rest) {
  return asio::async_initiate<UseTask, void(Result<void>)>(
      [&stream, rest](auto handler) {
        stream.async_write(std::span(&rest, 1), ToResult<decltype(handler), void>{std::move(handler)});
      },
      use_task);
}

}  // namespace

RestOfWrite::RestOfWrite(std::span<const asio::const_buffer> whole, std::size_t taken) {
  assert(whole.size() <= parts_.size());
  for (asio::const_buffer part : whole) {
    if (taken >= part.size()) {
      taken -= part.size();
      continue;
    }
    parts_[count_++] = part + taken;
    taken = 0;
  }
}

Error io_error(const ErrorCode& ec) {
  const char* code = ec == asio::error::eof                 ? "eof"
                     : ec == asio::error::operation_aborted ? "aborted"
                                                            : "connection_broken";
  return Error{ErrorKind::retry_elsewhere, 502, code, "the connection failed: " + ec.message(), {}};
}

std::size_t Stream::write_now(std::span<const asio::const_buffer>, ErrorCode& ec) {
  ec = asio::error::would_block;
  return 0;
}

Task<Result<std::size_t>> Stream::read_some(char* data, std::size_t size) {
  return asio::async_initiate<UseTask, void(Result<std::size_t>)>(
      [this, data, size](auto handler) {
        async_read_some(data, size, ToResult<decltype(handler), std::size_t>{std::move(handler)});
      },
      use_task);
}

Task<Result<void>> Stream::write_all(std::string_view bytes) {
  const asio::const_buffer whole(bytes.data(), bytes.size());
  ErrorCode ec;
  const std::size_t written = write_now(std::span(&whole, 1), ec);
  if (!ec) co_return Result<void>();
  if (ec != asio::error::would_block) co_return io_error(ec);
  co_return co_await write_rest(*this, whole + written);
}

}  // namespace tollgate::net
