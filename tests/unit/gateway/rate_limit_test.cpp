#include "gateway/rate_limit.h"

#include <gtest/gtest.h>

namespace tollgate::gateway {
namespace {

using std::chrono::milliseconds;
constexpr std::int64_t kNow = 1'763'700'000'000'000;  // 2025-11-21T04:40:00Z

// A head with these header lines; `text` must outlive it.
http::Head head_of(const std::string& text) {
  http::Head head;
  EXPECT_TRUE(http::parse_response(text, false, http::Limits{}, head));
  return head;
}

std::string reply_with(const std::string& lines) {
  return "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n" + lines + "\r\n";
}

TEST(Durations, GoFormSecondsAndNonsense) {
  EXPECT_EQ(parse_duration("6m0s"), milliseconds(360'000));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1'500));
  EXPECT_EQ(parse_duration("20ms"), milliseconds(20));
  EXPECT_EQ(parse_duration("1h2m3s"), milliseconds(3'723'000));
  EXPECT_EQ(parse_duration("12"), milliseconds(12'000));
  EXPECT_EQ(parse_duration("0.25"), milliseconds(250));
  EXPECT_EQ(parse_duration("999h"), milliseconds(86'400'000));
  for (const char* bad : {"", "s", "-1", "1x", "5s3", "1.2.3", "nan", "inf"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(RetryAfter, SecondsMillisecondsDatesAndUsedUpWindows) {
  const auto wait = [](const std::string& lines) { return retry_after_of(head_of(reply_with(lines)), kNow); };
  EXPECT_EQ(wait("retry-after: 7\r\n"), milliseconds(7'000));
  EXPECT_EQ(wait("retry-after-ms: 1500\r\nretry-after: 2\r\n"), milliseconds(1'500));
  EXPECT_EQ(wait("Retry-After: Fri, 21 Nov 2025 04:40:30 GMT\r\n"), milliseconds(30'000));
  EXPECT_EQ(wait("Retry-After: Fri, 21 Nov 2025 04:00:00 GMT\r\n"), milliseconds(0));
  EXPECT_EQ(wait("x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1m2s\r\n"), milliseconds(62'000));
  EXPECT_EQ(wait("x-ratelimit-remaining-requests: 3\r\nx-ratelimit-reset-requests: 1m2s\r\n"), milliseconds(0));
  EXPECT_EQ(
      wait("anthropic-ratelimit-tokens-remaining: 0\r\nanthropic-ratelimit-tokens-reset: 2025-11-21T04:40:09Z\r\n"),
      milliseconds(9'000));
  EXPECT_EQ(wait("retry-after: soon\r\n"), milliseconds(0));
}

TEST(RateLimits, CrossFromOneFamilyToAnother) {
  const std::string openai = reply_with(
      "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 59\r\nx-ratelimit-reset-requests: 1s\r\n"
      "x-ratelimit-limit-tokens: 1000\r\nx-ratelimit-remaining-tokens: 10\r\nx-ratelimit-reset-tokens: 2m\r\n");
  const RateLimits limits = read_rate_limits(head_of(openai), kNow);
  EXPECT_EQ(limits.requests.limit, 60);
  EXPECT_EQ(limits.requests.remaining, 59);
  EXPECT_EQ(limits.tokens.reset, milliseconds(120'000));
  std::string lines;
  write_rate_limits(lines, limits, ApiFamily::anthropic, kNow);
  EXPECT_NE(lines.find("anthropic-ratelimit-requests-remaining: 59\r\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find("anthropic-ratelimit-tokens-reset: 2025-11-21T04:42:00Z\r\n"), std::string::npos) << lines;
  const RateLimits again = read_rate_limits(head_of(reply_with(lines)), kNow);
  std::string back;
  write_rate_limits(back, again, ApiFamily::openai, kNow);
  EXPECT_NE(back.find("x-ratelimit-remaining-tokens: 10\r\n"), std::string::npos) << back;
  EXPECT_NE(back.find("x-ratelimit-reset-tokens: 120000ms\r\n"), std::string::npos) << back;
  lines.clear();
  write_rate_limits(lines, limits, ApiFamily::google, kNow);
  EXPECT_EQ(lines, "");
}

}  // namespace
}  // namespace tollgate::gateway
