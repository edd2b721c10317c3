// Waiting for the vendor without losing sight of the client: deadlines, heartbeats, clients that leave.
#include <algorithm>

#include "gateway/exchange.h"

namespace tollgate::gateway {
namespace {

// An event's first part waits this long for the rest, so that an error event can follow a whole event if the stream is
// cut.
constexpr std::chrono::milliseconds kPartialHold{20};
constexpr std::size_t kMaxDrainBytes = 64u << 20;

}  // namespace

// One read of the head (`body` null) or of the body, with all that may happen meanwhile.
Task<Exchange::Pull> Exchange::pull(std::string* body, std::chrono::milliseconds patience) {
  SteadyTime phase_deadline{};
  for (;;) {
    if (half_closed_) co_await probe_client();  // it may have happened while a connection was made
    if (client_gone_) co_return Pull::client_gone;
    if (phase_deadline == SteadyTime{}) phase_deadline = std::min(deadline_, SteadyClock::now() + patience);
    arm(phase_deadline);
    Got got;
    if (body) {
      got = co_await call_.read_body(*body);
    } else {
      got = co_await call_.read_head();
    }
    if (got == Got::data) co_return Pull::data;
    if (got == Got::end) co_return body ? Pull::end : Pull::failed;
    if (got == Got::failed) co_return client_gone_ ? Pull::client_gone : Pull::failed;
    const Pull verdict = co_await interrupted(phase_deadline);
    if (verdict != Pull::data) co_return verdict;
  }
}

void Exchange::arm(SteadyTime phase_deadline) {
  SteadyTime at = phase_deadline;
  const auto interval = snapshot_->config.stream.heartbeat;
  if (scan_.stream && interval.count() > 0) {
    if (wrote_) next_heartbeat_ = SteadyClock::now() + interval;
    wrote_ = false;
    at = std::min(at, next_heartbeat_);
  }
  // Not while events are held for a retry, and never where an injected chunk may have to be taken out whole.
  if (fed_ > 0 && !body_.empty() && head_sent_ && !partial_out_ && !holding_ && !splice_.usage_injected) {
    if (partial_since_ == SteadyTime{}) partial_since_ = SteadyClock::now();
    at = std::min(at, partial_since_ + kPartialHold);
  } else {
    partial_since_ = {};
  }
  timer_.set(at);
}

// The wait was ended from outside. Pull::data: go on waiting.
Task<Exchange::Pull> Exchange::interrupted(SteadyTime phase_deadline) {
  timer_fired_ = false;
  if (client_gone_) co_return Pull::client_gone;
  if (half_closed_) co_await probe_client();
  if (client_gone_) co_return Pull::client_gone;
  const SteadyTime now = SteadyClock::now();
  if (now >= phase_deadline) co_return Pull::timeout;
  if (partial_since_ != SteadyTime{} && now >= partial_since_ + kPartialHold) {
    if (!co_await emit(body_.size())) co_return Pull::client_gone;
    partial_since_ = {};
  }
  const auto interval = snapshot_->config.stream.heartbeat;
  if (scan_.stream && interval.count() > 0 && now >= next_heartbeat_) {
    next_heartbeat_ = now + interval;
    co_await send_heartbeat();
    if (client_gone_) co_return Pull::client_gone;
  }
  co_return Pull::data;
}

// A comment keeps load balancers from cutting a silent stream. It commits the status, not the content: another attempt
// is still possible.
Task<void> Exchange::send_heartbeat() {
  if (partial_out_ || passes_through()) co_return;                       // bytes of an unknown form take no comment
  if (!head_sent_ && record_.http_status != 0 && !relaying_) co_return;  // a plain reply comes: no stream is promised
  const bool chunked = in_.head->minor == 1;
  if (!chunked) keep_alive_ = false;
  out_.clear();
  if (!head_sent_) append_stream_head(out_);
  head_sent_ = true;
  const std::string_view ping = in_.route.json_array ? "\n" : ": ping\n\n";
  if (chunked) http::write_chunk_head(out_, ping.size());
  out_ += ping;
  if (chunked) out_ += "\r\n";
  if (!co_await client_.write(out_, SteadyClock::now() + snapshot_->config.limits.client_write_timeout))
    client_gone_ = true;
}

// The client sent EOF: gone, or only done with sending? A harmless write tells: a client that is gone resets the
// connection.
Task<void> Exchange::probe_client() {
  keep_alive_ = false;
  if (probed_ || partial_out_) co_return;  // nothing may stand inside an event: the next wake-up tries again
  probed_ = true;
  client_.probe_broken();
  if (head_sent_) {
    co_await send_heartbeat();
  } else if (in_.head->minor == 1) {
    if (!co_await client_.write("HTTP/1.1 102 Processing\r\n\r\n",
                                SteadyClock::now() + snapshot_->config.limits.client_write_timeout))
      client_gone_ = true;
  }
}

// The client is gone but the vendor bills the whole answer: read it for its usage, within bounds.
Task<void> Exchange::drain() {
  // Not bounded by the request's deadline: that one is for the client's sake, this is for the bill's.
  const SteadyTime until = SteadyClock::now() + snapshot_->config.limits.drain_timeout;
  std::size_t total = 0;
  bool whole = false;
  while (total < kMaxDrainBytes && SteadyClock::now() < until) {
    if (relaying_) body_.clear(), fed_ = whole_ = 0;
    const std::size_t before = stream_sink().size();
    timer_.set(until);
    const Got got = record_.http_status == 0 ? co_await call_.read_head() : co_await call_.read_body(stream_sink());
    if (got == Got::interrupted) continue;
    if (got == Got::data && record_.http_status == 0) {
      record_.http_status = call_.head().status;
      if (const auto framing = reply_framing()) begin_stream(*framing);
      continue;
    }
    total += stream_sink().size() - before;
    if (relaying_) take_events();
    whole = got == Got::end && record_.http_status != 0;
    if (got != Got::data) break;
  }
  if (!relaying_ && whole) {
    reply_whole_ = true;
    reply_bytes_ = body_.size();
    body_.resize(reply_bytes_ + kJsonPadding);
    usage_.reply(std::string_view(body_).substr(0, reply_bytes_));
  }
}

// Nobody waits for the local engine's answer any more: it ends the answer early and tells what that has used.
Task<void> Exchange::call_off() {
  call_.end_sending();
  co_await drain();
}

}  // namespace tollgate::gateway
