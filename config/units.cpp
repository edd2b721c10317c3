// Sizes, durations and dates. Pure.
#include "config/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

namespace tollgate::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 7> kByteUnits{{{"GiB", 1LL << 30},
                                          {"MiB", 1LL << 20},
                                          {"KiB", 1LL << 10},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"kB", 1'000},
                                          {"B", 1}}};
constexpr std::array<Unit, 5> kTimeUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

template <std::size_t N>
std::optional<std::int64_t> scaled(std::string_view text, const std::array<Unit, N>& units) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos || digits == 0) return std::nullopt;
  const auto number = parse_integer(text.substr(0, digits));
  const std::string_view name = text.substr(digits);
  for (const Unit& unit : units) {
    std::int64_t value = 0;
    if (unit.name != name || !number) continue;
    if (__builtin_mul_overflow(*number, unit.factor, &value)) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

// Exactly text.size() decimal digits.
std::optional<int> digits(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::int64_t kDayUs = 86'400'000'000;

// "HH:MM:SSZ" -> microseconds of the day.
std::optional<std::int64_t> parse_clock_us(std::string_view text) {
  if (text.size() != 9 || text[2] != ':' || text[5] != ':' || text[8] != 'Z') return std::nullopt;
  const auto h = digits(text.substr(0, 2)), m = digits(text.substr(3, 2)), s = digits(text.substr(6, 2));
  if (!h || !m || !s || *h > 23 || *m > 59 || *s > 59) return std::nullopt;
  return (*h * 3600LL + *m * 60LL + *s) * 1'000'000LL;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  if (const auto plain = parse_integer(text); plain && *plain >= 0) return plain;
  return scaled(text, kByteUnits);
}

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
  if (text == "0") return 0;
  return scaled(text, kTimeUnits);
}

std::optional<std::int64_t> parse_time_us(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto y = digits(text.substr(0, 4)), m = digits(text.substr(5, 2)), d = digits(text.substr(8, 2));
  if (!y || !m || !d) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*m)),
                                         std::chrono::day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t midnight = std::chrono::sys_days(date).time_since_epoch().count() * kDayUs;
  if (text.size() == 10) return midnight;
  const auto clock = text[10] == 'T' ? parse_clock_us(text.substr(11)) : std::nullopt;
  if (!clock) return std::nullopt;
  return midnight + *clock;
}

std::optional<int> parse_minutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto h = digits(text.substr(0, 2)), m = digits(text.substr(3, 2));
  if (!h || !m || *m > 59 || *h * 60 + *m > 1440) return std::nullopt;
  return *h * 60 + *m;
}

std::string format_bytes(std::int64_t bytes) {
  for (const Unit& unit : kByteUnits) {
    if (unit.factor > 1 && bytes >= unit.factor && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}", bytes);
}

std::string format_duration(std::int64_t ms) {
  if (ms == 0) return "0";
  for (const Unit& unit : kTimeUnits) {
    if (ms % unit.factor == 0) return fmt::format("{}{}", ms / unit.factor, unit.name);
  }
  return fmt::format("{}ms", ms);
}

std::string format_time(std::int64_t us) {
  const std::int64_t day = us >= 0 ? us / kDayUs : -((-us + kDayUs - 1) / kDayUs);
  const std::int64_t second = (us - day * kDayUs) / 1'000'000;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  const std::string text = fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  if (second == 0) return text;
  return fmt::format("{}T{:02}:{:02}:{:02}Z", text, second / 3600, second / 60 % 60, second % 60);
}

std::string format_minutes(int minutes) { return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60); }

}  // namespace tollgate::config
