// The words of `tollgate report`'s options. Owner: billing. Thread rule: pure.
#include <charconv>
#include <chrono>
#include <limits>

#include "billing/ledger_rows.h"
#include "billing/report.h"

namespace tollgate::billing {
namespace {

Error bad_time(std::string_view text) {
  return Error{ErrorKind::client_fault, 400, "bad_time",
               "cannot read the time \"" + std::string(text) + "\"; use 12h, 30d, 2026-11-01 or 2026-11-01T12:30Z"};
}

// Exactly `digits` digits at the front of `text`, which moves on.
bool take_number(std::string_view& text, std::size_t digits, int& out) {
  if (text.size() < digits) return false;
  const char* end = text.data() + digits;
  if (text.front() == '-' || std::from_chars(text.data(), end, out).ptr != end) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool parse_span(std::string_view text, std::int64_t& micros) {
  std::int64_t count = 0;
  const char* end = text.data() + text.size() - 1;
  if (text.size() < 2) return false;
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (stop != end || error != std::errc{} || count < 0) return false;
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3'600;
      break;
    case 'd':
      unit = 86'400;
      break;
    case 'w':
      unit = 7 * 86'400;
      break;
    default:
      return false;
  }
  return !__builtin_mul_overflow(count, unit * 1'000'000, &micros);
}

bool parse_clock(std::string_view text, std::int64_t& seconds) {
  int hour = 0, minute = 0, second = 0;
  if (!take_number(text, 2, hour) || !take(text, ':') || !take_number(text, 2, minute)) return false;
  if (take(text, ':') && !take_number(text, 2, second)) return false;
  take(text, 'Z');
  seconds = hour * 3'600 + minute * 60 + second;
  return text.empty() && hour < 24 && minute < 60 && second < 60;
}

}  // namespace

Result<std::int64_t> parse_report_time(std::string_view text, std::int64_t now_us) {
  if (text == "now") return now_us;
  std::int64_t span = 0;
  if (!text.empty() && parse_span(text, span)) return now_us - span;
  std::string_view rest = text;
  int year = 0, month = 0, day = 0;
  if (!take_number(rest, 4, year) || !take(rest, '-') || !take_number(rest, 2, month) || !take(rest, '-') ||
      !take_number(rest, 2, day))
    return bad_time(text);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  std::int64_t seconds = 0;
  if (!date.ok() || (!rest.empty() && !(take(rest, 'T') && parse_clock(rest, seconds)))) return bad_time(text);
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86'400 + seconds) * 1'000'000;
}

Result<std::vector<std::string>> parse_report_dimensions(std::string_view text) {
  ReportQuery query;
  while (!text.empty()) {
    const auto comma = text.find(',');
    std::string name(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    for (const auto& known : query.by)
      if (known == name)
        return Error{ErrorKind::client_fault, 400, "repeated_dimension", "\"" + name + "\" stands twice in the report"};
    query.by.push_back(std::move(name));
  }
  if (auto checked = parse_dimensions(query); !checked) return checked.error();
  return query.by;
}

}  // namespace tollgate::billing
