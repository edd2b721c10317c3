// The connection against a real server.
#include "cache/redis.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "core/log.h"
#include "tests/support/private_redis.h"
#include "tests/unit/net/certificates.h"

namespace tollgate::cache {
namespace {

using namespace std::chrono_literals;
using test::PrivateRedis;
using Clock = std::chrono::steady_clock;

config::RedisUrl parsed(const std::string& url) {
  auto result = config::parse_redis_url(url);
  EXPECT_TRUE(result) << url;
  return result ? *result : config::RedisUrl{};
}

// What is logged meanwhile.
class Log {
 public:
  Log() : fd_(::memfd_create("log", MFD_CLOEXEC)) { set_log_fd(fd_); }
  ~Log() {
    set_log_fd(2);
    ::close(fd_);
  }
  std::string text() const {
    std::string all(static_cast<std::size_t>(::lseek(fd_, 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd_, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    return all;
  }

 private:
  int fd_;
};

class RedisServer : public ::testing::Test {
 protected:
  void SetUp() override { begin({}); }
  void begin(std::vector<std::string> arguments, bool tls = false) {
    server.reset();
    std::string reason;
    server = PrivateRedis::start(&reason, std::move(arguments), tls);
    if (!server) GTEST_SKIP() << reason;
  }
  std::unique_ptr<PrivateRedis> server;
  RedisOptions patient{.connect = 10s, .command = 10s, .pause = 20ms, .max_pause = 100ms};
};

TEST_F(RedisServer, ValuesGoAndCome) {
  Redis redis(parsed(server->url()), patient);
  std::string large(2u << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 + i / 977);
  for (const std::string& value : {std::string("v"), std::string(), std::string("\r\n\0$", 4), large}) {
    ASSERT_TRUE(redis.set("k", value, 1h));
    const auto got = redis.get("k");
    ASSERT_TRUE(got && got->has_value());
    EXPECT_EQ(**got, value);
  }
  const auto none = redis.get("nobody");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
}

TEST_F(RedisServer, ValuesEndAfterTheirTime) {
  Redis redis(parsed(server->url()), patient);
  ASSERT_TRUE(redis.set("k", "v", 30ms));
  ASSERT_TRUE(redis.set("long", "v", 1h));
  std::this_thread::sleep_for(80ms);
  EXPECT_FALSE(redis.get("k")->has_value());
  EXPECT_TRUE(redis.get("long")->has_value());
  EXPECT_TRUE(server->say("PTTL long").starts_with(":3")) << "milliseconds of an hour";
}

TEST_F(RedisServer, TooLargeIsRefusedInBothDirections) {
  RedisOptions small = patient;
  small.max_value = 1'000;
  Redis redis(parsed(server->url()), small), other(parsed(server->url()), patient);
  EXPECT_EQ(redis.set("k", std::string(1'001, 'x'), 1h).error().code, "value_too_large");
  ASSERT_TRUE(other.set("k", std::string(500'000, 'x'), 1h));
  EXPECT_EQ(redis.get("k").error().code, "bad_reply");
  std::this_thread::sleep_for(50ms);
  ASSERT_TRUE(redis.set("k", std::string(1'000, 'x'), 1h)) << "it connects anew";
  EXPECT_EQ(redis.get("k")->value().size(), 1'000u);
}

TEST_F(RedisServer, ErrorsOfTheServerAreToldAndTheConnectionStays) {
  Redis redis(parsed(server->url()), patient);
  EXPECT_EQ(server->say("RPUSH list a"), ":1");
  const auto got = redis.get("list");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "redis_refused");
  EXPECT_NE(got.error().message.find("WRONGTYPE"), std::string::npos);
  ASSERT_TRUE(redis.set("k", "v", 1h));
  EXPECT_EQ(**redis.get("k"), "v");
}

TEST_F(RedisServer, PasswordsUsersAndDatabases) {
  begin({"--requirepass", "first pass"});
  if (!server) return;
  Redis redis(parsed(server->url(":first%20pass@") + "/3"), patient);
  ASSERT_TRUE(redis.set("k", "v", 1h));
  Redis named(parsed(server->url("default:first%20pass@") + "/3"), patient);
  EXPECT_EQ(**named.get("k"), "v");
  Redis elsewhere(parsed(server->url(":first%20pass@")), patient);
  EXPECT_FALSE(elsewhere.get("k")->has_value());
}

TEST_F(RedisServer, AWrongPasswordIsToldOnceAndNeverShown) {
  begin({"--requirepass", "right-password"});
  if (!server) return;
  Log log;
  Redis redis(parsed(server->url(":wrong-password@")), patient);
  const auto got = redis.get("k");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "redis_refused");
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(25ms);
    EXPECT_FALSE(redis.get("k"));
  }
  Redis without(parsed(server->url()), patient);
  EXPECT_EQ(without.get("k").error().code, "redis_refused") << "NOAUTH";
  const std::string text = log.text();
  EXPECT_NE(text.find("WRONGPASS"), std::string::npos);
  EXPECT_EQ(text.find("WRONGPASS"), text.rfind("WRONGPASS")) << text;
  EXPECT_EQ((got.error().message + text).find("wrong-password"), std::string::npos);
}

TEST_F(RedisServer, AStuckServerCostsTheDeadlineAndAnswersMixUpNothing) {
  RedisOptions hasty{.connect = 300ms, .command = 150ms, .pause = 50ms, .max_pause = 100ms};
  Redis redis(parsed(server->url()), hasty);
  ASSERT_TRUE(redis.set("a", "A", 1h));
  ASSERT_TRUE(redis.set("b", "B", 1h));
  server->freeze();
  const auto begun = Clock::now();
  EXPECT_EQ(redis.get("a").error().code, "redis_timeout");
  EXPECT_GE(Clock::now() - begun, 150ms);
  EXPECT_LT(Clock::now() - begun, 3s);
  EXPECT_EQ(redis.get("a").error().code, "redis_down") << "told at once during the pause";
  std::this_thread::sleep_for(60ms);
  EXPECT_EQ(redis.get("a").error().code, "redis_timeout") << "a frozen server still accepts";
  server->thaw();
  for (int i = 0; i < 200 && !redis.get("b"); ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(**redis.get("b"), "B");
}

TEST_F(RedisServer, AServerThatComesBackIsFoundAgain) {
  Log log;
  Redis redis(parsed(server->url()), patient);
  ASSERT_TRUE(redis.set("k", "v", 1h));
  server->stop();
  EXPECT_FALSE(redis.get("k"));
  const auto begun = Clock::now();
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(redis.get("k"));
  EXPECT_LT(Clock::now() - begun, 5s);
  ASSERT_TRUE(server->restart());
  for (int i = 0; i < 200 && !redis.get("k"); ++i) std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(redis.get("k")->has_value()) << "it kept nothing";
  ASSERT_TRUE(redis.set("k", "w", 1h));
  EXPECT_EQ(**redis.get("k"), "w");
  const std::string text = log.text();
  EXPECT_NE(text.find("out of reach"), std::string::npos);
  EXPECT_EQ(text.find("out of reach"), text.rfind("out of reach")) << "said once";
  EXPECT_NE(text.find("answers again"), std::string::npos);
}

TEST_F(RedisServer, AServerThatRestartedBetweenTwoCallsCostsNone) {
  Redis redis(parsed(server->url()), patient);
  ASSERT_TRUE(redis.set("k", "v", 1h));
  server->stop();
  ASSERT_TRUE(server->restart());
  const auto got = redis.get("k");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_FALSE(got->has_value());
}

TEST_F(RedisServer, TlsIsVerified) {
  net::Authority authority("redis-authority"), stranger("redis-stranger");
  const net::Leaf leaf = authority.issue("server", "IP:127.0.0.1", -3600, 3600);
  begin({"--tls-cert-file", leaf.cert_file, "--tls-key-file", leaf.key_file, "--tls-ca-cert-file", authority.ca_file(),
         "--requirepass", "secret"},
        true);
  if (!server) return;
  Redis redis(parsed(server->url(":secret@") + "/1?ca=" + authority.ca_file()), patient);
  ASSERT_TRUE(redis.set("k", std::string(1u << 20, 't'), 1h));
  EXPECT_EQ(redis.get("k")->value().size(), 1u << 20);
  for (const std::string& ca : {std::string(), "?ca=" + stranger.ca_file()}) {
    Redis other(parsed(server->url(":secret@") + ca), patient);
    const auto got = other.get("k");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, "redis_down");
    EXPECT_NE(got.error().message.find("certificate"), std::string::npos) << got.error().message;
  }
  config::RedisUrl plain = parsed(server->url(":secret@") + "?ca=" + authority.ca_file());
  plain.tls = false;
  EXPECT_FALSE(Redis(plain, patient).get("k"));
}

}  // namespace
}  // namespace tollgate::cache
