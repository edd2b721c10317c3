// TLS over a Stream by memory BIOs. Owner: net. Thread rule: see stream.h.
#include "core/net/tls_stream.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cassert>
#include <utility>

#include "core/net/deadline.h"

namespace tollgate::net {
namespace {

constexpr std::size_t kMaxBuffers = 8;
constexpr std::size_t kReadBlock = 17u << 10;  // one full record and its overhead
constexpr std::size_t kMaxSealed = 64u << 10;  // ciphertext that may wait for the lower stream

// One connection. Owned by its stream and by the operations outstanding on the lower stream (plain counts, one thread).
class Channel : public boost::intrusive_ref_counter<Channel, boost::thread_unsafe_counter> {
 public:
  Channel(SslPtr ssl, std::unique_ptr<Stream> lower, std::shared_ptr<void> keep);

  void handshake(IoHandler handler) { greeter_ = std::move(handler), drive(); }
  void read(char* data, std::size_t size, IoHandler handler);
  void write(std::span<const asio::const_buffer> buffers, IoHandler handler);
  std::size_t write_now(std::span<const asio::const_buffer> buffers, ErrorCode& ec);
  void cancel_read() { complete(reader_, asio::error::operation_aborted, 0); }
  void shutdown_write();
  void close();
  Stream& lower() { return *lower_; }
  bool is_open() const { return lower_->is_open(); }
  std::string why_failed() const;

 private:
  void complete(IoHandler& handler, ErrorCode ec, std::size_t bytes);
  void drive();
  void greet();
  void open_records();
  void seal_rest();
  bool seal(asio::const_buffer& buffer);
  void flush();
  void on_flushed(ErrorCode ec);
  void fetch();
  void on_fetched(ErrorCode ec, std::size_t bytes);
  bool wants_input(int result);
  void fail(ErrorCode ec);
  std::size_t sealed() const { return BIO_ctrl_pending(out_); }

