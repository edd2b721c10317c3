// Server-sent events from vendor to client: each upstream read goes out at once, byte for byte, at event boundaries.
// Only an injected usage chunk is taken out, and the terminal event waits for the ledger.
#include <algorithm>

#include "gateway/error_body.h"
#include "gateway/exchange.h"

namespace tollgate::gateway {
namespace {

// While another attempt is possible, events before the first content are held back up to this size.
constexpr std::size_t kMaxHeldStart = 64u << 10;
// A longer unfinished event is sent on as it comes.
constexpr std::size_t kMaxPartial = 64u << 10;

}  // namespace

// How the vendor's reply is cut into frames; nothing when it is no stream.
std::optional<Framing> Exchange::reply_framing() const {
  const auto type = call_.head().find("content-type");
  const auto is = [&](std::string_view name) { return type && http::iequals(type->substr(0, name.size()), name); };
  if (is("text/event-stream")) return Framing::sse;
  if (is("application/x-ndjson")) return Framing::ndjson;
  if (!is("application/vnd.amazon.eventstream")) return std::nullopt;
  const Dialect* dialect = find_dialect(upstream_->form);
  return dialect && dialect->framing() == Framing::aws ? Framing::aws : Framing::aws_chunk;
}

void Exchange::begin_stream(Framing framing) {
  relaying_ = true;
  body_.clear();
  raw_.clear();
  fed_ = whole_ = 0;
  const std::size_t limit = snapshot_->config.limits.max_event_bytes;
  if (translation_.active() || framing != Framing::sse || in_.route.json_array) {
    translation_.begin_stream(framing, limit);
  } else {
    scanner_ = SseScanner(limit);
  }
}

Task<Exchange::Next> Exchange::relay_stream(bool more_same, bool more_targets) {
  begin_stream(*reply_framing());
  for (;;) {
    const Pull got = co_await pull(&stream_sink(), vendor_->config->idle_timeout);
    if (got != Pull::data) co_return co_await end_stream(got, more_same, more_targets);
    take_events();
    if (stream_failed() && !content_sent_ && !usage_.saw_content() && (more_same || more_targets)) {
      last_error_ =
          Error{.kind = ErrorKind::retry_same,
                .status = 502,
                .code = "upstream_stream_error",
                .message = "provider '" + vendor_->config->name + "' reported an error: " + stream_error_words()};
      (void)settle(billing::Outcome::error, last_error_.code);
      call_.abandon();
      const Next next = retry_or_answer(more_same, more_targets, true);
      if (next == Next::answered) co_await answer_error(last_error_);  // the time for another attempt is over
      co_return next;
    }
    holding_ = may_hold(more_same || more_targets);
    if (holding_) continue;
    if (const Error* error = translation_.stream_error()) co_return co_await answer_stream_error(*error);
    if (usage_.saw_terminal() && !settled_) {
      if (auto kept = settle_stream(); !kept) {
        call_.abandon();
        body_.clear();
        co_await answer_error(kept.error());
        keep_alive_ = false;
        co_return Next::answered;
      }
    }
    const bool last = usage_.saw_terminal() && call_.body_complete();
    if (last) append_cost_comment();
    if (const std::size_t ready = last ? body_.size() : emit_limit(); ready > 0 || last) {
      if (!co_await emit(ready, last)) co_return co_await client_left();
    }
    if (last) {
      call_.finish();
      co_return Next::answered;
    }
  }
}

std::string Exchange::stream_error_words() const {
  const Error* error = translation_.stream_error();
  return error ? error->message : usage_.error_code();
}

bool Exchange::stream_failed() const { return usage_.saw_error() || translation_.stream_error(); }

// The stream's row; then the last events of a stream that is written anew, which tell its usage.
Result<void> Exchange::settle_stream() {
  const bool failed = usage_.saw_error();
  auto kept = settle(failed ? billing::Outcome::error : billing::Outcome::ok, failed ? "upstream_stream_error" : "");
  if (kept && translation_.reframing()) {
    translation_.finish(record_.usage, body_);
    fed_ = whole_ = body_.size();
  }
  return kept;
}

// The vendor's own error, too late for another attempt, in the client's form.
Task<Exchange::Next> Exchange::answer_stream_error(const Error& error) {
  last_error_ = error;
  last_error_.status = 502;
  last_error_.message = "provider '" + vendor_->config->name + "' reported an error: " + error.message;
  if (!settled_) (void)settle(billing::Outcome::error, "upstream_stream_error");
  call_.abandon();
  if (!head_sent_ && !usage_.saw_content())
    whole_ = 0;  // only beginnings are held: the caller gets a status it can act on
  if (whole_ > 0 && !co_await emit(whole_)) co_return Next::client_gone;
  co_await answer_error(last_error_);
  co_return Next::answered;
}

// Before any content, and while a retry could still replace this stream.
bool Exchange::may_hold(bool more) const {
  return more && !content_sent_ && !usage_.saw_content() && !usage_.saw_terminal() && body_.size() < kMaxHeldStart;
}

// Reads what came anew: every frame is shown to usage_, and the client's bytes stand in body_, whole events only.
void Exchange::take_frames() {
  translation_.feed(raw_, usage_, body_);
  raw_.clear();
  fed_ = whole_ = body_.size();
  if (record_.ttft_us < 0 && usage_.saw_content()) note_first_token();
}

void Exchange::note_first_token() {
  record_.ttft_us =
      std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - attempt_started_).count();
}

