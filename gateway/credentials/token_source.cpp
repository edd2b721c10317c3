#include "gateway/credentials/token_source.h"

#include <algorithm>
#include <random>
#include <vector>

#include "core/clock.h"
#include "core/log.h"
#include "core/net/deadline.h"
#include "core/net/signal.h"
#include "core/spawn.h"
#include "gateway/credentials/token_http.h"

namespace tollgate::gateway {
namespace {

using std::chrono::milliseconds;

// A token is not used in the last seconds of its life: it has to arrive.
constexpr milliseconds kMargin{10'000};
// A refused token that is younger than this was not refused for its age.
constexpr std::chrono::seconds kBrandNew{30};

net::PoolOptions one_shot_connections() {
  net::PoolOptions options;
  options.max_idle_per_origin = 1;
  return options;
}

// A span of time measured on both clocks: the steady one does not see a suspended machine sleep, the wall clock may be
// set. Over when either says so.
struct Span {
  SteadyTime steady{};
  std::int64_t wall_us = 0;
  static Span now() { return {SteadyClock::now(), wall_micros()}; }
  Span plus(milliseconds time) const { return {steady + time, wall_us + 1'000 * time.count()}; }
  bool over() const { return SteadyClock::now() >= steady || wall_micros() >= wall_us; }
};

}  // namespace

struct TokenSource::State : std::enable_shared_from_this<TokenSource::State> {
  State(asio::io_context& context, std::string source_name, TokenGrant how, std::unique_ptr<net::Dialer> dialer,
        TokenOptions limits)
      : executor(context.get_executor()),
        name(std::move(source_name)),
        grant(std::move(how)),
        pool(context, std::move(dialer), one_shot_connections()),
        options(limits) {}

  bool usable() const { return !value.empty() && !useful_until.over(); }
  bool paused() const { return SteadyClock::now() < pause_until; }
  void start_fetch();
  static Task<void> fetch(std::shared_ptr<State> self);
  void keep(AccessToken token, Span begun);
  void note_failure(Error error);
  Error failure_now() const;
  void wake_all();

  Executor executor;
  std::string name;
  TokenGrant grant;
  net::Pool pool;
  TokenOptions options;
  std::minstd_rand random{std::random_device{}()};

  std::string value;
  SteadyTime fetched_at{};
  Span refresh_from, useful_until;
  bool fetching = false;
  int failures = 0;
  SteadyTime pause_until{};
  Error last_error;
  std::vector<net::Signal*> waiters;  // one for each token() that waits
};

void TokenSource::State::start_fetch() {
  if (fetching) return;
  fetching = true;
  // However the fetch ends, nobody may be left waiting for it.
  spawn(executor, fetch(shared_from_this()), "token", [self = shared_from_this()] {
    self->fetching = false;
    self->wake_all();
  });
}

Task<void> TokenSource::State::fetch(std::shared_ptr<State> self) {
  const Span begun = Span::now();
  Result<std::string> form = self->grant.form(begun.wall_us);
  if (!form) co_return self->note_failure(std::move(form).error());
  const SteadyTime deadline = begun.steady + self->options.fetch_timeout;
  auto reply = co_await post_token_form(self->pool, self->grant.endpoint(), *std::move(form), deadline);
  if (!reply) co_return self->note_failure(std::move(reply).error());
  auto token = read_token_reply(reply->status, reply->body);
  if (!token) co_return self->note_failure(std::move(token).error());
  self->keep(*std::move(token), begun);
}

// The life is counted from before the request, so the host's own end is never earlier.
void TokenSource::State::keep(AccessToken token, Span begun) {
  const milliseconds life = token.lifetime;
  const milliseconds margin = std::min(kMargin, life / 10);
  const int percent = std::uniform_int_distribution<int>(80, 89)(random);
  value = std::move(token.value);
  fetched_at = begun.steady;
  useful_until = begun.plus(life - margin);
  refresh_from = begun.plus(std::min(life * percent / 100, life - margin));
  failures = 0;
  pause_until = {};
  log_debug("fetched an access token", {{"provider", std::string_view(name)}, {"seconds", token.lifetime.count()}});
}

void TokenSource::State::note_failure(Error error) {
  const int doublings = std::min(failures++, 16);
  const milliseconds pause = std::min(options.first_pause * (1 << doublings), options.longest_pause);
  const int percent = std::uniform_int_distribution<int>(80, 120)(random);
  pause_until = SteadyClock::now() + pause * percent / 100;
  error.message = "provider '" + name + "' has no access token: " + error.message;
  log_warn("cannot fetch an access token", {{"provider", std::string_view(name)},
                                            {"code", std::string_view(error.code)},
                                            {"error", std::string_view(error.message)},
                                            {"old_token_serves", usable()}});
  last_error = std::move(error);
}

Error TokenSource::State::failure_now() const {
  Error error = last_error;
  error.retry_after = std::max(
      milliseconds(0), std::chrono::duration_cast<milliseconds>(pause_until - SteadyClock::now()) + milliseconds(1));
  return error;
}

void TokenSource::State::wake_all() {
  for (net::Signal* waiter : waiters) waiter->notify();
}

TokenSource::TokenSource(asio::io_context& context, std::string name, TokenGrant grant,
                         std::unique_ptr<net::Dialer> dialer, TokenOptions options)
    : state_(std::make_shared<State>(context, std::move(name), std::move(grant), std::move(dialer), options)) {}

TokenSource::~TokenSource() = default;

namespace {

// Puts a signal among the waiters for as long as it lives.
class Waiting {
 public:
  Waiting(std::vector<net::Signal*>& waiters, net::Signal& signal) : waiters_(waiters), signal_(&signal) {
    waiters_.push_back(signal_);
  }
  ~Waiting() { std::erase(waiters_, signal_); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  std::vector<net::Signal*>& waiters_;
  net::Signal* signal_;
};

}  // namespace

Task<Result<std::string>> TokenSource::token(SteadyTime deadline) {
  // Kept here too: a reload may replace the source while somebody waits.
  const std::shared_ptr<State> state = state_;
  if (state->usable()) {
    if (state->refresh_from.over() && !state->paused()) state->start_fetch();
    co_return state->value;
  }
  if (!state->fetching && state->paused()) co_return state->failure_now();
  state->start_fetch();
  net::Signal signal(state->executor);
  net::Deadline timer(state->executor);
  timer.on_expire([&signal] { signal.notify(); });
  timer.set(deadline);
  const Waiting waiting(state->waiters, signal);
  while (state->fetching && SteadyClock::now() < deadline) co_await signal.wait();
  if (state->usable()) co_return state->value;
  if (!state->fetching && state->failures > 0) co_return state->failure_now();
  co_return Error{.kind = ErrorKind::retry_elsewhere,
                  .status = 504,
                  .code = "token_timeout",
                  .message = "provider '" + state->name + "' has no access token yet"};
}

void TokenSource::refused() {
  if (SteadyClock::now() - state_->fetched_at < kBrandNew) return;
  state_->value.clear();
}

}  // namespace tollgate::gateway