  std::shared_ptr<void> keep_;  // second owner: whoever set the SSL's callbacks
  SslPtr ssl_;
  BIO* in_;   // owned by ssl_
  BIO* out_;  // owned by ssl_
  std::unique_ptr<Stream> lower_;
  std::unique_ptr<char[]> block_;
  std::string sending_;
  IoHandler greeter_, reader_, writer_;
  char* read_data_ = nullptr;
  std::size_t read_size_ = 0;
  std::array<asio::const_buffer, kMaxBuffers> rest_;
  std::size_t rest_begin_ = 0, rest_end_ = 0, written_ = 0;
  bool fetching_ = false, flushing_ = false, needs_input_ = false, ending_ = false;
  ErrorCode failure_;    // of both directions
  ErrorCode input_end_;  // the lower stream's, once all it gave is decrypted
};
using ChannelPtr = boost::intrusive_ptr<Channel>;

Channel::Channel(SslPtr ssl, std::unique_ptr<Stream> lower, std::shared_ptr<void> keep)
    : keep_(std::move(keep)),
      ssl_(std::move(ssl)),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())),
      lower_(std::move(lower)),
      block_(std::make_unique_for_overwrite<char[]>(kReadBlock)) {
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

// Never inside the caller: drive() may run in the middle of a user's call.
void Channel::complete(IoHandler& handler, ErrorCode ec, std::size_t bytes) {
  if (!handler) return;
  asio::defer(lower_->executor(),
              [handler = std::exchange(handler, nullptr), ec, bytes]() mutable { std::move(handler)(ec, bytes); });
}

void Channel::read(char* data, std::size_t size, IoHandler handler) {
  assert(!reader_);
  read_data_ = data;
  read_size_ = size;
  reader_ = std::move(handler);
  drive();
}

void Channel::write(std::span<const asio::const_buffer> buffers, IoHandler handler) {
  assert(!writer_ && buffers.size() <= kMaxBuffers);
  rest_begin_ = written_ = 0;
  rest_end_ = std::min(buffers.size(), kMaxBuffers);
  std::copy_n(buffers.begin(), rest_end_, rest_.begin());
  writer_ = std::move(handler);
  drive();
}

std::size_t Channel::write_now(std::span<const asio::const_buffer> buffers, ErrorCode& ec) {
  ec = failure_ ? failure_ : ErrorCode(asio::error::would_block);
  if (failure_ || flushing_ || sealed() > 0) return 0;
  std::size_t taken = 0;
  for (asio::const_buffer buffer : buffers) {
    const std::size_t size = buffer.size();
    while (buffer.size() > 0 && sealed() < kMaxSealed && seal(buffer)) {
    }
    taken += size - buffer.size();
    if (buffer.size() > 0) break;
  }
  flush();
  // What is sealed but not sent yet still is the caller's to wait for: async_write() of the rest, even of an empty one.
  if (failure_) {
    ec = failure_;
  } else if (!flushing_ && taken == asio::buffer_size(buffers)) {
    ec = {};
  }
  return taken;
}

void Channel::shutdown_write() {
  if (failure_ || ending_) return;
  ending_ = true;
  SSL_shutdown(ssl_.get());
  flush();
}

void Channel::close() {
  if (!is_open()) return;
  if (!failure_ && !ending_ && SSL_is_init_finished(ssl_.get())) {
    SSL_shutdown(ssl_.get());
    flush();
  }
  lower_->close();
  fail(asio::error::operation_aborted);
}

void Channel::fail(ErrorCode ec) {
  if (!failure_) failure_ = ec;
  complete(greeter_, ec, 0);
  complete(reader_, ec, 0);
  complete(writer_, ec, written_);
}

// Does whatever can be done now, and starts what has to be waited for.
void Channel::drive() {
  if (failure_) return fail(failure_);
  needs_input_ = false;
  ERR_clear_error();
  if (greeter_) greet();
  if (reader_) open_records();
  do {
    if (writer_) seal_rest();
    flush();
    if (failure_) return;
  } while (writer_ && rest_begin_ < rest_end_ && !flushing_ && !needs_input_);
  if (writer_ && rest_begin_ == rest_end_ && !flushing_) complete(writer_, ErrorCode(), written_);
  if (needs_input_) fetch();
}

void Channel::greet() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    complete(greeter_, ErrorCode(), 0);
  } else if (wants_input(result) && input_end_) {
    fail(input_end_ == asio::error::eof ? ErrorCode(asio::ssl::error::stream_truncated) : input_end_);
  }
}

void Channel::open_records() {
  std::size_t size = 0;
  const int result = SSL_read_ex(ssl_.get(), read_data_, read_size_, &size);
  if (result == 1) return complete(reader_, ErrorCode(), size);
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return complete(reader_, asio::error::eof, 0);
  if (!wants_input(result) || !input_end_) return;
  // An end without a closing alert may be an attacker's cut.
  complete(reader_, input_end_ == asio::error::eof ? ErrorCode(asio::ssl::error::stream_truncated) : input_end_, 0);
}

void Channel::seal_rest() {
  while (rest_begin_ < rest_end_ && sealed() < kMaxSealed) {
    const std::size_t before = rest_[rest_begin_].size();
    if (before > 0 && !seal(rest_[rest_begin_])) return;
    written_ += before - rest_[rest_begin_].size();
    if (rest_[rest_begin_].size() == 0) ++rest_begin_;
  }
}

// Encrypts one record's worth of `buffer` and advances it. False when it cannot go on now.
bool Channel::seal(asio::const_buffer& buffer) {
  std::size_t size = 0;
  const int result = SSL_write_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
  if (result != 1) return wants_input(result), false;
  buffer += size;
  return true;
}

// True: the engine waits for bytes of the peer. Everything else but success is the end of the connection.
bool Channel::wants_input(int result) {
  const int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_READ) return needs_input_ = true;
  const unsigned long code = ERR_peek_error();
  fail(code != 0 ? ErrorCode(static_cast<int>(code), asio::error::get_ssl_category())
                 : ErrorCode(asio::error::connection_reset));
  flush();  // the alert that tells the peer
  return false;
}

