#include "tests/sim/client.h"

#include <fmt/core.h>

#include "core/http.h"
#include "core/spawn.h"
#include "tests/sim/vendor.h"

namespace tollgate::sim {
namespace {

using namespace std::chrono_literals;

class Client {
 public:
  Client(std::shared_ptr<net::Stream> stream, ClientPlan plan, Rng rng)
      : stream_(std::move(stream)), plan_(std::move(plan)), rng_(rng) {}

  Task<void> run() {
    if (plan_.pipelined) {
      for (std::size_t i = 0; i < plan_.asks.size(); ++i)
        if (!co_await send(i)) break;
    }
    for (std::size_t i = 0; i < plan_.asks.size(); ++i) {
      Ask& ask = *plan_.asks[i];
      if (!plan_.pipelined && !co_await send(i)) break;
      const bool more = co_await receive(ask);
      ask.ended = true;
      ask.ended_at = SteadyClock::now();
      ask.ended_us = wall_micros();
      if (!more) break;
      if (!plan_.pipelined && rng_.chance(50)) co_await pause_for(stream_->executor(), rng_.millis(1, 2'000));
    }
    for (Ask* ask : plan_.asks)
      if (!std::exchange(ask->ended, true)) ask->ended_at = SteadyClock::now();
    stream_->close();
  }

 private:
  Task<bool> send(std::size_t index);
  Task<bool> receive(Ask& ask);
  Task<bool> receive_head(Ask& ask);
  Task<bool> read_more();

  std::shared_ptr<net::Stream> stream_;
  ClientPlan plan_;
  Rng rng_;
  std::string in_;
  http::Head head_;
  bool at_end_ = false;  // the gateway has closed its side in order
};

Task<bool> Client::send(std::size_t index) {
  Ask& ask = *plan_.asks[index];
  const bool last = index + 1 == plan_.asks.size();
  const std::string text = request_text(ask, last, rng_);
  std::string_view left = text;
  while (!left.empty()) {
    const std::size_t size = plan_.slow ? static_cast<std::size_t>(rng_.between(1, 400)) : left.size();
    if (auto written = co_await stream_->write_all(left.substr(0, size)); !written) co_return false;
    left.remove_prefix(std::min(size, left.size()));
    if (plan_.slow && rng_.chance(20)) co_await pause_for(stream_->executor(), rng_.millis(1, 60));
  }
  ask.sent = true;
  ask.sent_at = SteadyClock::now();
  if (last && plan_.half_close) stream_->shutdown_write();
  co_return true;
}

Task<bool> Client::read_more() {
  char piece[2'048];
  const std::size_t size = plan_.slow ? static_cast<std::size_t>(rng_.between(1, 500)) : sizeof piece;
  auto got = co_await stream_->read_some(piece, size);
  at_end_ = !got && got.error().code == "eof";
  if (!got) co_return false;
  in_.append(piece, *got);
  if (plan_.slow && rng_.chance(15)) co_await pause_for(stream_->executor(), rng_.millis(1, 80));
  co_return true;
}

Task<bool> Client::receive_head(Ask& ask) {
  for (;;) {
    if (!in_.empty()) {
      auto parsed = http::parse_response(in_, false, http::Limits{}, head_);
      if (!parsed) {
        ask.status = -1;  // not HTTP: the verdict fails on it
        co_return false;
      }
      if (*parsed && head_.status < 200) {
        in_.erase(0, head_.bytes);
        continue;
      }
      if (*parsed) break;
    }
    if (!co_await read_more()) co_return false;
  }
  ask.status = head_.status;
  ask.request_id = head_.find("x-tollgate-request-id").value_or("");
  ask.event_stream = head_.find("content-type").value_or("").starts_with("text/event-stream");
  co_return true;
}

// True when another answer may follow on this connection.
Task<bool> Client::receive(Ask& ask) {
  if (!co_await receive_head(ask)) co_return false;
  const bool keep = head_.keep_alive && head_.framing != http::Framing::until_close;
  http::BodyDecoder decoder(head_.framing, head_.content_length, http::Limits{});
  in_.erase(0, head_.bytes);
  while (!decoder.done()) {
    std::string_view piece;
    auto used = decoder.decode(in_, piece);
    if (!used) {
      ask.status = -1;
      co_return false;
    }
    ask.body += piece;
    const bool took = *used > 0;
    in_.erase(0, *used);
    if (took || decoder.done()) continue;
    if (co_await read_more()) continue;
    ask.complete = at_end_ && decoder.finish_at_eof();
    co_return false;
  }
  ask.complete = true;
  co_return keep;
}

}  // namespace

Ask& make_ask(std::deque<Ask>& asks, std::uint64_t seed, Rng& rng) {
  Ask& ask = asks.emplace_back();
  ask.token = fmt::format("s{}n{}", seed, asks.size());
  ask.dialect = static_cast<Dialect>(rng.between(0, 2));
  ask.stream = rng.chance(60);
  ask.usage_asked = rng.chance(30);
  ask.minor = rng.chance(92) ? 1 : 0;
  constexpr const char* kOpenAi[] = {"one", "two", "three", "alpha/direct", "beta/direct", "mixed-openai"};
  constexpr const char* kAnthropic[] = {"claude-one", "claude-two", "gamma/direct", "omega/direct", "mixed-anthropic"};
  ask.model = ask.dialect == Dialect::messages ? kAnthropic[rng.between(0, 4)] : kOpenAi[rng.between(0, 5)];
  ask.known_model = !rng.chance(4);
  if (!ask.known_model) ask.model = rng.chance(50) ? "nobody" : "nobody/at-all";
  return ask;
}

std::string request_text(const Ask& ask, bool last, Rng& rng) {
  std::string body = fmt::format(R"({{"model":"{}")", ask.model);
  const std::string prompt =
      fmt::format("token={}. {}", ask.token,
                  std::string(static_cast<std::size_t>(rng.between(0, rng.chance(20) ? 20'000 : 400)), 'p'));
  body += ask.dialect == Dialect::responses ? fmt::format(R"(,"input":"{}")", prompt)
                                            : fmt::format(R"(,"messages":[{{"role":"user","content":"{}"}}])", prompt);
  if (ask.dialect == Dialect::messages) body += R"(,"max_tokens":100)";
  if (ask.stream) body += R"(,"stream":true)";
  if (ask.stream && ask.usage_asked && ask.dialect == Dialect::chat)
    body += R"(,"stream_options":{"include_usage":true})";
  body += '}';
  constexpr const char* kPaths[] = {"/v1/chat/completions", "/v1/messages", "/v1/responses"};
  std::string text =
      fmt::format("POST {} HTTP/1.{}\r\nHost: gateway\r\nAuthorization: Bearer key\r\nx-tollgate-user: {}\r\n",
                  kPaths[static_cast<std::size_t>(ask.dialect)], ask.minor, ask.token);
  if (ask.minor == 0) text += last ? "" : "Connection: keep-alive\r\n";
  if (ask.minor == 1 && last && rng.chance(50)) text += "Connection: close\r\n";
  if (rng.chance(10)) text += "x-tollgate-echo: cost\r\n";
  if (ask.minor == 0 || rng.chance(80)) return text + fmt::format("Content-Length: {}\r\n\r\n", body.size()) + body;
  text += "Transfer-Encoding: chunked\r\n\r\n";
  for (std::string_view left = body; !left.empty();) {
    const std::string_view piece = left.substr(0, static_cast<std::size_t>(rng.between(1, 3'000)));
    text += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    left.remove_prefix(piece.size());
  }
  return text + "0\r\n\r\n";
}

Task<void> run_client(std::shared_ptr<net::Stream> stream, ClientPlan plan, Rng rng) {
  co_await pause_for(stream->executor(), plan.start);
  Client client(std::move(stream), std::move(plan), rng);
  co_await client.run();
}

}  // namespace tollgate::sim
