// The connection against a server that does not what Redis does, and against none.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "cache/redis.h"

namespace tollgate::cache {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Sends each caller the same bytes after its first ones, then closes, or is silent until the end.
class Impostor {
 public:
  Impostor(std::string bytes, bool closes, bool again = false)
      : bytes_(std::move(bytes)),
        closes_(closes),
        again_(again),
        fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Impostor() {
    over_ = true;
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  config::RedisUrl url() const { return {.host = "127.0.0.1", .port = std::to_string(port_)}; }
  std::atomic<int> callers = 0;

 private:
  void run() {
    while (!over_) {
      const int caller = ::accept(fd_, nullptr, nullptr);
      if (caller < 0) return;
      ++callers;
      const timeval limit{0, 20'000};
      ::setsockopt(caller, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(caller, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      char in[4096];
      while (!over_ && ::recv(caller, in, sizeof in, 0) < 0) continue;
      bool open = ::send(caller, bytes_.data(), bytes_.size(), MSG_NOSIGNAL) > 0;
      while (!over_ && open && !closes_) {
        if (again_) {
          open = ::send(caller, bytes_.data(), bytes_.size(), MSG_NOSIGNAL) > 0;
        } else {
          open = ::recv(caller, in, sizeof in, 0) != 0;
        }
      }
      ::close(caller);
    }
  }

  const std::string bytes_;
  const bool closes_, again_;
  const int fd_;
  int port_ = 0;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

const RedisOptions kHasty{.connect = 2s, .command = 100ms, .max_value = 1u << 20, .pause = 1ms, .max_pause = 2ms};

std::string code_of(Impostor& impostor) {
  Redis redis(impostor.url(), kHasty);
  const auto begun = Clock::now();
  const auto got = redis.get("k");
  EXPECT_LT(Clock::now() - begun, 5s);
  EXPECT_FALSE(got);
  return got ? std::string() : got.error().code;
}

TEST(RedisTrouble, HalfAnAnswer) {
  for (const char* half : {"$", "$5", "$5\r\n", "$5\r\nabc", "$5\r\nabcde", "$5\r\nabcde\r", "+O", "-ER", ":1"}) {
    Impostor closing(half, true), silent(half, false);
    EXPECT_EQ(code_of(closing), "redis_down") << half;
    EXPECT_EQ(code_of(silent), "redis_timeout") << half;
  }
}

TEST(RedisTrouble, AnotherProtocol) {
  for (const char* other : {"HTTP/1.1 400 Bad Request\r\n\r\n", "*1000000000\r\n", "*-1\r\n", "$x\r\n", "%1\r\n",
                            "$2\r\nab\r\n+more\r\n"}) {
    Impostor impostor(other, false);
    EXPECT_EQ(code_of(impostor), "bad_reply") << other;
  }
  Impostor status("+OK\r\n", false), number(":7\r\n", false);
  EXPECT_EQ(code_of(status), "bad_reply");
  EXPECT_EQ(code_of(number), "bad_reply");
}

TEST(RedisTrouble, AFloodEndsAtTheBound) {
  Impostor flood("$900000000\r\n" + std::string(300'000, 'x'), false, true);
  const std::string code = code_of(flood);
  EXPECT_TRUE(code == "bad_reply" || code == "redis_timeout") << code;
}

TEST(RedisTrouble, PausesGrowAndCallsFailAtOnceMeanwhile) {
  Impostor impostor("", true);
  Redis redis(impostor.url(), {.connect = 2s, .command = 2s, .pause = 20ms, .max_pause = 80ms});
  const auto begun = Clock::now();
  int calls = 0;
  for (; Clock::now() - begun < 500ms; ++calls) EXPECT_FALSE(redis.get("k"));
  EXPECT_GT(calls, 1'000);
  EXPECT_GE(impostor.callers, 3);
  EXPECT_LE(impostor.callers, 10) << "after 0, 20, 60, 140, 220 ms and so on";
}

TEST(RedisTrouble, NobodyThere) {
  int port = 0;
  {
    Impostor gone("", true);
    port = std::stoi(gone.url().port);
  }
  Redis refused({.host = "127.0.0.1", .port = std::to_string(port)}, kHasty);
  EXPECT_EQ(refused.get("k").error().code, "redis_down");
  Redis unknown({.host = "no-such-host.invalid"}, {.connect = 200ms, .command = 200ms});
  const auto begun = Clock::now();
  EXPECT_EQ(unknown.get("k").error().code, "redis_down");
  EXPECT_LT(Clock::now() - begun, 5s);
}

}  // namespace
}  // namespace tollgate::cache