// Gives new bytes to the scanner, reads usage from whole events, and takes injected usage chunks out of body_.
void Exchange::take_events() {
  if (translation_.reframing()) return take_frames();
  const std::size_t base = fed_;
  if (drop_lf_ && base < body_.size()) {
    if (body_[base] == '\n') body_.erase(base, 1);
    drop_lf_ = false;
  }
  scanner_.feed(std::string_view(body_).substr(base));
  fed_ = body_.size();
  std::size_t strip_begin = 0, strip_end = 0;
  SseEvent event;
  while (scanner_.next(event)) {
    const std::size_t begin = whole_;
    whole_ = base + event.end;
    if (!event.has_data) continue;
    usage_.event(event.event, event.data);
    if (record_.ttft_us < 0 && usage_.saw_content()) note_first_token();
    if (splice_.usage_injected && usage_.last_was_usage_only() && !partial_out_)
      strip_begin = begin, strip_end = whole_;
  }
  if (strip_end > strip_begin) {
    drop_lf_ = strip_end == body_.size() && body_[strip_end - 1] == '\r';
    // A CRLF cut between two reads leaves the LF of the event before at the start of this one: it stays.
    if (body_[strip_begin] == '\n') ++strip_begin;
    body_.erase(strip_begin, strip_end - strip_begin);
    whole_ -= strip_end - strip_begin;
    fed_ = body_.size();
  }
}

std::size_t Exchange::emit_limit() const {
  if (partial_out_ || body_.size() - whole_ > kMaxPartial) return body_.size();
  return whole_;
}

std::string_view Exchange::stream_type() const {
  return in_.route.json_array ? "Content-Type: application/json\r\n"
                              : "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n";
}

void Exchange::append_stream_head(std::string& out) const {
  if (record_.http_status != 0) {
    append_reply_head(out, record_.http_status);
  } else {  // a heartbeat came before the vendor's head
    http::write_status_line(out, 200, in_.head->minor);
    out += stream_type();
    out += "x-tollgate-request-id: ";
    out += request_id_.to_string();
    out += keep_alive_ && in_.head->minor == 1 ? "\r\n" : "\r\nConnection: close\r\n";
  }
  out += in_.head->minor == 1 ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
}

// For a caller who asked by `x-tollgate-echo: cost`: a stream's head is out before its cost is known.
void Exchange::append_cost_comment() {
  if (record_.cost && !in_.route.json_array &&
      in_.head->find("x-tollgate-echo") == std::optional<std::string_view>("cost"))
    write_sse_comment(body_, "tollgate cost_usd=" + record_.cost->to_string());
}

