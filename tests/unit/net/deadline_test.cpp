// Deadline and Signal, with real and with virtual time.
#include "core/net/deadline.h"

#include <memory>

#include "core/net/signal.h"
#include "tests/unit/net/net_fixture.h"

namespace tollgate::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class VirtualDeadlineTest : public testing::Test {
 protected:
  void advance(std::chrono::nanoseconds by) {
    clock_.advance(by);
    context_.restart();
    context_.poll();
  }
  VirtualClock clock_{1'700'000'000'000'000};
  asio::io_context context_{1};
  Deadline deadline_{context_.get_executor()};
  int fired_ = 0;
};

TEST_F(VirtualDeadlineTest, FiresOnceWhenItsTimeHasPassed) {
  deadline_.on_expire([this] { ++fired_; });
  deadline_.set(SteadyClock::now() + hours(1));
  advance(hours(1) - milliseconds(1));
  EXPECT_EQ(fired_, 0);
  advance(milliseconds(1));
  EXPECT_EQ(fired_, 1);
  advance(hours(9));
  EXPECT_EQ(fired_, 1);
}

TEST_F(VirtualDeadlineTest, MovingItLaterOrEarlierCounts) {
  deadline_.on_expire([this] { ++fired_; });
  deadline_.set(SteadyClock::now() + seconds(10));
  advance(seconds(9));
  deadline_.set(SteadyClock::now() + seconds(10));
  advance(seconds(9));
  EXPECT_EQ(fired_, 0) << "the timer must not fire at the replaced time";
  deadline_.set(SteadyClock::now() + hours(5));
  deadline_.set(SteadyClock::now() + seconds(2));
  advance(seconds(2));
  EXPECT_EQ(fired_, 1) << "an earlier time must not wait for the later one";
  deadline_.set(SteadyClock::now() + seconds(1));
  advance(seconds(1));
  EXPECT_EQ(fired_, 2);
}

TEST_F(VirtualDeadlineTest, ClearingKeepsItSilent) {
  deadline_.on_expire([this] { ++fired_; });
  deadline_.set(SteadyClock::now() + seconds(1));
  deadline_.clear();
  advance(seconds(5));
  EXPECT_EQ(fired_, 0);
  deadline_.set(SteadyClock::now() + seconds(1));
  advance(seconds(1));
  EXPECT_EQ(fired_, 1);
}

TEST_F(VirtualDeadlineTest, ItsCallbackMaySetItAgain) {
  deadline_.on_expire([this] {
    if (++fired_ < 3) deadline_.set(SteadyClock::now() + seconds(1));
  });
  deadline_.set(SteadyClock::now() + seconds(1));
  for (int i = 0; i < 5; ++i) advance(seconds(1));
  EXPECT_EQ(fired_, 3);
}

TEST_F(VirtualDeadlineTest, ItsCallbackMayDestroyIt) {
  auto own = std::make_unique<Deadline>(context_.get_executor());
  own->on_expire([this, &own, text = std::string(100, 'x')] {
    own.reset();
    fired_ += text.size() == 100 ? 1 : 100;
  });
  own->set(SteadyClock::now() + seconds(1));
  advance(seconds(2));
  EXPECT_EQ(fired_, 1);
}

TEST_F(VirtualDeadlineTest, NothingIsCalledAfterDestruction) {
  auto own = std::make_unique<Deadline>(context_.get_executor());
  own->on_expire([this] { ++fired_; });
  own->set(SteadyClock::now() + seconds(1));
  own.reset();
  advance(seconds(5));
  EXPECT_EQ(fired_, 0);
}

TEST(RealDeadline, Fires) {
  asio::io_context context{1};
  Deadline deadline(context.get_executor());
  bool fired = false;
  deadline.on_expire([&fired] { fired = true; });
  const SteadyTime start = SteadyClock::now();
  deadline.set(start + milliseconds(40));
  run_until(context, [&] { return fired; });
  EXPECT_GE(SteadyClock::now() - start, milliseconds(40));
}

Task<void> count_wakes(Signal& signal, int& wakes) {
  for (;;) {
    co_await signal.wait();
    ++wakes;
  }
}

TEST(SignalTest, WakesTheWaiterAndRemembersOneNotice) {
  asio::io_context context{1};
  auto signal = std::make_unique<Signal>(context.get_executor());
  int wakes = 0;
  signal->notify();
  signal->notify();
  asio::co_spawn(context, count_wakes(*signal, wakes), [](std::exception_ptr) {});
  EXPECT_EQ(wakes, 0);
  context.poll();
  EXPECT_EQ(wakes, 1) << "two notices before the wait are one";
  signal->notify();
  EXPECT_EQ(wakes, 1) << "never inline";
  context.restart();
  context.poll();
  EXPECT_EQ(wakes, 2);
  context.restart();
  context.poll();
  EXPECT_EQ(wakes, 2);
}

}  // namespace
}  // namespace tollgate::net