void Channel::flush() {
  if (flushing_) return;
  if (sealed() > 0) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out_, &data);
    sending_.assign(data, static_cast<std::size_t>(size));
    BIO_reset(out_);
    const asio::const_buffer whole(sending_.data(), sending_.size());
    ErrorCode ec;
    const std::size_t sent = lower_->write_now(std::span(&whole, 1), ec);
    if (ec == asio::error::would_block) {
      flushing_ = true;
      const asio::const_buffer rest = whole + sent;
      lower_->async_write(std::span(&rest, 1),
                          [self = ChannelPtr(this)](ErrorCode e, std::size_t) { self->on_flushed(e); });
      return;
    }
    if (ec) return fail(ec);
  }
  if (ending_) lower_->shutdown_write();
}

void Channel::on_flushed(ErrorCode ec) {
  flushing_ = false;
  if (ec) return fail(ec);
  drive();
}

void Channel::fetch() {
  if (fetching_ || input_end_) return;
  fetching_ = true;
  lower_->async_read_some(block_.get(), kReadBlock,
                          [self = ChannelPtr(this)](ErrorCode ec, std::size_t bytes) { self->on_fetched(ec, bytes); });
}

void Channel::on_fetched(ErrorCode ec, std::size_t bytes) {
  fetching_ = false;
  if (bytes > 0) BIO_write(in_, block_.get(), static_cast<int>(bytes));
  if (ec) input_end_ = ec;
  drive();
}

std::string Channel::why_failed() const {
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict != X509_V_OK)
    return std::string("the certificate was refused: ") + X509_verify_cert_error_string(verdict);
  return failure_.message();
}

class TlsStream final : public Stream {
 public:
  explicit TlsStream(ChannelPtr channel) : channel_(std::move(channel)) {}
  ~TlsStream() override { channel_->close(); }

  Executor executor() override { return channel_->lower().executor(); }
  void async_read_some(char* data, std::size_t size, IoHandler handler) override {
    channel_->read(data, size, std::move(handler));
  }
  void async_write(std::span<const asio::const_buffer> buffers, IoHandler handler) override {
    channel_->write(buffers, std::move(handler));
  }
  std::size_t write_now(std::span<const asio::const_buffer> buffers, ErrorCode& ec) override {
    return channel_->write_now(buffers, ec);
  }
  void async_wait_broken(IoHandler handler) override { channel_->lower().async_wait_broken(std::move(handler)); }
  // The bytes that the lower read still brings wait for the next read.
  void cancel_read() noexcept override { channel_->cancel_read(); }
  void shutdown_write() noexcept override { channel_->shutdown_write(); }
  void close() noexcept override { channel_->close(); }
  bool is_open() const noexcept override { return channel_->is_open(); }
  bool looks_alive() noexcept override { return channel_->lower().looks_alive(); }

 private:
  ChannelPtr channel_;
};

Error tls_error(const Channel& channel, bool timed_out) {
  if (timed_out)
    return Error{ErrorKind::retry_elsewhere, 504, "connect_timeout", "the TLS handshake did not end in time", {}};
  return Error{ErrorKind::retry_elsewhere, 502, "tls_failed", "TLS handshake failed: " + channel.why_failed(), {}};
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> start_tls(SslPtr ssl, std::unique_ptr<Stream> lower, SteadyTime deadline,
                                                std::shared_ptr<void> keep) {
  ChannelPtr channel(new Channel(std::move(ssl), std::move(lower), std::move(keep)));
  auto stream = std::make_unique<TlsStream>(channel);  // closes the channel on every way out
  bool timed_out = false;
  Deadline timer(channel->lower().executor());
  timer.on_expire([&timed_out, &channel] {
    timed_out = true;
    channel->close();
  });
  timer.set(deadline);
  auto [ec, unused] = co_await asio::async_initiate<const asio::as_tuple_t<asio::use_awaitable_t<Executor>>,
                                                    void(ErrorCode, std::size_t)>(
      [&channel](auto handler) { channel->handshake(std::move(handler)); }, asio::as_tuple(use_task));
  if (ec) co_return tls_error(*channel, timed_out);
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace tollgate::net
