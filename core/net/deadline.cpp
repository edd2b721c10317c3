// Deadline: one timer wait that is renewed only when it fires too early. Owner: net. Thread rule: see deadline.h.
#include "core/net/deadline.h"

#include <algorithm>
#include <utility>

namespace tollgate::net {

// Asio asks how long it may sleep. A virtual clock moves only when somebody runs, so it must not sleep at all: every
// poll() of the io_context then looks at the timers.
SteadyClock::duration SteadyWaitTraits::to_wait_duration(const SteadyClock::duration& d) {
  return clock_is_virtual() ? std::min(d, SteadyClock::duration::zero()) : d;
}

SteadyClock::duration SteadyWaitTraits::to_wait_duration(const SteadyClock::time_point& t) {
  return to_wait_duration(t - SteadyClock::now());
}

struct Deadline::State : std::enable_shared_from_this<Deadline::State> {
  explicit State(Executor executor) : timer(executor) {}

  void arm();
  void fired(std::uint64_t wait_number);

  static constexpr SteadyTime kNever = SteadyTime::max();
  Timer timer;
  std::function<void()> callback;
  SteadyTime at = kNever;        // wanted
  SteadyTime armed_at = kNever;  // what the outstanding wait will fire at; kNever = none outstanding
  std::uint64_t waits = 0;       // number of the newest wait; older ones were replaced
};

void Deadline::State::arm() {
  armed_at = at;
  timer.expires_at(at);
  timer.async_wait([self = shared_from_this(), number = ++waits](const ErrorCode&) { self->fired(number); });
}

void Deadline::State::fired(std::uint64_t wait_number) {
  if (wait_number != waits) return;
  armed_at = kNever;
  if (at == kNever || !callback) return;
  if (SteadyClock::now() < at) return arm();
  at = kNever;
  // Moved out for the call, because the callback may destroy the Deadline and with it the function it runs in.
  std::function<void()> running = std::move(callback);
  callback = nullptr;
  running();
  if (!callback && waits != 0) callback = std::move(running);
}

Deadline::Deadline(Executor executor) : state_(std::make_shared<State>(executor)) {}

Deadline::~Deadline() {
  state_->callback = nullptr;
  state_->at = State::kNever;
  state_->waits = 0;  // no wait has this number: the outstanding one is void
  state_->timer.cancel();
}

void Deadline::set(SteadyTime at) {
  state_->at = at;
  if (at < state_->armed_at) state_->arm();
}

void Deadline::clear() { state_->at = State::kNever; }

void Deadline::on_expire(std::function<void()> callback) { state_->callback = std::move(callback); }

}  // namespace tollgate::net
