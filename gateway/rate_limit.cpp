#include "gateway/rate_limit.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace tollgate::gateway {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kDay{86'400'000};
constexpr std::int64_t kEarliestEpoch = 1'000'000'000;  // a larger number of seconds is a time, not a wait

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc{} || value < 0) return std::nullopt;
  return value;
}

// Until a UTC time written by `format`; never negative.
std::optional<milliseconds> until(std::string_view text, const char* format, std::int64_t now_us) {
  std::tm parts{};
  const std::string copy(text);
  if (::strptime(copy.c_str(), format, &parts) == nullptr) return std::nullopt;
  const std::int64_t at_us = static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000;
  return milliseconds(std::max<std::int64_t>(0, at_us - now_us) / 1'000);
}

std::optional<milliseconds> read_reset(std::string_view text, std::int64_t now_us) {
  if (text.find('T') != std::string_view::npos) return until(text, "%Y-%m-%dT%H:%M:%S", now_us);
  if (const auto number = integer(text); number && *number >= kEarliestEpoch) {
    const std::int64_t seconds = *number >= kEarliestEpoch * 1'000 ? *number / 1'000 : *number;
    return milliseconds(std::max<std::int64_t>(0, seconds * 1'000 - now_us / 1'000));
  }
  return parse_duration(text);
}

struct Names {
  const char *limit, *remaining, *reset;
};
// In the order of preference.
constexpr Names kRequests[] = {
    {"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
    {"anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining",
     "anthropic-ratelimit-requests-reset"},
    {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"},
};
constexpr Names kTokens[] = {
    {"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"},
    {"anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"},
    {"x-ratelimitbysize-limit-minute", "x-ratelimitbysize-remaining-minute", "ratelimitbysize-reset"},
};

RateWindow read_window(const http::Head& head, std::span<const Names> forms, std::int64_t now_us) {
  RateWindow window;
  for (const Names& names : forms) {
    if (const auto text = head.find(names.limit)) window.limit = integer(*text);
    if (const auto text = head.find(names.remaining)) window.remaining = integer(*text);
    if (const auto text = head.find(names.reset)) window.reset = read_reset(*text, now_us);
    if (!window.empty()) break;
  }
  return window;
}

std::string rfc3339(std::int64_t micros) {
  const std::time_t seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

void write_window(std::string& out, const RateWindow& window, const Names& names, ApiFamily family,
                  std::int64_t now_us) {
  if (window.limit) http::write_header(out, names.limit, std::to_string(*window.limit));
  if (window.remaining) http::write_header(out, names.remaining, std::to_string(*window.remaining));
  if (!window.reset) return;
  const std::int64_t ms = window.reset->count();
  http::write_header(
      out, names.reset,
      family == ApiFamily::anthropic ? rfc3339(now_us + ms * 1'000 + 999'999) : std::to_string(ms) + "ms");
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double ms;
  };
  constexpr Unit kUnits[] = {{"ms", 1}, {"us", 0.001}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}};
  double total = 0;
  bool any = false;
  while (!text.empty()) {
    double value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (end.ec != std::errc{} || !(value >= 0) || value > 1e12) return std::nullopt;  // nan and inf are read, too
    text.remove_prefix(static_cast<std::size_t>(end.ptr - text.data()));
    double scale = 0;
    for (const Unit& unit : kUnits) {
      if (!text.starts_with(unit.name)) continue;
      scale = unit.ms;
      text.remove_prefix(unit.name.size());
      break;
    }
    if (scale == 0 && (any || !text.empty())) return std::nullopt;
    if (scale == 0) scale = 1'000;  // a bare number is seconds
    total += value * scale;
    any = true;
  }
  if (!any || total > static_cast<double>(kDay.count())) return any ? std::optional(kDay) : std::nullopt;
  return milliseconds(static_cast<std::int64_t>(total));
}

RateLimits read_rate_limits(const http::Head& head, std::int64_t now_us) {
  return {.requests = read_window(head, kRequests, now_us), .tokens = read_window(head, kTokens, now_us)};
}

milliseconds retry_after_of(const http::Head& head, std::int64_t now_us) {
  if (const auto text = head.find("retry-after-ms"))
    if (const auto ms = integer(*text)) return std::min(milliseconds(*ms), kDay);
  if (const auto text = head.find("retry-after")) {
    if (const auto wait = parse_duration(*text)) return *wait;
    if (const auto wait = until(*text, "%a, %d %b %Y %H:%M:%S GMT", now_us)) return std::min(*wait, kDay);
  }
  milliseconds wait{0};
  const RateLimits limits = read_rate_limits(head, now_us);
  for (const RateWindow* window : {&limits.requests, &limits.tokens})
    if (window->remaining == 0 && window->reset) wait = std::max(wait, *window->reset);
  return std::min(wait, kDay);
}

void write_rate_limits(std::string& out, const RateLimits& limits, ApiFamily family, std::int64_t now_us) {
  if (family == ApiFamily::google) return;
  const std::size_t form = family == ApiFamily::anthropic ? 1 : 0;
  write_window(out, limits.requests, kRequests[form], family, now_us);
  write_window(out, limits.tokens, kTokens[form], family, now_us);
}

}  // namespace tollgate::gateway
