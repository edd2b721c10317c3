// UTC calendar of price rows over std::chrono. Owner: billing, price half.
#include "billing/price_time.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace tollgate::billing {
namespace {

using std::chrono::sys_days;
using Micros = std::chrono::sys_time<std::chrono::microseconds>;

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kDayUs = 24 * 60 * kMinuteUs;

Micros at(std::int64_t wall_us) { return Micros(std::chrono::microseconds(wall_us)); }

std::optional<unsigned> number(std::string_view text, std::size_t from, std::size_t count) {
  unsigned value = 0;
  const char* begin = text.data() + from;
  const auto [end, error] = std::from_chars(begin, begin + count, value);
  if (error != std::errc{} || end != begin + count) return std::nullopt;
  return value;
}

}  // namespace

bool in_weekly_window(std::int64_t wall_us, std::uint8_t weekdays, int from_minute, int to_minute) {
  const auto day = std::chrono::floor<std::chrono::days>(at(wall_us));
  const unsigned monday_based = std::chrono::weekday(day).iso_encoding() - 1;
  if ((weekdays >> monday_based & 1u) == 0) return false;
  const std::int64_t minute = (at(wall_us) - Micros(day)).count() / kMinuteUs;
  return minute >= from_minute && minute < to_minute;
}

std::string utc_text(std::int64_t wall_us) {
  const auto day = std::chrono::floor<std::chrono::days>(at(wall_us));
  const std::chrono::year_month_day date(day);
  const std::int64_t seconds = (at(wall_us) - Micros(day)).count() / 1'000'000;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), seconds / 3600,
                     seconds / 60 % 60, seconds % 60);
}

std::optional<std::int64_t> utc_from_text(std::string_view text) {
  const bool has_time = text.size() == 20 && text[10] == 'T' && text[13] == ':' && text[16] == ':' && text[19] == 'Z';
  if (!has_time && text.size() != 10) return std::nullopt;
  if (text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day));
  if (!date.ok()) return std::nullopt;
  std::int64_t out = sys_days(date).time_since_epoch().count() * kDayUs;
  if (!has_time) return out;
  const auto hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return out + (std::int64_t{*hour} * 3600 + *minute * 60 + *second) * 1'000'000;
}

}  // namespace tollgate::billing
