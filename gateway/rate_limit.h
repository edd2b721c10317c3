// A vendor's rate limits as its reply headers tell them, and the same in the headers of a caller's own API. Pure.
// Forms: OpenAI and most others (x-ratelimit-{limit,remaining,reset}-{requests,tokens}, resets as "6m0s"), Anthropic
// (anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}, resets as RFC 3339 times), plain x-ratelimit-{limit,
// remaining,reset} (OpenRouter, GitHub), Retry-After (RFC 9110 10.2.3) and retry-after-ms. Thread rule: anywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/http.h"
#include "gateway/surface.h"

namespace tollgate::gateway {

struct RateWindow {
  std::optional<std::int64_t> limit, remaining;
  std::optional<std::chrono::milliseconds> reset;  // from now
  bool empty() const { return !limit && !remaining && !reset; }
};
struct RateLimits {
  RateWindow requests, tokens;
  bool empty() const { return requests.empty() && tokens.empty(); }
};

// `now_us`: wall time, for resets given as times.
RateLimits read_rate_limits(const http::Head& head, std::int64_t now_us);
// When to come again: Retry-After in seconds or as a date, retry-after-ms, else the reset of a window that is used up;
// 0 = not said. At most a day.
std::chrono::milliseconds retry_after_of(const http::Head& head, std::int64_t now_us);
// Appends header lines as callers of `family` know them; nothing for Google's, which have none.
void write_rate_limits(std::string& out, const RateLimits& limits, ApiFamily family, std::int64_t now_us);

// "6m0s", "1.5s", "20ms", "2h3m" (Go durations, as OpenAI writes them), or a plain number of seconds.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace tollgate::gateway
