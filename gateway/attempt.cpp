// One attempt against one target: send, take the head of the reply. Plain replies go on in reply.cpp, streams in
// stream_relay.cpp.
#include <algorithm>
#include <utility>

#include "gateway/exchange.h"
#include "gateway/replicas/replica_book.h"

namespace tollgate::gateway {
Task<Exchange::Next> Exchange::attempt(const router::TargetRef& target, bool more_same, bool more_targets) {
  if (auto begun = begin_record(target); !begun) {
    worker_.metrics.refused(begun.error().code);
    co_await answer_error(begun.error());
    co_return Next::answered;
  }
  usage_.reset(vendor_->quirks.bedrock_body ? billing::UsageDialect::bedrock_invoke : upstream_->usage,
               vendor_->usage_flags, target_->model);
  body_.clear();
  raw_.clear();
  fed_ = whole_ = reply_bytes_ = 0;
  holding_ = relaying_ = drop_lf_ = false;
  last_error_ = {};
  retry_after_ = {};
  const bool counted = worker_.replicas && !vendor_->config->load_path.empty();
  const UnderWay under_way(counted ? worker_.replicas->find(vendor_->config->name) : nullptr);
  const Next next = co_await run_call(more_same, more_targets);
  if (!settled_) (void)settle(billing::Outcome::error, "internal");
  co_return next;
}

Task<Exchange::Next> Exchange::run_call(bool more_same, bool more_targets) {
  for (bool fresh = std::exchange(fresh_only_, false);; fresh = true) {
    if (auto sent = co_await send_request(fresh); !sent) {
      if (client_gone_ && vendor_->local) reached_ = false;  // the engine begins with a whole request only
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
  for (const http::Header& header : call_.head().headers) usage_.header(header.name, header.value);
  if (record_.http_status >= 300) co_return co_await relay_error_reply(more_same, more_targets);
  if (passes_through() && !reply_is_json() && reply_framing() != Framing::sse)
    co_return co_await relay_raw(more_same, more_targets);
  if (reply_framing()) co_return co_await relay_stream(more_same, more_targets);
  co_return co_await relay_whole(more_same, more_targets);
}

Task<Result<void>> Exchange::send_request(bool fresh) {
  const SteadyTime limit = std::min(deadline_, SteadyClock::now() + vendor_->config->connect_timeout);
  auto connected = co_await call_.connect(worker_.pool_for(*vendor_), vendor_->origin, limit, fresh);
  if (!connected) co_return connected;
  if (client_gone_) co_return Error{.code = "client_gone"};
  std::array<std::string_view, 5> parts{translation_.body()};
  std::size_t part_count = 1, bytes = translation_.body().size();
  // A request that was written anew asks for the usage, too.
  splice_.usage_injected = upstream_->usage_option && !translation_.active() && scan_.stream && !scan_.include_usage;
  if (!translation_.rewritten()) {
    const bool want_usage = upstream_->usage_option && vendor_->config->stream_usage_option;
    splice_body(in_.body, scan_, target_->model, want_usage, splice_);
    parts = splice_.parts, part_count = splice_.part_count, bytes = splice_.bytes;
  }
  const std::span<const std::string_view> body(parts.data(), part_count);
  if (auto written = co_await write_request_head(bytes, body); !written) co_return written;
  if (client_gone_) co_return Error{.code = "client_gone"};
  std::array<asio::const_buffer, 6> buffers;
  buffers[0] = asio::buffer(out_);
  for (std::size_t i = 0; i < part_count; ++i) buffers[i + 1] = asio::buffer(body[i]);
  reached_ = true;
  timer_.set(std::min(deadline_, SteadyClock::now() + vendor_->config->idle_timeout));
  if (co_await call_.send(std::span(buffers.data(), part_count + 1))) co_return Result<void>{};
  timer_fired_ = false;
  co_return Error{
      .kind = ErrorKind::retry_same,
      .status = 502,
      .code = "upstream_send_failed",
      .message = "the connection to provider '" + vendor_->config->name + "' broke while the request was being sent"};
}

// The head of the request into out_, with what proves to the vendor that we may ask.
Task<Result<void>> Exchange::write_request_head(std::size_t body_bytes, std::span<const std::string_view> body) {
  const std::string_view sent_type =
      translation_.rewritten() ? "application/json" : in_.head->find("content-type").value_or("");
  const std::string_view query = translation_.active() ? std::string_view{} : in_.query;
  const std::string target = passes_through()
                                 ? passthrough_target(*vendor_, in_.route.rest, query)
                                 : upstream_target(*vendor_, *upstream_, target_->model, scan_.stream, query);
  std::string credentials;
  if (vendor_->signs_requests) {
    const SignedRequest request{
        .method = in_.head->method, .host = vendor_->host, .target = target, .content_type = sent_type, .body = body};
    auto proved = co_await worker_.credentials.authorize(*vendor_->config, request, deadline_, credentials);
    if (!proved) co_return proved;
  }
  out_.clear();
  append_upstream_head(out_, *vendor_,
                       {.method = in_.head->method,
                        .target = target,
                        .client = *in_.head,
                        .rewritten = translation_.rewritten(),
                        .credentials = credentials,
                        .body_bytes = body_bytes});
  co_return Result<void>{};
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
    if (vendor_->local && reached_) co_await call_off();
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

}  // namespace tollgate::gateway
