#include "tests/sim/vendor.h"

#include <fmt/core.h>

#include <boost/asio/as_tuple.hpp>

#include "core/net/deadline.h"
#include "core/spawn.h"

namespace tollgate::sim {
namespace {

using namespace std::chrono_literals;

enum class Wire : unsigned char { length, chunked, until_close };

// The end of the request that stays unread until the vendor has chosen: closing then is a reset, not an orderly end.
constexpr std::size_t kLeft = 1;

class Conversation {
 public:
  Conversation(std::unique_ptr<net::Stream> stream, std::string provider, VendorBook& book, Weather weather, Rng rng)
      : stream_(std::move(stream)), provider_(std::move(provider)), book_(book), weather_(weather), rng_(rng) {}

  Task<void> run() {
    ++book_.connections;
    while (co_await read_request() && co_await answer()) {
      ++exchanges_;
      if (rng_.chance(weather_.faults /
                      4)) {  // the idle connection is closed sooner or later, perhaps just when reused
        co_await pause_for(stream_->executor(), rng_.millis(0, 400));
        ++book_.idle_closes;
        break;
      }
    }
    stream_->close();
    --book_.connections;
  }

 private:
  Task<bool> read_request();
  Task<bool> take_rest();
  Task<bool> answer();
  Task<bool> answer_stream();
  Task<bool> send_head(int status, std::string_view type, std::size_t length);
  Task<bool> send_body(std::string_view bytes);
  Task<bool> end_body();
  Task<bool> send(std::string_view bytes);
  Task<bool> refuse();
  Task<bool> send_nonsense();
  void note_request();
  Act choose_act();

