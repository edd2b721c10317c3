#include "gateway/session.h"

#include "gateway/auth.h"
#include "gateway/error_body.h"
#include "gateway/model_list.h"
#include "gateway/surface.h"

namespace tollgate::gateway {
namespace {

constexpr std::chrono::milliseconds kLinger{1'000};

// Path and query of an origin-form or absolute-form target.
std::string_view without_authority(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const std::size_t slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

ApiFamily family_of(const http::Head& head, std::string_view path) {
  if (path.starts_with("/v1beta")) return ApiFamily::google;
  return head.find("anthropic-version") ? ApiFamily::anthropic : ApiFamily::openai;
}

}  // namespace

Session::Session(Worker& worker, std::unique_ptr<net::Stream> stream)
    : worker_(worker),
      client_(std::move(stream),
              worker.snapshot->config.limits.max_head_bytes + 2 * worker.snapshot->config.limits.max_body_bytes),
      exchange_(worker, client_) {
  http_limits_.max_head_bytes = worker.snapshot->config.limits.max_head_bytes;
}

void Session::stop_when_idle() {
  if (idle_) client_.stream().cancel_read();
}

void Session::abort() { client_.stream().close(); }

bool Session::accepts_more() const { return keep_alive_ && !worker_.draining; }

Task<void> Session::run() {
  worker_.metrics.connections.add(1);
  while (accepts_more()) {
    const Head got = co_await read_head();
    if (got != Head::ready) break;
    if (!co_await read_body()) break;
    keep_alive_ = co_await dispatch() && head_.keep_alive;
    client_.consume(wire_bytes_);
    if (decoded_.capacity() > (1u << 20)) decoded_ = {};
  }
  co_await client_.close();
  worker_.metrics.connections.add(-1);
}

// Waits for the next request's head: as long as a kept connection may idle, then, once it has begun, as long as a head
// may take.
Task<Session::Head> Session::read_head() {
  const config::Limits limits = worker_.snapshot->config.limits;  // a copy: a reload may come while this waits
  SteadyTime deadline{};
  bool begun = false;
  for (;;) {
    if (!client_.data().empty()) {
      auto parsed = http::parse_request(client_.data(), http_limits_, head_);
      if (!parsed) {
        co_await refuse(parsed.error());
        co_return Head::refused;
      }
      if (*parsed) co_return Head::ready;
      if (!begun) deadline = SteadyClock::now() + limits.client_head_timeout;
      begun = true;
    } else if (deadline == SteadyTime{}) {
      deadline = SteadyClock::now() + limits.client_idle_timeout;
    }
    idle_ = !begun;
    const ReadResult got = co_await client_.read_more(deadline);
    idle_ = false;
    if (got == ReadResult::data) continue;
    if (got == ReadResult::timeout && begun)
      co_await refuse(Error{.kind = ErrorKind::client_fault,
                            .status = 408,
                            .code = "request_timeout",
                            .message = "the request head did not arrive in time"});
    if (got == ReadResult::interrupted && !worker_.draining) continue;
    co_return Head::closed;
  }
}

Task<bool> Session::read_body() {
  const config::Limits limits = worker_.snapshot->config.limits;  // a copy: a reload may come while this waits
  if (head_.framing == http::Framing::chunked) co_return co_await read_chunked();
  if (head_.content_length > limits.max_body_bytes) {
    co_await refuse(Error{.kind = ErrorKind::client_fault,
                          .status = 413,
                          .code = "body_too_large",
                          .message = "the request body is larger than server: max_body_bytes (" +
                                     std::to_string(limits.max_body_bytes) + ")"});
    co_return false;
  }
  const std::size_t length = static_cast<std::size_t>(head_.content_length);
  wire_bytes_ = head_.bytes + length;
  if (client_.data().size() < wire_bytes_) {
    if (head_.expect_continue &&
        !co_await client_.write("HTTP/1.1 100 Continue\r\n\r\n", SteadyClock::now() + limits.client_write_timeout))
      co_return false;
    client_.reserve(wire_bytes_);
    const SteadyTime deadline = SteadyClock::now() + limits.client_body_timeout;
    while (client_.data().size() < wire_bytes_)
      if (co_await client_.read_more(deadline) != ReadResult::data) co_return false;
    (void)http::parse_request(client_.data(), http_limits_, head_);  // the buffer may have moved: views anew
  }
  body_ = client_.data().substr(head_.bytes, length);
  co_return true;
}

Task<bool> Session::read_chunked() {
  const config::Limits limits = worker_.snapshot->config.limits;  // a copy: a reload may come while this waits
  http::BodyDecoder decoder(head_.framing, 0, http_limits_);
  wire_bytes_ = head_.bytes;
  decoded_.clear();
  if (head_.expect_continue && client_.data().size() == head_.bytes &&
      !co_await client_.write("HTTP/1.1 100 Continue\r\n\r\n", SteadyClock::now() + limits.client_write_timeout))
    co_return false;
  const SteadyTime deadline = SteadyClock::now() + limits.client_body_timeout;
  while (!decoder.done()) {
    std::string_view piece;
    auto used = decoder.decode(client_.data().substr(wire_bytes_), piece);
    if (!used) {
      co_await refuse(used.error());
      co_return false;
    }
    wire_bytes_ += *used;
    decoded_.append(piece);
    if (decoded_.size() > limits.max_body_bytes || wire_bytes_ > limits.max_head_bytes + 2 * limits.max_body_bytes) {
      co_await refuse(Error{.kind = ErrorKind::client_fault,
                            .status = 413,
                            .code = "body_too_large",
                            .message = "the request body is larger than server: max_body_bytes"});
      co_return false;
    }
    if (*used == 0 && !decoder.done() && co_await client_.read_more(deadline) != ReadResult::data) co_return false;
  }
  (void)http::parse_request(client_.data(), http_limits_, head_);
  const std::size_t size = decoded_.size();
  decoded_.resize(size + kJsonPadding);
  body_ = std::string_view(decoded_).substr(0, size);
  co_return true;
}

Task<bool> Session::dispatch() {
  const std::string_view target = without_authority(head_.target);
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  const std::string_view query = question == std::string_view::npos ? std::string_view{} : target.substr(question);
  if (auto route = match_route(path, query)) {
    const Surface* surface = route->surface;
    const bool any_method = surface->operation == Operation::passthrough && head_.method != "HEAD";
    if (head_.method == "POST" || any_method)
      co_return co_await exchange_.serve({.head = &head_,
                                          .surface = surface,
                                          .route = std::move(*route),
                                          .query = query,
                                          .body = body_,
                                          .wire_bytes = wire_bytes_});
    co_return co_await answer(
        405, "Allow: POST\r\n",
        error_body(surface->family,
                   {.status = 405, .code = "method_not_allowed", .message = "send POST to " + std::string(path)}));
  }
  if (head_.method == "GET" || head_.method == "HEAD") co_return co_await answer_get(path, query);
  co_return co_await answer(
      404, "",
      error_body(
          family_of(head_, path),
          {.status = 404,
           .code = "unknown_path",
           .message = "no such path; the API is at /v1/chat/completions, /v1/responses, /v1/embeddings, "
                      "/v1/completions, /v1/rerank, /v1/messages, /v1/models, /v1beta/models/{model}:generateContent, "
                      "/passthrough/{provider}/..."}));
}

Task<bool> Session::answer_get(std::string_view path, std::string_view query) {
  const std::string_view kModels = path.starts_with("/v1beta/") ? "/v1beta/models" : "/v1/models";
  const ApiFamily family = family_of(head_, path);
  if (!path.starts_with(kModels) || (path.size() > kModels.size() && path[kModels.size()] != '/'))
    co_return co_await answer(
        404, "",
        error_body(family, {.status = 404,
                            .code = "unknown_path",
                            .message = "no such path; try GET /v1/models or POST /v1/chat/completions"}));
  if (auto key = authenticate(*worker_.snapshot, head_, query); !key)
    co_return co_await answer(key.error().status, "", error_body(family, key.error()));
  if (path.size() <= kModels.size() + 1) co_return co_await answer(200, "", model_list(*worker_.snapshot, family));
  auto one = model_entry(*worker_.snapshot, family, path.substr(kModels.size() + 1));
  if (!one) co_return co_await answer(404, "", error_body(family, one.error()));
  co_return co_await answer(200, "", *one);
}

Task<bool> Session::answer(int status, std::string_view extra_headers, std::string_view body) {
  out_.clear();
  http::write_status_line(out_, status, head_.minor);
  out_ += "Content-Type: application/json\r\n";
  out_ += extra_headers;
  http::write_header(out_, "Content-Length", std::to_string(body.size()));
  if (!accepts_more() || !head_.keep_alive) {
    out_ += "Connection: close\r\n";
  } else if (head_.minor == 0) {
    out_ += "Connection: keep-alive\r\n";
  }
  out_ += "\r\n";
  if (head_.method != "HEAD") out_ += body;
  co_return co_await client_.write(out_, SteadyClock::now() + worker_.snapshot->config.limits.client_write_timeout);
}

// The framing cannot be trusted (or the limits are passed): say why, close, and let the client read it.
Task<void> Session::refuse(const Error& error) {
  worker_.metrics.refused(error.code);
  keep_alive_ = false;
  head_.method = {};
  head_.keep_alive = false;
  head_.minor = 1;
  if (co_await answer(error.status, "", error_body(ApiFamily::openai, error)))
    co_await client_.linger(SteadyClock::now() + kLinger);
}

}  // namespace tollgate::gateway
