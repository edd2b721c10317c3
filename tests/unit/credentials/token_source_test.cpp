// Access tokens over in-memory connections and virtual time: expiry, renewal, failures, many who wait, clocks that
// jump.
#include "gateway/credentials/token_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <list>
#include <optional>

#include "core/log.h"
#include "tests/unit/credentials/token_host.h"

namespace tollgate::gateway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kStart = 1'800'000'000'000'000;

TokenGrant grant() {
  return *TokenGrant::entra({.tenant = "t",
                             .client_id = "app",
                             .client_secret = "client-secret-value",
                             .authority = "https://login.example.org",
                             .scope = "s"});
}

class TokenSourceTest : public testing::Test {
 protected:
  TokenSourceTest() : clock_(std::make_unique<VirtualClock>(kStart)), host_(context_) { renew_source(); }
  ~TokenSourceTest() override {
    source_.reset();
    advance(minutes(1));  // lets what runs end by its own limits
  }

  void renew_source() { source_ = std::make_unique<TokenSource>(context_, "azure", grant(), host_.dialer()); }
  void poll() {
    context_.restart();
    context_.poll();
  }
  void advance(std::chrono::nanoseconds by) {
    clock_->advance(by);
    poll();
  }

  using Answer = std::optional<Result<std::string>>;
  // Asks, and returns where the answer will be.
  Answer& ask(milliseconds patience = seconds(5)) {
    Answer& answer = answers_.emplace_back();
    asio::co_spawn(context_, keep(source_->token(SteadyClock::now() + patience), answer), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
    poll();
    return answer;
  }
  static Task<void> keep(Task<Result<std::string>> task, Answer& out) { out.emplace(co_await std::move(task)); }
  std::string token() {
    const Answer& answer = ask();
    if (!answer) return "(none yet)";
    return *answer ? **answer : answer->error().code;
  }

  std::unique_ptr<VirtualClock> clock_;
  asio::io_context context_{1};
  TokenHost host_;
  std::list<Answer> answers_;
  std::unique_ptr<TokenSource> source_;
};

TEST_F(TokenSourceTest, FetchesOnceAndKeeps) {
  host_.replies.push_back(token_reply("first", 3600));
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(token(), "first");
  advance(minutes(30));
  EXPECT_EQ(token(), "first");
  ASSERT_EQ(host_.requests.size(), 1u);
  EXPECT_EQ(host_.origins.front(), "https://login.example.org:443");
  EXPECT_TRUE(host_.requests.front().starts_with("POST /t/oauth2/v2.0/token HTTP/1.1\r\nHost: login.example.org\r\n"))
      << host_.requests.front();
  EXPECT_NE(host_.requests.front().find("Content-Type: application/x-www-form-urlencoded\r\n"), std::string::npos);
}

TEST_F(TokenSourceTest, RenewsInTheBackgroundWhileTheOldOneServes) {
  host_.replies.push_back(token_reply("first", 3600));
  EXPECT_EQ(token(), "first");
  advance(seconds(3600 * 79 / 100));
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(host_.requests.size(), 1u) << "not before 80 % of its life";
  advance(seconds(3600 * 11 / 100));
  EXPECT_EQ(token(), "first") << "the old one goes on while the new one is fetched";
  EXPECT_EQ(host_.requests.size(), 2u);
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(host_.requests.size(), 2u) << "one fetch at a time";
  host_.answer(token_reply("second", 3600));
  poll();
  EXPECT_EQ(token(), "second");
}

TEST_F(TokenSourceTest, AnExpiredTokenIsNotUsed) {
  host_.replies.push_back(token_reply("first", 100));
  EXPECT_EQ(token(), "first");
  advance(seconds(91));
  Answer& waiting = ask();
  EXPECT_FALSE(waiting) << "10 s before its end it is too late to send it";
  host_.answer(token_reply("second", 100));
  poll();
  ASSERT_TRUE(waiting && *waiting);
  EXPECT_EQ(**waiting, "second");
}

TEST_F(TokenSourceTest, ManyWaitForOneFetch) {
  std::vector<Answer*> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(&ask());
  EXPECT_EQ(host_.requests.size(), 1u);
  host_.answer(token_reply("shared", 3600));
  poll();
  for (const Answer* answer : answers) {
    ASSERT_TRUE(*answer && **answer);
    EXPECT_EQ(***answer, "shared");
  }
  EXPECT_EQ(host_.requests.size(), 1u);
}

TEST_F(TokenSourceTest, ManyShareAFailure) {
  Answer &a = ask(), &b = ask();
  host_.answer(json_reply(500, "oops"));
  poll();
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->error().code, "token_unavailable");
  EXPECT_EQ(b->error().message, "provider 'azure' has no access token: the token's host answered with status 500");
  EXPECT_EQ(host_.requests.size(), 1u);
}

TEST_F(TokenSourceTest, PausesAfterFailuresLongerEachTime) {
  milliseconds before{0};
  for (int i = 0; i < 10; ++i) {
    host_.replies.push_back(json_reply(i % 2 == 0 ? 500 : 400, R"({"error":"invalid_client"})"));
    const std::size_t count = host_.requests.size();
    const Answer& failed = ask();
    ASSERT_TRUE(failed);
    EXPECT_EQ(host_.requests.size(), count + 1);
    EXPECT_EQ(failed->error().code, i % 2 == 0 ? "token_unavailable" : "credentials_refused");
    // At once, without asking again.
    const Answer& refused = ask();
    ASSERT_TRUE(refused);
    EXPECT_EQ(host_.requests.size(), count + 1);
    const milliseconds pause = refused->error().retry_after;
    EXPECT_GT(pause.count(), 0);
    EXPECT_LE(pause, seconds(73));
    if (i > 0 && i < 5) EXPECT_GT(pause, before) << i;
    if (i > 6) EXPECT_GE(pause, seconds(48));
    before = pause;
    advance(pause + milliseconds(1));
  }
  host_.replies.push_back(token_reply("at-last", 3600));
  EXPECT_EQ(token(), "at-last");
}

