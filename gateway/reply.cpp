// Replies that are no streams: refusals of the vendor, and whole answers, settled before they are sent.
#include <algorithm>

#include "gateway/error_body.h"
#include "gateway/exchange.h"
#include "gateway/rate_limit.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxErrorBody = 1u << 20;
constexpr std::size_t kMaxErrorWords = 1'000;
constexpr std::size_t kMaxDroppedHeader = 1'000;

bool retryable_status(int status) {
  return status == 408 || status == 409 || status == 429 || status == 529 || (status >= 500 && status != 501);
}

// A vendor's header that says something about the hop or the vendor's host, not about the answer.
bool is_private_reply_header(std::string_view name) {
  return http::is_hop_by_hop(name) || http::iequals(name, "set-cookie") || http::iequals(name, "alt-svc") ||
         http::iequals(name, "strict-transport-security");
}

}  // namespace

// The vendor refused. What it said goes to the client untouched, unless another attempt may do better.
Task<Exchange::Next> Exchange::relay_error_reply(bool more_same, bool more_targets) {
  const int status = record_.http_status;
  retry_after_ = retry_after_of(call_.head(), wall_micros());
  std::string_view whole;
  const Pull got = co_await collect_body(whole);
  if (got == Pull::client_gone) co_return co_await client_left();
  if (got != Pull::end) whole = {};
  read_refusal(status, whole);
  (void)settle(billing::Outcome::error, "upstream_status_" + std::to_string(status));
  const ErrorKind kind = last_error_.kind;
  const bool same = kind == ErrorKind::retry_same || kind == ErrorKind::limited;
  const bool elsewhere = same || kind == ErrorKind::auth || kind == ErrorKind::retry_elsewhere;
  const SteadyTime now = SteadyClock::now();
  const bool patient = retry_after_ <= snapshot_->config.retry.max_delay && now + retry_after_ < deadline_;
  if (same && more_same && patient) co_return call_.finish(), Next::retry_same;
  if (elsewhere && more_targets && now < deadline_) co_return call_.finish(), Next::next_target;
  if (!head_sent_ && !translation_.active()) co_return co_await send_whole(status, whole);
  call_.finish();
  co_await answer_error(last_error_);
  co_return Next::answered;
}

// What a refusal means: by the status, and by the vendor's words where its form of errors is known.
void Exchange::read_refusal(int status, std::string_view body) {
  last_error_ = Error{.kind = retryable_status(status) ? ErrorKind::retry_same : ErrorKind::client_fault,
                      .status = status,
                      .code = "upstream_status_" + std::to_string(status)};
  if (status == 401 || status == 403) last_error_.kind = ErrorKind::auth;
  if (status == 404) last_error_.kind = ErrorKind::retry_elsewhere;
  std::string said;
  const Dialect* dialect = find_dialect(upstream_->form);
  if (dialect || !upstream_->form.empty()) {
    Error read = dialect ? dialect->read_error(status, body) : read_plain_error(status, body);
    last_error_.kind = read.kind;
    if (translation_.active() && !read.code.empty()) last_error_.code = std::move(read.code);
    said = std::move(read.message);
    if (retry_after_.count() == 0) retry_after_ = read.retry_after;
  }
  if (status == 401 && vendor_->signs_requests) worker_.credentials.refused(*vendor_->config);
  last_error_.message = "provider '" + vendor_->config->name + "' answered with status " + std::to_string(status) +
                        (said.empty() ? "" : ": " + said.substr(0, kMaxErrorWords));
  last_error_.retry_after = retry_after_;
}

// Sends an answer that is whole: its head with what the attempt cost, then `body`.
Task<Exchange::Next> Exchange::send_whole(int status, std::string_view body) {
  out_.clear();
  append_reply_head(out_, status);
  http::write_header(out_, "Content-Length", std::to_string(body.size()));
  out_ += "\r\n";
  head_sent_ = content_sent_ = true;
  const asio::const_buffer buffers[] = {asio::buffer(out_), asio::buffer(body)};
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
  if (auto noted = note_batch(whole); !noted) {
    call_.finish();
    co_await answer_error(noted.error());
    co_return Next::answered;
  }
  if (translation_.active()) co_return co_await send_translated(whole);
  if (head_sent_) {  // a heartbeat has promised a stream; the vendor sent none
    last_error_ = Error{.kind = ErrorKind::fatal,
                        .status = 502,
                        .code = "upstream_not_a_stream",
                        .message = "the vendor answered a stream request with a plain reply"};
    call_.finish();
    co_await answer_error(last_error_);
    co_return Next::answered;
  }
  co_return co_await send_whole(record_.http_status, whole);
}

// The vendor's whole reply in the client's form, as a stream where the client asked for one. It is settled already.
Task<Exchange::Next> Exchange::send_translated(std::string_view whole) {
  auto said = translation_.reply(whole, record_.usage);
  call_.finish();
  if (!said) {
    last_error_ = std::move(said).error();
    co_await answer_error(last_error_);
    co_return Next::answered;
  }
  if (!scan_.stream) co_return co_await send_whole(record_.http_status, *said);
  body_ = std::move(*said);
  append_cost_comment();
  fed_ = whole_ = body_.size();
  relaying_ = true;
  co_return co_await emit(body_.size(), true) ? Next::answered : Next::client_gone;
}

bool Exchange::reply_is_json() const {
  constexpr std::string_view kType = "application/json";
  const auto type = call_.head().find("content-type");
  if (!type || !http::iequals(type->substr(0, kType.size()), kType)) return false;
  return type->size() == kType.size() || (*type)[kType.size()] == ';' || (*type)[kType.size()] == ' ';
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

// The vendor's headers for the client, copied while the head's views are valid.
void Exchange::keep_reply_headers() {
  reply_headers_.clear();
  const bool new_framing = in_.route.json_array || reply_framing().value_or(Framing::sse) != Framing::sse;
  if (translation_.active() || new_framing) {
    reply_headers_ = scan_.stream && record_.http_status < 300 ? stream_type() : "Content-Type: application/json\r\n";
    const std::int64_t now = wall_micros();
    rate_limits_.clear();
    write_rate_limits(rate_limits_, read_rate_limits(call_.head(), now), in_.surface->family, now);
    reply_headers_ += rate_limits_;
    return;
  }
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
  if (!translation_.losses().empty()) {
    std::string names;
    for (const std::string& name : translation_.losses().names())
      if (names.size() + name.size() < kMaxDroppedHeader) names += (names.empty() ? "" : ", ") + name;
    http::write_header(out, "x-tollgate-dropped", names);
  }
  if (settled_ && status < 400 && record_.cost && !scan_.stream)
    http::write_header(out, "x-tollgate-cost-usd", record_.cost->to_string());
  if (!keep_alive_) {
    out += "Connection: close\r\n";
  } else if (in_.head->minor == 0) {
    out += "Connection: keep-alive\r\n";
  }
}

}  // namespace tollgate::gateway
