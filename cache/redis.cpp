#include "cache/redis.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <vector>

#include "cache/redis_codec.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/net/deadline.h"
#include "core/net/dial.h"
#include "core/spawn.h"

namespace tollgate::cache {
namespace {

constexpr std::size_t kReadAtATime = 256u << 10;
constexpr std::size_t kMaxMessage = 200;  // bytes of an error that the server words

Error failure(const char* code, std::string message) {
  return Error{.kind = ErrorKind::retry_elsewhere, .status = 502, .code = code, .message = std::move(message)};
}

Error refused(std::string_view said) {
  return failure("redis_refused", "Redis says: " + std::string(said.substr(0, kMaxMessage)));
}

// The dialer names origins as if they were of HTTP.
std::string without_scheme(std::string message) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (const auto at = message.find(scheme); at != std::string::npos) message.erase(at, scheme.size());
  return message;
}

using Words = std::vector<std::string>;

}  // namespace

struct Redis::Impl {
  Impl(config::RedisUrl where, const RedisOptions& wanted)
      : url(std::move(where)),
        options(wanted),
        dialer(net::make_dialer(context, {.ca_file = url.ca_file, .verify = true})),
        timer(context.get_executor()),
        buffer(kReadAtATime),
        pause(wanted.pause) {
    timer.on_expire([this] {
      late = true;
      if (stream) stream->close();
    });
  }

  ~Impl() {
    hang_up();
    context.restart();
    context.poll();
  }

  Result<RedisReply> call(std::span<const std::string_view> words);
  bool is_connected();
  Result<void> connect();
  Task<Result<void>> dial(SteadyTime deadline);
  Task<Result<RedisReply>> exchange(std::string command, SteadyTime deadline);
  template <class T>
  Result<T> wait_for(Task<Result<T>> task);
  void failed(const Error& error);
  void hang_up();

  const config::RedisUrl url;
  const RedisOptions options;
  asio::io_context context;
  std::unique_ptr<net::Dialer> dialer;
  std::unique_ptr<net::Stream> stream;  // null: not connected
  net::Deadline timer;
  bool late = false;  // the timer closed the stream
  std::vector<char> buffer;
  std::chrono::milliseconds pause;
  SteadyTime not_before{};  // of the next attempt to connect
  bool down = false;        // and told so
};

// Runs the context until the task has ended; every task has a deadline.
template <class T>
Result<T> Redis::Impl::wait_for(Task<Result<T>> task) {
  std::optional<Result<T>> result;
  const auto keep = [](Task<Result<T>> inner, std::optional<Result<T>>& out) -> Task<void> {
    out.emplace(co_await std::move(inner));
  };
  bool over = false;
  spawn(context.get_executor(), keep(std::move(task), result), "redis", [&over] { over = true; });
  context.restart();
  while (!over && context.run_one() > 0) continue;
  if (!result) return failure("redis_down", "the call to Redis was given up");
  return *std::move(result);
}

Task<Result<RedisReply>> Redis::Impl::exchange(std::string command, SteadyTime deadline) {
  late = false;
  timer.set(deadline);
  RedisReader reader(options.max_value);
  Result<void> sent = co_await stream->write_all(command);
  std::optional<Error> error;
  std::optional<RedisReply> reply;
  if (!sent) error = sent.error();
  while (!error && !reply) {
    auto got = co_await stream->read_some(buffer.data(), buffer.size());
    if (!got) {
      error = got.error();
    } else if (auto read = reader.push({buffer.data(), *got}); !read) {
      error = read.error();
    } else {
      reply = *std::move(read);
    }
  }
  timer.clear();
  if (!error) co_return *std::move(reply);
  if (late) co_return failure("redis_timeout", "Redis at " + url.place() + " did not answer in time");
  if (error->code != "bad_reply") error = failure("redis_down", "lost Redis at " + url.place() + ": " + error->message);
  co_return *std::move(error);
}