// Sends the first `bytes` of body_ as one chunk, with the head before the first and the end after the last.
Task<bool> Exchange::emit(std::size_t bytes, bool last) {
  const bool chunked = in_.head->minor == 1;
  out_.clear();
  if (!head_sent_) {
    if (!chunked) keep_alive_ = false;  // HTTP/1.0: the end of the stream is the end of the connection
    append_stream_head(out_);
  }
  head_sent_ = wrote_ = true;
  if (bytes > 0) content_sent_ = true;  // no other attempt's events may follow these
  if (chunked && bytes > 0) http::write_chunk_head(out_, bytes);
  std::string_view tail = !chunked ? "" : bytes == 0 ? (last ? "0\r\n\r\n" : "") : (last ? "\r\n0\r\n\r\n" : "\r\n");
  const asio::const_buffer buffers[] = {asio::buffer(out_), asio::buffer(body_.data(), bytes), asio::buffer(tail)};
  const bool sent = co_await client_.write(buffers, SteadyClock::now() + snapshot_->config.limits.client_write_timeout);
  if (!sent) client_gone_ = true;
  partial_out_ = bytes > whole_ ? true : (bytes == 0 ? partial_out_ : false);
  whole_ -= std::min(whole_, bytes);
  fed_ -= std::min(fed_, bytes);
  body_.erase(0, bytes);
  co_return sent;
}

// The vendor's stream is over: whole, cut, silent for too long, or nobody listens any more.
Task<Exchange::Next> Exchange::end_stream(Pull how, bool more_same, bool more_targets) {
  if (how == Pull::client_gone) co_return co_await client_left();
  // Where only the end of the connection ends the reply, a cut looks like an end: the last event must tell.
  const bool framed = call_.head().framing != http::Framing::until_close || usage_.saw_error();
  const bool whole = (how == Pull::end && framed) || usage_.saw_terminal();
  if (!whole && !content_sent_ && !usage_.saw_content() && (more_same || more_targets)) {
    body_.clear();
    fed_ = whole_ = 0;
    co_return co_await attempt_failed(how, more_same, more_targets);
  }
  if (!whole) {
    const bool timeout = how == Pull::timeout;
    last_error_ = Error{.kind = ErrorKind::fatal,
                        .status = timeout ? 504 : 502,
                        .code = timeout ? "upstream_timeout" : "upstream_closed",
                        .message = "provider '" + vendor_->config->name +
                                   (timeout ? "' fell silent in the middle of the stream" : "' cut the stream: ") +
                                   (timeout ? "" : call_.failure())};
    if (timeout && vendor_->local && !settled_) {
      if (whole_ > 0 && !co_await emit(whole_)) co_return co_await client_left();
      co_await call_off();
      whole_ = 0;
    }
    if (!settled_) (void)settle(timeout ? billing::Outcome::timeout : billing::Outcome::error, last_error_.code);
    call_.abandon();
    if (whole_ > 0 && !co_await emit(whole_)) co_return Next::client_gone;
    co_await answer_error(last_error_);
    co_return Next::answered;
  }
  if (!settled_) {
    if (auto kept = settle_stream(); !kept) {
      call_.abandon();
      co_await answer_error(kept.error());
      co_return Next::answered;
    }
  }
  append_cost_comment();
  const bool sent = co_await emit(body_.size(), true);
  call_.finish();
  co_return sent ? Next::answered : Next::client_gone;
}

// Ends the attempt of a client that is gone, by the vendor's policy, and settles what was used.
Task<Exchange::Next> Exchange::client_left() {
  keep_alive_ = false;
  if (!settled_ && reached_) {
    if (vendor_->local) {
      co_await call_off();
    } else if (vendor_->config->on_abort == config::AbortPolicy::drain) {
      co_await drain();
    }
  }
  call_.abandon();
  if (!settled_) (void)settle(billing::Outcome::aborted, "client_gone");
  co_return Next::client_gone;
}

}  // namespace tollgate::gateway
