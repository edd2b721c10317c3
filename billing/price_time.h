// The little calendar that price rows need: UTC, no time zones. Owner: billing, price half. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate::billing {

// Bit 0 of `weekdays` is Monday; [from_minute, to_minute) of the day.
bool in_weekly_window(std::int64_t wall_us, std::uint8_t weekdays, int from_minute, int to_minute);
// "2026-09-01T00:00:00Z".
std::string utc_text(std::int64_t wall_us);
// "2026-09-01" (00:00Z) or "2026-09-01T01:02:03Z" to wall micros; nullopt for anything else.
std::optional<std::int64_t> utc_from_text(std::string_view text);

}  // namespace tollgate::billing
