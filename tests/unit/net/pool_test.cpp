// The keep-alive pool over in-memory connections and virtual time.
#include <deque>

#include "core/json.h"
#include "core/net/client.h"
#include "tests/unit/net/net_fixture.h"

namespace tollgate::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Hands out pipes and keeps the far ends.
struct FakeDialer final : Dialer {
  FakeDialer(asio::io_context& c, std::deque<std::unique_ptr<Stream>>& p) : context(c), peers(p) {}
  Task<Result<std::unique_ptr<Stream>>> dial(const Origin& origin, SteadyTime) override {
    if (origin.host == "down") co_return Error{ErrorKind::retry_elsewhere, 502, "connect_failed", "down", {}};
    auto [near, far] = make_pipe(context);
    peers.push_back(std::move(far));
    co_return std::move(near);
  }
  asio::io_context& context;
  std::deque<std::unique_ptr<Stream>>& peers;
};

Origin origin_of(const std::string& host) {
  Origin origin;
  origin.host = host;
  origin.port = "80";
  return origin;
}

class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    options_.max_idle_per_origin = 3;
    options_.idle_timeout = seconds(30);
    pool_ = std::make_unique<Pool>(context_, std::make_unique<FakeDialer>(context_, peers_), options_);
  }
  Lease acquire(const std::string& host = "a", bool fresh = false) {
    Result<Lease> lease = run(context_, pool_->acquire(origins_.emplace_back(origin_of(host)), soon(), fresh));
    EXPECT_TRUE(lease);
    return std::move(lease).value();
  }
  void advance(std::chrono::nanoseconds by) {
    clock_.advance(by);
    context_.restart();
    context_.poll();
  }
  VirtualClock clock_{1'700'000'000'000'000};
  asio::io_context context_{1};
  std::deque<Origin> origins_;
  std::deque<std::unique_ptr<Stream>> peers_;
  PoolOptions options_;
  std::unique_ptr<Pool> pool_;
};

TEST_F(PoolTest, GivesBackAndReusesTheNewest) {
  Lease first = acquire(), second = acquire();
  EXPECT_FALSE(first.reused());
  EXPECT_GE(first->buffer.size(), (16u << 10) + kJsonPadding);
  Stream* newest = second->stream.get();
  first.give_back();
  EXPECT_FALSE(first);
  advance(milliseconds(10));
  second.give_back();
  EXPECT_EQ(pool_->idle_count(), 2u);
  Lease again = acquire();
  EXPECT_TRUE(again.reused());
  EXPECT_EQ(again->stream.get(), newest);
  EXPECT_EQ(pool_->idle_count(), 1u);
}

TEST_F(PoolTest, OriginsDoNotMix) {
  acquire("a").give_back();
  EXPECT_FALSE(acquire("b").reused());
  EXPECT_EQ(pool_->idle_count(), 1u);
}

TEST_F(PoolTest, FreshIsNeverAnIdleOne) {
  acquire().give_back();
  Lease fresh = acquire("a", true);
  EXPECT_FALSE(fresh.reused());
  EXPECT_EQ(pool_->idle_count(), 1u);
}

TEST_F(PoolTest, ADroppedLeaseClosesItsConnection) {
  {
    Lease lease = acquire();
  }
  EXPECT_EQ(pool_->idle_count(), 0u);
  EXPECT_FALSE(peers_.front()->looks_alive());
}

TEST_F(PoolTest, AssigningALeaseClosesTheOldConnection) {
  Lease lease = acquire();
  lease = acquire();
  EXPECT_FALSE(peers_[0]->looks_alive());
  EXPECT_TRUE(peers_[1]->looks_alive());
}

TEST_F(PoolTest, BytesLeftBehindAReplyEndTheConnection) {
  Lease lease = acquire();
  lease->end = 3;
  lease.give_back();
  EXPECT_EQ(pool_->idle_count(), 0u);
  EXPECT_FALSE(peers_.front()->looks_alive());
}

TEST_F(PoolTest, KeepsNoMoreThanTheLimit) {
  std::vector<Lease> leases;
  for (int i = 0; i < 5; ++i) leases.push_back(acquire());
  for (Lease& lease : leases) lease.give_back();
  EXPECT_EQ(pool_->idle_count(), 3u);
  EXPECT_FALSE(peers_[0]->looks_alive()) << "the oldest goes first";
  EXPECT_TRUE(peers_[4]->looks_alive());
}

TEST_F(PoolTest, IdleConnectionsAreSweptAway) {
  acquire("a").give_back();
  advance(seconds(20));
  acquire("b").give_back();
  EXPECT_EQ(pool_->idle_count(), 2u);
  advance(seconds(10));
  EXPECT_EQ(pool_->idle_count(), 1u);
  advance(seconds(20));
  EXPECT_EQ(pool_->idle_count(), 0u);
  acquire("a").give_back();
  advance(seconds(31));
  EXPECT_EQ(pool_->idle_count(), 0u) << "the sweeper must run again";
}

TEST_F(PoolTest, AConnectionThatDiedWhileIdleIsNotUsed) {
  acquire().give_back();
  advance(seconds(2));
  peers_.front()->close();
  EXPECT_FALSE(acquire().reused());
}

TEST_F(PoolTest, AConnectionWithBytesNobodyAskedForIsNotUsed) {
  acquire().give_back();
  advance(seconds(2));
  EXPECT_TRUE(run(context_, peers_.front()->write_all("HTTP/1.1 408 Request Timeout\r\n\r\n")));
  EXPECT_FALSE(acquire().reused());
}

TEST_F(PoolTest, ABigBufferIsNotKept) {
  Lease lease = acquire();
  lease->buffer.resize(8u << 20);
  lease.give_back();
  EXPECT_LT(acquire()->buffer.capacity(), 128u << 10);
}

TEST_F(PoolTest, DialErrorsComeThrough) {
  const Origin down = origin_of("down");
  EXPECT_EQ(run(context_, pool_->acquire(down, soon())).error().code, "connect_failed");
}

TEST_F(PoolTest, CloseIdleDropsAll) {
  acquire("a").give_back();
  acquire("b").give_back();
  pool_->close_idle();
  EXPECT_EQ(pool_->idle_count(), 0u);
  EXPECT_FALSE(peers_[0]->looks_alive());
}

}  // namespace
}  // namespace tollgate::net
