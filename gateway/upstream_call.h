// UpstreamCall: one HTTP exchange with a vendor on a leased connection: connect, send, head, body, give back. The
// caller sets the deadlines: interrupt() ends the wait that is going on, and the caller looks why. No byte is lost by
// an interrupt. Thread rule: one io thread, one coroutine.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/net/client.h"

namespace tollgate::gateway {

enum class Got : unsigned char { data, end, failed, interrupted };

class UpstreamCall {
 public:
  explicit UpstreamCall(const http::Limits& limits) : limits_(limits) {}

  // Leases a connection. `fresh`: a new one, after a kept one turned out stale.
  Task<Result<void>> connect(net::Pool& pool, const net::Origin& origin, SteadyTime deadline, bool fresh);
  // Sends the request (at most 8 buffers); false when the connection broke or was closed meanwhile.
  Task<bool> send(std::span<const asio::const_buffer> request);
  // Waits for the head of the final reply (1xx are skipped). data: head() is valid until the body is read.
  Task<Got> read_head();
  // The whole body, when its length is known and all of it arrived with the head: a padded view, no copy. Else empty.
  std::string_view body_at_hand();
  // Appends what one read brought of the body to `out`. end: the body is whole; failed: cut or broken framing.
  Task<Got> read_body(std::string& out);

  // Sends EOF; reading goes on. To the local engine it says that nobody waits for the answer any more.
  void end_sending() noexcept;
  // Ends the current wait, or the next read's, with Got::interrupted; a send by closing, if it is given up.
  void interrupt(bool give_up_sending) noexcept;
  // Returns the connection to its pool if the reply was read to its end and may be followed by another, else closes it.
  void finish();
  // Closes the connection at once: the vendor sees that nobody waits for the rest.
  void abandon();

  const http::Head& head() const { return head_; }
  bool reused() const { return reused_; }
  bool got_any_byte() const { return got_bytes_; }
  bool body_complete() const { return decoder_.done(); }
  // The last error in words, without addresses or secrets.
  const std::string& failure() const { return failure_; }

 private:
  Task<Got> fill();
  bool decode_buffered(std::string& out);

  http::Limits limits_;
  net::Lease lease_;
  http::Head head_;
  http::BodyDecoder decoder_;
  std::string failure_;
  bool waiting_read_ = false, sending_ = false, interrupted_ = false, reused_ = false, got_bytes_ = false;
};

}  // namespace tollgate::gateway
