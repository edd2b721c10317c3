// Sizes, durations and dates as people write them in YAML, both ways. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::config {

// "1024", "64KiB", "32MiB", "1GiB", "10kB", "5MB" -> bytes.
std::optional<std::int64_t> parse_bytes(std::string_view text);
// "200ms", "30s", "5m", "1h", "2d", "0" -> milliseconds. A bare number other than 0 is refused: its unit would be a
// guess.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);
// "2026-08-16" or "2026-08-16T04:00:00Z" (UTC) -> microseconds since 1970.
std::optional<std::int64_t> parse_time_us(std::string_view text);
// "04:30" or "24:00" -> minutes of the day.
std::optional<int> parse_minutes(std::string_view text);
// An optional '-' and digits, nothing else.
std::optional<std::int64_t> parse_integer(std::string_view text);

// The shortest text that parses back to the same value.
std::string format_bytes(std::int64_t bytes);
std::string format_duration(std::int64_t ms);
std::string format_time(std::int64_t us);
std::string format_minutes(int minutes);

}  // namespace tollgate::config