TEST_F(TokenSourceTest, AFailedRenewalLeavesTheOldToken) {
  host_.replies.push_back(token_reply("first", 3600));
  EXPECT_EQ(token(), "first");
  advance(minutes(55));
  host_.unreachable = true;
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(host_.origins.size(), 2u) << "no storm of attempts";
  advance(minutes(2));
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(host_.origins.size(), 3u);
  advance(minutes(3));
  EXPECT_EQ(token(), "connect_failed") << "its life is over";
  host_.unreachable = false;
  host_.replies.push_back(token_reply("second", 3600));
  advance(minutes(2));
  EXPECT_EQ(token(), "second");
}

TEST_F(TokenSourceTest, GarbageIsAFailure) {
  for (const char* bytes : {"", "not http at all\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
                            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
                            "HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n"}) {
    renew_source();
    host_.replies.push_back(bytes);
    EXPECT_EQ(token(), "token_unavailable") << bytes;
  }
  EXPECT_EQ(host_.origins.size(), 5u) << "redirects are not followed";
  renew_source();
  host_.replies.push_back(json_reply(200, std::string(100'000, ' ')));
  EXPECT_EQ(token(), "token_unavailable") << "too long";
}

TEST_F(TokenSourceTest, ASlowHostIsGivenUp) {
  Answer &hurried = ask(seconds(2)), &patient = ask(seconds(30));
  advance(seconds(3));
  ASSERT_TRUE(hurried);
  EXPECT_EQ(hurried->error().code, "token_timeout");
  EXPECT_FALSE(patient);
  EXPECT_EQ(host_.requests.size(), 1u) << "the fetch goes on for the others";
  advance(seconds(8));
  ASSERT_TRUE(patient);
  EXPECT_EQ(patient->error().code, "token_timeout");
  EXPECT_EQ(patient->error().status, 504);
}

TEST_F(TokenSourceTest, ASlowHostThatAnswersInTimeServesThoseWhoStillWait) {
  Answer &hurried = ask(seconds(2)), &patient = ask(seconds(30));
  advance(seconds(3));
  host_.answer(token_reply("late", 3600));
  poll();
  EXPECT_FALSE(*hurried);
  ASSERT_TRUE(patient && *patient);
  EXPECT_EQ(**patient, "late");
}

TEST_F(TokenSourceTest, ASleepThatOnlyTheWallClockSaw) {
  host_.replies.push_back(token_reply("before", 3600));
  EXPECT_EQ(token(), "before");
  clock_.reset();
  clock_ = std::make_unique<VirtualClock>(kStart + std::chrono::microseconds(hours(2)).count());
  host_.replies.push_back(token_reply("after", 3600));
  EXPECT_EQ(token(), "after");
}

TEST_F(TokenSourceTest, AWallClockSetBackDoesNotProlongATokensLife) {
  host_.replies.push_back(token_reply("before", 100));
  EXPECT_EQ(token(), "before");
  clock_.reset();
  clock_ = std::make_unique<VirtualClock>(kStart - std::chrono::microseconds(hours(24)).count());
  EXPECT_EQ(token(), "before");
  host_.replies.push_back(token_reply("after", 100));
  advance(seconds(101));
  EXPECT_EQ(token(), "after");
}

TEST_F(TokenSourceTest, ARefusedTokenIsReplaced) {
  host_.replies.push_back(token_reply("revoked", 3600));
  EXPECT_EQ(token(), "revoked");
  source_->refused();
  EXPECT_EQ(token(), "revoked") << "a new one would be no better";
  advance(minutes(1));
  source_->refused();
  host_.replies.push_back(token_reply("next", 3600));
  EXPECT_EQ(token(), "next");
}

TEST_F(TokenSourceTest, DestroyedWhileSomebodyWaits) {
  Answer& waiting = ask(seconds(30));
  source_.reset();
  EXPECT_FALSE(waiting);
  host_.answer(token_reply("kept", 3600));
  poll();
  ASSERT_TRUE(waiting && *waiting);
  EXPECT_EQ(**waiting, "kept");
}

TEST_F(TokenSourceTest, NothingSecretIsLogged) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  set_log_fd(ends[1]);
  set_log_level(LogLevel::debug);
  host_.replies.push_back(token_reply("very-secret-token", 3600));
  EXPECT_EQ(token(), "very-secret-token");
  renew_source();
  host_.replies.push_back(json_reply(400, R"({"error":"invalid_client"})"));
  EXPECT_EQ(token(), "credentials_refused");
  set_log_level(LogLevel::info);
  set_log_fd(2);
  ::close(ends[1]);
  std::string logged(64u << 10, '\0');
  const ssize_t size = ::read(ends[0], logged.data(), logged.size());
  ::close(ends[0]);
  logged.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  EXPECT_NE(logged.find("cannot fetch an access token"), std::string::npos);
  EXPECT_EQ(logged.find("secret"), std::string::npos) << logged;
}

}  // namespace
}  // namespace tollgate::gateway
