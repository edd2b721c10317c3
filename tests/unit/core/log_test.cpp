#include "core/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/json_dom.h"

namespace tollgate {
namespace {

// Sends the log into a pipe while it lives.
class Capture {
 public:
  Capture() {
    if (pipe2(fds_.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    fcntl(fds_[0], F_SETFL, O_NONBLOCK);
    set_log_fd(fds_[1]);
  }
  ~Capture() {
    set_log_fd(2);
    set_log_level(LogLevel::info);
    close(fds_[0]);
    close(fds_[1]);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  std::string text() {
    std::string out;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = read(fds_[0], buffer.data(), buffer.size())) > 0;)
      out.append(buffer.data(), static_cast<std::size_t>(n));
    return out;
  }
  std::vector<Json> lines() {
    std::vector<Json> out;
    std::string all = text();
    for (std::size_t at = 0, end = 0; (end = all.find('\n', at)) != std::string::npos; at = end + 1) {
      auto parsed = parse_json_dom(std::string_view(all).substr(at, end - at));
      EXPECT_TRUE(parsed.has_value()) << all.substr(at, end - at);
      if (parsed) out.push_back(*std::move(parsed));
    }
    return out;
  }

 private:
  std::array<int, 2> fds_{};
};

TEST(Log, WritesOneObjectALine) {
  const VirtualClock clock(1'700'000'000'000'042);
  Capture capture;
  log_info("hello \"you\"", {{"text", "a\nb"}, {"count", std::int64_t{-3}}, {"ratio", 0.5}, {"ok", true}});
  EXPECT_EQ(
      capture.text(),
      "{\"ts\":\"2023-11-14T22:13:20.000042Z\",\"level\":\"info\",\"msg\":\"hello \\\"you\\\"\",\"text\":\"a\\nb\","
      "\"count\":-3,\"ratio\":0.5,\"ok\":true}\n");
}

TEST(Log, LevelsFilter) {
  Capture capture;
  log_debug("level a");
  set_log_level(LogLevel::error);
  log_warn("level b");
  log_error("level c");
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["level"], "error");
  LogLevel level = LogLevel::info;
  EXPECT_TRUE(log_level_from_name("debug", level));
  EXPECT_EQ(level, LogLevel::debug);
  EXPECT_FALSE(log_level_from_name("verbose", level));
}

TEST(Log, SecretsNeverAppear) {
  redact_secret("sk-secret");
  redact_secret("sk-secret-and-longer");
  redact_secret("quo\"te\\d");
  redact_secret("987654321");
  redact_secret("short");
  Capture capture;
  log_info("key sk-secret-and-longer", {{"a", "x sk-secret y sk-secret"},
                                        {"b", "quo\"te\\d"},
                                        {"c", R"({"raw":"quo\"te\\d"})"},
                                        {"n", std::int64_t{9876543210}},
                                        {"sk-secret", "short"}});
  const std::string text = capture.text();
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_EQ(text.find("longer"), std::string::npos) << text;
  EXPECT_EQ(text.find("quo"), std::string::npos) << text;
  EXPECT_EQ(text.find("987654321"), std::string::npos) << text;
  EXPECT_NE(text.find("short"), std::string::npos) << "too short to be a secret";
  EXPECT_TRUE(parse_json_dom(text).has_value());
  EXPECT_EQ(redacted("Bearer sk-secret!"), "Bearer ***!");
}

TEST(Log, RepeatsAreLimitedAndCounted) {
  VirtualClock clock(1'700'000'000'000'000);
  Capture capture;
  for (int i = 0; i < 50; ++i) log_info("repeated message");
  log_info("another message");
  EXPECT_EQ(capture.lines().size(), 21u);
  clock.advance(std::chrono::milliseconds(1001));
  log_info("repeated message");
  log_info("repeated message");
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["suppressed"], 30);
  EXPECT_FALSE(lines[1].contains("suppressed"));
}

TEST(Log, ManyDifferentMessagesStayBounded) {
  Capture capture;
  for (int i = 0; i < 5000; ++i) {
    log_info("message number " + std::to_string(i));
    if (i % 100 == 0) (void)capture.text();
  }
  (void)capture.text();
  log_info("after many messages");
  EXPECT_EQ(capture.lines().size(), 1u);
}

TEST(Log, LongValuesAreCutAndLinesBounded) {
  Capture capture;
  const std::string big(100'000, 'x');
  const std::string control(100'000, '\x01');
  log_info(big, {{"a", big}});
  log_info(control, {{"a", control}, {"b", control}, {"c", big}, {"d", big}, {"e", big}, {"f", "end"}});
  log_info("broken \xff utf8 \xe2\x82");
  const std::string text = capture.text();
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    EXPECT_LE(end + 1 - at, 4096u);
    EXPECT_TRUE(parse_json_dom(std::string_view(text).substr(at, end - at)).has_value());
  }
  EXPECT_NE(text.find("\"truncated\":true"), std::string::npos);
}

TEST(Log, AFullPipeDropsInsteadOfBlocking) {
  Capture capture;
  const std::string big(1000, 'x');
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 400; ++i) log_info("filling " + std::to_string(i), {{"a", big}, {"b", big}});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  const auto kept = capture.lines().size();
  EXPECT_LT(kept, 400u);
  log_info("drained");
  log_info("drained again");
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["dropped"], 400 - kept);
  EXPECT_FALSE(lines[1].contains("dropped"));
}

TEST(Log, ASocketThatIsFullOrClosedDropsToo) {
  std::array<int, 2> fds{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
  set_log_fd(fds[0]);
  for (int i = 0; i < 2000; ++i)
    log_info("socket " + std::to_string(i), {{"a", std::string_view("filling the buffer")}});
  close(fds[1]);
  log_info("nobody listens");
  set_log_fd(2);
  close(fds[0]);
  Capture capture;
  log_info("heard again");
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_GE(lines[0]["dropped"].get<int>(), 1);
}

TEST(Log, ThreadsWriteWholeLines) {
  Capture capture;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 20; ++i) log_info("thread " + std::to_string(t), {{"i", std::int64_t{i}}});
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(capture.lines().size(), 80u);
}

}  // namespace
}  // namespace tollgate
