// Sizes, durations, dates, suggestions.
#include "config/units.h"

#include <gtest/gtest.h>

#include "config/suggest.h"

namespace tollgate::config {
namespace {

TEST(Units, Bytes) {
  EXPECT_EQ(parse_bytes("0"), 0);
  EXPECT_EQ(parse_bytes("1024"), 1024);
  EXPECT_EQ(parse_bytes("64KiB"), 64 << 10);
  EXPECT_EQ(parse_bytes("32MiB"), 32 << 20);
  EXPECT_EQ(parse_bytes("5MB"), 5'000'000);
  EXPECT_EQ(parse_bytes("7B"), 7);
  for (const char* bad :
       {"", "-1", "1.5MiB", "MiB", "1 MiB", "1mib", "1K", "9223372036854775807KiB", "99999999999999999999"}) {
    EXPECT_EQ(parse_bytes(bad), std::nullopt) << bad;
  }
}

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration_ms("0"), 0);
  EXPECT_EQ(parse_duration_ms("200ms"), 200);
  EXPECT_EQ(parse_duration_ms("30s"), 30'000);
  EXPECT_EQ(parse_duration_ms("5m"), 300'000);
  EXPECT_EQ(parse_duration_ms("1h"), 3'600'000);
  EXPECT_EQ(parse_duration_ms("2d"), 172'800'000);
  for (const char* bad : {"", "30", "s", "-1s", "1.5s", "1 s", "1S", "99999999999999999d"})
    EXPECT_EQ(parse_duration_ms(bad), std::nullopt) << bad;
}

TEST(Units, Times) {
  EXPECT_EQ(parse_time_us("1970-01-01"), 0);
  EXPECT_EQ(parse_time_us("2024-02-29"), 1'709'164'800'000'000);
  EXPECT_EQ(parse_time_us("2026-08-16T04:00:01Z"), 1'786'852'801'000'000);
  for (const char* bad : {"", "2026", "2026-8-16", "2023-02-29", "2026-13-01", "2026-01-01T", "2026-01-01T00:00:00",
                          "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z", "2026-01-0a", "+026-01-01"}) {
    EXPECT_EQ(parse_time_us(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(parse_minutes("24:00"), 1440);
  EXPECT_EQ(parse_minutes("04:30"), 270);
  for (const char* bad : {"", "4:30", "24:01", "12:60", "12-30", "ab:cd"})
    EXPECT_EQ(parse_minutes(bad), std::nullopt) << bad;
}

TEST(Units, FormatsParseBack) {
  for (const std::int64_t value : {0LL, 1LL, 999LL, 1000LL, 1024LL, 65'536LL, 1'000'000LL, 33'554'432LL, 1LL << 40}) {
    EXPECT_EQ(parse_bytes(format_bytes(value)), value) << format_bytes(value);
    EXPECT_EQ(parse_duration_ms(format_duration(value)), value) << format_duration(value);
  }
  EXPECT_EQ(format_duration(90'000), "90s");
  EXPECT_EQ(format_bytes(32 << 20), "32MiB");
  for (const char* text : {"2026-08-16", "2026-08-16T04:00:01Z", "1969-12-31T23:59:59Z"})
    EXPECT_EQ(format_time(*parse_time_us(text)), text);
  EXPECT_EQ(format_minutes(1440), "24:00");
}

TEST(Suggest, Distance) {
  EXPECT_EQ(edit_distance("abc", "abc", 3), 0u);
  EXPECT_EQ(edit_distance("abc", "acb", 3), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting", 5), 3u);
  EXPECT_EQ(edit_distance("abc", "xyz", 1), 2u);
  EXPECT_EQ(edit_distance(std::string(1000, 'a'), std::string(1000, 'a'), 2), 3u);
  EXPECT_EQ(suggestion("lisen", {"admin", "listen", "limits"}), " (did you mean `listen`?)");
  EXPECT_EQ(suggestion("zzz", {"admin", "listen"}), "");
  EXPECT_EQ(suggestion("", {"a"}), " (did you mean `a`?)");
}

}  // namespace
}  // namespace tollgate::config
