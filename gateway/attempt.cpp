// One attempt against one target: send, take the head, relay the reply. Streams go on in stream_relay.cpp.
#include <algorithm>
#include <charconv>
#include <utility>

#include "gateway/error_body.h"
#include "gateway/exchange.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxErrorBody = 1u << 20;

bool retryable_status(int status) {
  return status == 408 || status == 409 || status == 429 || status == 529 || (status >= 500 && status != 501);
}

// Retry-After in seconds (RFC 9110 10.2.3) or the vendors' retry-after-ms; dates are not used by any of them.
std::chrono::milliseconds retry_after_of(const http::Head& head) {
  auto number = [&](std::string_view name) -> std::int64_t {
    const auto text = head.find(name);
    std::int64_t value = 0;
    if (!text) return 0;
    const auto end = std::from_chars(text->data(), text->data() + text->size(), value);
    return end.ec == std::errc{} && value > 0 && value < 86'400'000 ? value : 0;
  };
  if (const auto ms = number("retry-after-ms")) return std::chrono::milliseconds(ms);
  return std::chrono::seconds(std::min<std::int64_t>(number("retry-after"), 86'400));
}

// A vendor's header that says something about the hop or the vendor's host, not about the answer.
bool is_private_reply_header(std::string_view name) {
  return http::is_hop_by_hop(name) || http::iequals(name, "set-cookie") || http::iequals(name, "alt-svc") ||
         http::iequals(name, "strict-transport-security");
}

}  // namespace

Task<Exchange::Next> Exchange::attempt(const router::TargetRef& target, bool more_same, bool more_targets) {
  target_ = &target;
  vendor_ = &snapshot_->vendors[target.provider];
  if (auto begun = begin_record(target); !begun) {
    worker_.metrics.refused(begun.error().code);
    co_await answer_error(begun.error());
    co_return Next::answered;
  }
  usage_.reset(in_.surface->usage, vendor_->usage_flags);
  body_.clear();
  fed_ = whole_ = reply_bytes_ = 0;
  holding_ = relaying_ = drop_lf_ = false;
  last_error_ = {};
  retry_after_ = {};
  const Next next = co_await run_call(more_same, more_targets);
  if (!settled_) (void)settle(billing::Outcome::error, "internal");
  co_return next;
}

Task<Exchange::Next> Exchange::run_call(bool more_same, bool more_targets) {
  for (bool fresh = std::exchange(fresh_only_, false);; fresh = true) {
    if (auto sent = co_await send_request(fresh); !sent) {
      if (client_gone_) co_return co_await client_left();
      // A kept connection that the vendor has closed: it never had the whole request, so this is not a new attempt.
      if (!fresh && reached_ && call_.reused()) {
        worker_.metrics.stale_retries.add();
        reached_ = false;
        continue;
      }
      last_error_ = std::move(sent).error();
      const bool late = last_error_.code == "connect_timeout";
      (void)settle(late ? billing::Outcome::timeout : billing::Outcome::error, last_error_.code);
      call_.abandon();
      const Next next = retry_or_answer(more_same, more_targets, true);
      if (next == Next::answered) co_await answer_error(last_error_);
      co_return next;
    }
    const Pull got = co_await pull(nullptr, vendor_->config->first_byte_timeout);
    if (got == Pull::data) break;
    // Here the request went out whole: whether the vendor served it nobody knows, so it has its own row, and the client
    // does not pay for the race with a failure.
    if (got == Pull::failed && call_.reused() && !call_.got_any_byte()) {
      worker_.metrics.stale_retries.add();
      fresh_only_ = true;
      (void)settle(billing::Outcome::error, "upstream_closed");
      call_.abandon();
      co_return Next::retry_stale;
    }
    co_return co_await attempt_failed(got, more_same, more_targets);
  }
  record_.http_status = call_.head().status;
  keep_reply_headers();
  if (record_.http_status >= 300) co_return co_await relay_error_reply(more_same, more_targets);
  if (reply_is_stream()) co_return co_await relay_stream(more_same, more_targets);
  co_return co_await relay_whole(more_same, more_targets);
}

Task<Result<void>> Exchange::send_request(bool fresh) {
  const SteadyTime limit = std::min(deadline_, SteadyClock::now() + vendor_->config->connect_timeout);
  auto connected = co_await call_.connect(worker_.pool_for(*vendor_), vendor_->origin, limit, fresh);
  if (!connected) co_return connected;
  if (client_gone_) co_return Error{.code = "client_gone"};
  const bool want_usage = in_.surface->usage_option && vendor_->config->stream_usage_option;
  splice_body(in_.body, scan_, target_->model, want_usage, splice_);
  out_.clear();
  append_upstream_head(out_, *vendor_, *in_.surface, in_.query, *in_.head, splice_.bytes);
  std::array<asio::const_buffer, 6> buffers;
  buffers[0] = asio::buffer(out_);
  for (std::size_t i = 0; i < splice_.part_count; ++i) buffers[i + 1] = asio::buffer(splice_.parts[i]);
  reached_ = true;
  timer_.set(std::min(deadline_, SteadyClock::now() + vendor_->config->idle_timeout));
  if (co_await call_.send(std::span(buffers.data(), splice_.part_count + 1))) co_return Result<void>{};
  timer_fired_ = false;
  co_return Error{
      .kind = ErrorKind::retry_same,
      .status = 502,
      .code = "upstream_send_failed",
      .message = "the connection to provider '" + vendor_->config->name + "' broke while the request was being sent"};
}

// The vendor refused. What it said goes to the client untouched, unless another attempt may do better.
Task<Exchange::Next> Exchange::relay_error_reply(bool more_same, bool more_targets) {
  const int status = record_.http_status;
  retry_after_ = retry_after_of(call_.head());
  last_error_ =
      Error{.kind = status == 429 ? ErrorKind::limited : ErrorKind::retry_elsewhere,
            .status = status,
            .code = "upstream_status_" + std::to_string(status),
            .message = "provider '" + vendor_->config->name + "' answered with status " + std::to_string(status),
            .retry_after = retry_after_};
  std::string_view whole;
  const Pull got = co_await collect_body(whole);
  if (got == Pull::client_gone) co_return co_await client_left();
  (void)settle(billing::Outcome::error, last_error_.code);
  if (got != Pull::end) whole = {};
  const bool elsewhere = retryable_status(status) || status == 401 || status == 403 || status == 404;
  const SteadyTime now = SteadyClock::now();
  const bool patient = retry_after_ <= snapshot_->config.retry.max_delay && now + retry_after_ < deadline_;
  if (retryable_status(status) && more_same && patient) co_return call_.finish(), Next::retry_same;
  if (elsewhere && more_targets && now < deadline_) co_return call_.finish(), Next::next_target;
  if (head_sent_) {
    JsonReader reader;
    if (auto parsed = reader.parse(whole))
      if (auto said = (*parsed)["error"]["message"].as_string())
        last_error_.message += ": " + std::string(said->substr(0, 1'000));
    call_.finish();
    co_await answer_error(last_error_);
    co_return Next::answered;
  }
  out_.clear();
  append_reply_head(out_, status);
  http::write_header(out_, "Content-Length", std::to_string(whole.size()));
  out_ += "\r\n";
  head_sent_ = true;
  const asio::const_buffer buffers[] = {asio::buffer(out_), asio::buffer(whole)};
  if (!co_await client_.write(buffers, SteadyClock::now() + snapshot_->config.limits.client_write_timeout))
    client_gone_ = true;
  call_.finish();
  co_return Next::answered;
}

// A reply that is not a stream: read to its end, settled, then sent with its cost in a header.
Task<Exchange::Next> Exchange::relay_whole(bool more_same, bool more_targets) {
  std::string_view whole;
  const Pull got = co_await collect_body(whole);
  if (got == Pull::client_gone) co_return co_await client_left();
  if (got != Pull::end) co_return co_await attempt_failed(got, more_same, more_targets);
  // Where the connection's end is the reply's end, only the JSON itself tells whether it was cut.
  if (call_.head().framing == http::Framing::until_close && !JsonReader().parse(whole))
    co_return co_await attempt_failed(Pull::failed, more_same, more_targets);
  reply_whole_ = true;
  reply_bytes_ = whole.size();
  usage_.reply(whole);
  if (auto settled = settle(billing::Outcome::ok, ""); !settled) {
    call_.finish();
    co_await answer_error(settled.error());
    co_return Next::answered;
  }
  if (head_sent_) {  // a heartbeat has promised a stream; the vendor sent none
    last_error_ = Error{.kind = ErrorKind::fatal,
                        .status = 502,
                        .code = "upstream_not_a_stream",
                        .message = "the vendor answered a stream request with a plain reply"};
    call_.finish();
    co_await answer_error(last_error_);
    co_return Next::answered;
  }
  out_.clear();
  append_reply_head(out_, record_.http_status);
  http::write_header(out_, "Content-Length", std::to_string(whole.size()));
  out_ += "\r\n";
  head_sent_ = content_sent_ = true;
  const asio::const_buffer buffers[] = {asio::buffer(out_), asio::buffer(whole)};
  if (!co_await client_.write(buffers, SteadyClock::now() + snapshot_->config.limits.client_write_timeout))
    client_gone_ = true;
  call_.finish();
  co_return Next::answered;
}

// Reads the rest of the reply; `whole` is padded for the JSON scan and valid until the connection is given back.
Task<Exchange::Pull> Exchange::collect_body(std::string_view& whole) {
  const std::size_t limit = record_.http_status >= 300 ? kMaxErrorBody : snapshot_->config.limits.max_reply_bytes;
  whole = call_.body_at_hand();
  if (!whole.empty()) co_return Pull::end;
  body_.clear();
  for (;;) {
    const Pull got = co_await pull(&body_, vendor_->config->idle_timeout);
    if (got == Pull::data && body_.size() <= limit) continue;
    if (got == Pull::data) {
      last_error_ = Error{.kind = ErrorKind::fatal,
                          .status = 502,
                          .code = "reply_too_large",
                          .message = "the vendor's reply is larger than server: max_reply_bytes"};
      co_return Pull::failed;
    }
    if (got != Pull::end) co_return got;  // nothing is added: a drain may go on reading
    const std::size_t size = body_.size();
    body_.resize(size + kJsonPadding);
    whole = std::string_view(body_).substr(0, size);
    co_return got;
  }
}

// No (whole) reply came, and none of its content has reached the client.
Task<Exchange::Next> Exchange::attempt_failed(Pull why, bool more_same, bool more_targets) {
  if (why == Pull::client_gone) co_return co_await client_left();
  const std::string who = "provider '" + vendor_->config->name + "'";
  if (why == Pull::timeout) {
    last_error_ = Error{.kind = ErrorKind::retry_elsewhere,
                        .status = 504,
                        .code = "upstream_timeout",
                        .message = who + " did not answer in time"};
    (void)settle(billing::Outcome::timeout, last_error_.code);
  } else {
    if (last_error_.code != "reply_too_large")
      last_error_ = Error{.kind = ErrorKind::retry_same,
                          .status = 502,
                          .code = "upstream_closed",
                          .message = who + " closed the connection before its answer was whole: " + call_.failure()};
    (void)settle(billing::Outcome::error, last_error_.code);
  }
  call_.abandon();
  const bool again = last_error_.code != "reply_too_large";
  // After a timeout the same vendor is not asked again: it may still be working on (and billing) the first request.
  const Next next = retry_or_answer(more_same && again, more_targets && again, why != Pull::timeout);
  if (next == Next::answered) co_await answer_error(last_error_);
  co_return next;
}

Exchange::Next Exchange::retry_or_answer(bool more_same, bool more_targets, bool same_allowed) const {
  if (SteadyClock::now() >= deadline_) return Next::answered;
  if (more_same && same_allowed) return Next::retry_same;
  return more_targets ? Next::next_target : Next::answered;
}

// The vendor's headers for the client, copied while the head's views are valid.
void Exchange::keep_reply_headers() {
  reply_headers_.clear();
  const bool connection_lists = call_.head().find("connection").has_value();
  for (const http::Header& header : call_.head().headers) {
    if (is_private_reply_header(header.name)) continue;
    if (connection_lists && named_by_connection(call_.head(), header.name)) continue;
    http::write_header(reply_headers_, header.name, header.value);
  }
}

// Status line, the vendor's headers and ours; the caller adds the framing and the blank line.
void Exchange::append_reply_head(std::string& out, int status) const {
  http::write_status_line(out, status, in_.head->minor);
  out += reply_headers_;
  out += "x-tollgate-request-id: ";
  out += request_id_.to_string();
  out += "\r\n";
  if (target_) http::write_header(out, "x-tollgate-target", target_->text);
  out += "x-tollgate-attempts: ";
  out += std::to_string(attempts_);
  out += "\r\nx-tollgate-cache: off\r\n";
  if (settled_ && status < 400 && record_.cost && !scan_.stream)
    http::write_header(out, "x-tollgate-cost-usd", record_.cost->to_string());
  if (!keep_alive_) {
    out += "Connection: close\r\n";
  } else if (in_.head->minor == 0) {
    out += "Connection: keep-alive\r\n";
  }
}

}  // namespace tollgate::gateway