  std::unique_ptr<net::Stream> stream_;
  std::string provider_;
  VendorBook& book_;
  Weather weather_;
  Rng rng_;
  std::string in_;
  http::Head head_;
  std::size_t exchanges_ = 0;
  Sight* sight_ = nullptr;
  Wire wire_ = Wire::length;
  bool drip_ = false, keep_ = true;
};

Task<bool> Conversation::read_request() {
  in_.clear();
  char piece[64];
  std::size_t total = 0;
  for (;;) {
    const std::size_t want = total ? std::min(sizeof piece, total - kLeft - in_.size()) : sizeof piece;
    if (total && want == 0) break;
    auto got = co_await stream_->read_some(piece, want);
    if (!got) co_return false;
    in_.append(piece, *got);
    if (total) continue;
    auto parsed = http::parse_request(in_, http::Limits{}, head_);
    if (!parsed) co_return false;
    if (*parsed) total = head_.bytes + static_cast<std::size_t>(head_.content_length);
  }
  (void)http::parse_request(in_, http::Limits{}, head_);
  note_request();
  co_return true;
}

Task<bool> Conversation::take_rest() {
  char last[kLeft];
  auto got = co_await stream_->read_some(last, sizeof last);
  co_return static_cast<bool>(got);
}

Act Conversation::choose_act() {
  if (!rng_.chance(weather_.faults)) return Act::answer;
  const Act act = static_cast<Act>(rng_.between(1, static_cast<int>(Act::count_) - 1));
  if (!sight_->stream && (act == Act::error_event || act == Act::plain_reply)) return Act::answer;
  return act;
}

void Conversation::note_request() {
  const std::string_view body = std::string_view(in_).substr(head_.bytes);
  Sight& sight = book_.sights.emplace_back();
  sight_ = &sight;
  const std::size_t at = body.find("token=");
  sight.token = body.substr(at + 6, body.find('.', at) - at - 6);
  sight.provider = provider_;
  sight.at_us = wall_micros();
  sight.stream = body.find("\"stream\":true") != std::string_view::npos;
  sight.usage_asked = body.find("\"include_usage\":true") != std::string_view::npos;
  sight.reused = exchanges_ > 0;
  sight.act = choose_act();
  const Dialect dialect = head_.target.ends_with("/messages")    ? Dialect::messages
                          : head_.target.ends_with("/responses") ? Dialect::responses
                                                                 : Dialect::chat;
  ReplyOrder order{.dialect = dialect, .stream = sight.stream, .usage_asked = sight.usage_asked};
  order.with_usage = !rng_.chance(weather_.faults / 8);
  order.id = fmt::format("{}-{}", dialect == Dialect::messages ? "msg" : "gen", book_.sights.size());
  order.model = "served-" + provider_;
  if (sight.act == Act::plain_reply) order.stream = false;
  sight.reply = make_reply(order, rng_);
  wire_ = static_cast<Wire>(rng_.between(0, 9) < 5 ? 1 : rng_.between(0, 9) < 8 ? 0 : 2);
  drip_ = rng_.chance(weather_.slow);
  keep_ = wire_ != Wire::until_close && !rng_.chance(10);
}

// Everything that the vendor does about one request. False: the connection is over.
Task<bool> Conversation::answer() {
  Sight& sight = *sight_;
  const bool reset = rng_.chance(50);
  if (!reset || sight.act == Act::answer) {
    if (!co_await take_rest()) co_return false;
  }
  if (rng_.chance(weather_.slow)) co_await pause_for(stream_->executor(), rng_.millis(1, 1'500));
  if (sight.act == Act::hang_up) co_return false;
  if (sight.act == Act::stall_first) co_await pause_for(stream_->executor(), rng_.millis(2'000, 6'000));
  if (sight.act == Act::stall_first) co_return false;
  if (sight.act == Act::bad_framing) co_return co_await send_nonsense();
  if (sight.act == Act::cut_head) {
    (void)co_await send("HTTP/1.1 200 OK\r\nContent-Type: application/js");
    co_return false;
  }
  if (rng_.chance(5) && !co_await send("HTTP/1.1 102 Processing\r\n\r\n")) co_return false;
  if (sight.act == Act::refuse) co_return co_await refuse() && !reset && keep_;
  if (sight.stream && sight.act != Act::plain_reply) co_return co_await answer_stream();
  const std::string& body = sight.reply.body;
  if (!co_await send_head(200, "application/json", body.size())) co_return false;
  std::size_t whole = body.size();
  if (sight.act == Act::cut_body || sight.act == Act::stall_body)
    whole = static_cast<std::size_t>(rng_.between(0, static_cast<std::int64_t>(body.size()) - 1));
  const std::size_t first = rng_.chance(weather_.slow) ? whole / 2 : 0;
  if (!co_await send_body(std::string_view(body).substr(0, first))) co_return false;
  if (first > 0) co_await pause_for(stream_->executor(), rng_.millis(1, 1'500));
  if (!co_await send_body(std::string_view(body).substr(first, whole - first))) co_return false;
  if (sight.act == Act::stall_body) co_await pause_for(stream_->executor(), rng_.millis(1'500, 4'000));
  if (whole < body.size()) co_return false;
  co_return co_await end_body() && keep_ && !(reset && sight.act != Act::answer);
}

Task<bool> Conversation::answer_stream() {
  Sight& sight = *sight_;
  const std::vector<std::string>& events = sight.reply.events;
  std::string whole;
  std::size_t stop = events.size(), last_stop = events.size() - 2;
  if (rng_.chance(50)) last_stop = std::min(last_stop, sight.reply.content_at);  // where another attempt may follow
  if (sight.act != Act::answer) stop = static_cast<std::size_t>(rng_.between(0, static_cast<std::int64_t>(last_stop)));
  for (std::size_t i = 0; i < stop; ++i) whole += events[i];
  if (sight.act == Act::error_event) {
    sight.error_event_at = stop;
    whole += error_event_of(head_.target.ends_with("/messages")    ? Dialect::messages
                            : head_.target.ends_with("/responses") ? Dialect::responses
                                                                   : Dialect::chat);
  }
  const bool cut = sight.act == Act::cut_body || sight.act == Act::stall_body;
  if (cut)
    whole += events[stop].substr(
        0, static_cast<std::size_t>(rng_.between(0, static_cast<std::int64_t>(events[stop].size()) - 1)));
  if (!co_await send_head(200, "text/event-stream", whole.size() + (cut ? 10 : 0))) co_return false;
  std::string_view left = whole;
  while (!left.empty()) {  // pieces that know nothing of event boundaries
    const std::size_t size = drip_ ? static_cast<std::size_t>(rng_.between(1, 200)) : left.size();
    if (!co_await send_body(left.substr(0, size))) co_return false;
    left.remove_prefix(std::min(size, left.size()));
    if (drip_ && rng_.chance(30)) co_await pause_for(stream_->executor(), rng_.millis(1, 90));
  }
  if (sight.act == Act::stall_body) co_await pause_for(stream_->executor(), rng_.millis(1'500, 4'000));
  if (cut && rng_.chance(50)) co_await pause_for(stream_->executor(), rng_.millis(1, 300));
  if (cut) co_return false;
  if (rng_.chance(weather_.slow)) co_await pause_for(stream_->executor(), rng_.millis(1, 300));
  co_return co_await end_body() && keep_&& sight.act == Act::answer;
}

Task<bool> Conversation::send_head(int status, std::string_view type, std::size_t length) {
  std::string head;
  http::write_status_line(head, status);
  http::write_header(head, "Content-Type", type);
  http::write_header(head, "x-vendor", provider_);
  if (wire_ == Wire::length) http::write_header(head, "Content-Length", std::to_string(length));
  if (wire_ == Wire::chunked) head += "Transfer-Encoding: chunked\r\n";
  if (!keep_) head += "Connection: close\r\n";
  head += "\r\n";
  co_return co_await send(head);
}

Task<bool> Conversation::send_body(std::string_view bytes) {
  if (bytes.empty()) co_return true;
  if (wire_ != Wire::chunked) co_return co_await send(bytes);
  std::string chunk;
  http::write_chunk_head(chunk, bytes.size());
  chunk += bytes;
  chunk += "\r\n";
  co_return co_await send(chunk);
}

Task<bool> Conversation::end_body() {
  if (wire_ == Wire::chunked && !co_await send("0\r\n\r\n")) co_return false;
  sight_->said_all = true;
  sight_->said_at_us = wall_micros();
  co_return true;
}

Task<bool> Conversation::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = drip_ ? static_cast<std::size_t>(rng_.between(1, 300)) : bytes.size();
    const std::string_view piece = bytes.substr(0, size);
    if (auto written = co_await stream_->write_all(piece); !written) co_return false;
    sight_->sent += piece.size();
    bytes.remove_prefix(piece.size());
    if (drip_ && rng_.chance(10)) co_await pause_for(stream_->executor(), rng_.millis(1, 30));
  }
  co_return true;
}

Task<bool> Conversation::refuse() {
  constexpr int kStatuses[] = {400, 401, 404, 408, 409, 429, 429, 500, 502, 503, 529};
  sight_->status = kStatuses[rng_.between(0, std::size(kStatuses) - 1)];
  const std::string body = error_body_of(provider_ < "g" ? Dialect::chat : Dialect::messages, sight_->status);
  std::string head;
  http::write_status_line(head, sight_->status);
  head += "Content-Type: application/json\r\n";
  if (rng_.chance(40)) http::write_header(head, "Retry-After", std::to_string(rng_.between(0, 5)));
  if (rng_.chance(20)) http::write_header(head, "retry-after-ms", std::to_string(rng_.between(1, 900)));
  http::write_header(head, "Content-Length", std::to_string(body.size()));
  if (!co_await send(head + "\r\n")) co_return false;
  if (rng_.chance(40)) co_await pause_for(stream_->executor(), rng_.millis(100, 2'500));
  if (rng_.chance(10)) co_return false;  // cut inside the error body
  if (!co_await send(body)) co_return false;
  sight_->said_all = true;
  co_return true;
}

Task<bool> Conversation::send_nonsense() {
  constexpr std::string_view kForms[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n",
  };
  (void)co_await send(kForms[rng_.between(0, std::size(kForms) - 1)]);
  co_return false;
}

class SimDialer final : public net::Dialer {
 public:
  SimDialer(asio::io_context& context, std::string provider, VendorBook& book, const Weather& weather, Rng rng)
      : context_(context), provider_(std::move(provider)), book_(book), weather_(weather), rng_(rng) {}

  Task<Result<std::unique_ptr<net::Stream>>> dial(const net::Origin&, SteadyTime deadline) override {
    ++book_.dials;
    if (rng_.chance(weather_.slow)) {
      const auto wanted = rng_.millis(1, 1'200);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
      co_await pause_for(context_.get_executor(), std::min(wanted, std::max(left, 0ms)));
      if (wanted > left) co_return failure("connect_timeout", 504);
    }
    if (rng_.chance(weather_.dial_faults)) co_return failure("connect_failed", 502);
    auto [near, far] = net::make_pipe(context_, static_cast<std::size_t>(rng_.between(300, 20'000)));
    auto talk = std::make_shared<Conversation>(std::move(far), provider_, book_, weather_, rng_.fork());
    spawn(context_.get_executor(), talk->run(), "vendor", [talk] {});
    co_return std::move(near);
  }

 private:
  Error failure(const char* code, int status) {
    ++book_.dials_failed;
    return Error{.kind = ErrorKind::retry_elsewhere, .status = status, .code = code, .message = "no way to the vendor"};
  }

  asio::io_context& context_;
  std::string provider_;
  VendorBook& book_;
  Weather weather_;
  Rng rng_;
};

}  // namespace

const char* act_name(Act act) {
  constexpr const char* kNames[] = {"answer",      "refuse",     "hang_up",     "cut_head",    "cut_body",
                                    "stall_first", "stall_body", "error_event", "bad_framing", "plain_reply"};
  return kNames[static_cast<std::size_t>(act)];
}

Task<void> pause_for(Executor executor, std::chrono::milliseconds time) {
  net::Timer timer(executor);
  timer.expires_at(SteadyClock::now() + time);
  (void)co_await timer.async_wait(asio::as_tuple(use_task));
}

std::unique_ptr<net::Dialer> make_sim_dialer(asio::io_context& context, std::string provider, VendorBook& book,
                                             const Weather& weather, Rng rng) {
  return std::make_unique<SimDialer>(context, std::move(provider), book, weather, rng);
}

}  // namespace tollgate::sim