Task<Result<void>> Redis::Impl::dial(SteadyTime deadline) {
  auto dialed = co_await dialer->dial({.tls = url.tls, .host = url.host, .port = url.port}, deadline);
  if (!dialed) co_return failure("redis_down", without_scheme(std::move(dialed).error().message));
  stream = *std::move(dialed);
  std::vector<Words> greetings;
  if (!url.password.empty()) {
    greetings.push_back({"AUTH"});
    if (!url.user.empty()) greetings.back().push_back(url.user);
    greetings.back().push_back(url.password);
  }
  if (url.database != 0) greetings.push_back({"SELECT", std::to_string(url.database)});
  for (const Words& greeting : greetings) {
    const std::vector<std::string_view> words(greeting.begin(), greeting.end());
    auto reply = co_await exchange(redis_command(words), deadline);
    if (!reply) co_return std::move(reply).error();
    if (reply->kind == RedisReply::Kind::error) co_return refused(reply->text);
  }
  co_return Result<void>();
}

// A server that restarted or tidied up has closed an idle connection; that is no failure yet.
bool Redis::Impl::is_connected() {
  if (stream && !stream->looks_alive()) hang_up();
  return stream != nullptr;
}

Result<void> Redis::Impl::connect() {
  if (is_connected()) return {};
  const SteadyTime now = SteadyClock::now();
  if (now < not_before) return failure("redis_down", "Redis at " + url.place() + " failed a moment ago");
  return wait_for(dial(now + options.connect));
}

Result<RedisReply> Redis::Impl::call(std::span<const std::string_view> words) {
  const bool paused = !is_connected() && SteadyClock::now() < not_before;
  if (auto connected = connect(); !connected) {
    if (!paused) failed(connected.error());
    return std::move(connected).error();
  }
  auto reply = wait_for(exchange(redis_command(words), SteadyClock::now() + options.command));
  if (!reply) {
    failed(reply.error());
    return reply;
  }
  if (down) log_info("Redis answers again", {{"server", url.place()}});
  down = false;
  pause = options.pause;
  if (reply->kind == RedisReply::Kind::error) return refused(reply->text);
  return reply;
}

// An answer may still come: the connection is of no more use.
void Redis::Impl::failed(const Error& error) {
  hang_up();
  not_before = SteadyClock::now() + pause;
  pause = std::min(pause * 2, options.max_pause);
  if (down) return;
  down = true;
  log_warn("Redis is out of reach; it is tried again from time to time",
           {{"server", url.place()}, {"error", std::string_view(error.message)}});
}

void Redis::Impl::hang_up() {
  timer.clear();
  if (!stream) return;
  stream->close();
  stream.reset();
}

Redis::Redis(config::RedisUrl url, const RedisOptions& options)
    : impl_(std::make_unique<Impl>(std::move(url), options)) {}
Redis::~Redis() = default;

Result<std::optional<std::string>> Redis::get(std::string_view key) {
  auto reply = impl_->call(std::array<std::string_view, 2>{"GET", key});
  if (!reply) return std::move(reply).error();
  if (reply->kind == RedisReply::Kind::nothing) return std::optional<std::string>();
  if (reply->kind != RedisReply::Kind::value) return failure("bad_reply", "Redis answered GET with no value");
  return std::optional<std::string>(std::move(reply->text));
}

Result<void> Redis::set(std::string_view key, std::string_view value, std::chrono::milliseconds ttl) {
  if (value.size() > impl_->options.max_value)
    return failure("value_too_large", std::to_string(value.size()) + " bytes are too many for one value");
  const std::string milliseconds = std::to_string(std::max<std::int64_t>(1, ttl.count()));
  auto reply = impl_->call(std::array<std::string_view, 5>{"SET", key, value, "PX", milliseconds});
  if (!reply) return std::move(reply).error();
  if (reply->kind != RedisReply::Kind::status) return failure("bad_reply", "Redis answered SET with no status");
  return {};
}

}  // namespace tollgate::cache
