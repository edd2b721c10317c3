// Reports as text, and the words of their options.
#include "billing/report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/json.h"

namespace tollgate::billing {
namespace {

ReportRow row(std::vector<std::string> dims, std::int64_t requests, const char* cost) {
  ReportRow r;
  r.dims = std::move(dims);
  r.requests = requests;
  r.attempts = requests + 1;
  r.input_tokens = 1'000;
  r.cost = *Money::parse(cost);
  return r;
}

ReportQuery by(std::vector<std::string> names) {
  ReportQuery query;
  query.by = std::move(names);
  return query;
}

TEST(ReportTest, JsonHasDimensionsNumbersAndDecimalText) {
  const std::vector<ReportRow> rows = {row({"se\"arch", ""}, 3, "0.000000000000001"), row({"ads", "x"}, 1, "12")};
  const std::string text = render_report(by({"team", "tag:customer"}), rows, ReportFormat::json);
  JsonReader reader;
  auto parsed = reader.parse(text);
  ASSERT_TRUE(parsed) << text;
  ASSERT_EQ(parsed->size(), 2u);
  const auto first = parsed->at(0);
  EXPECT_EQ(first["team"].as_string(), "se\"arch");
  EXPECT_EQ(first["tag:customer"].as_string(), "");
  EXPECT_EQ(first["requests"].as_int(), 3);
  EXPECT_EQ(first["attempts"].as_int(), 4);
  EXPECT_EQ(first["input_tokens"].as_int(), 1'000);
  for (const char* name : {"errors", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
                           "unpriced_attempts", "estimated_attempts"})
    EXPECT_EQ(first[name].as_int(), 0) << name;
  EXPECT_EQ(first["cost_usd"].as_string(), "0.000000000000001");
  EXPECT_EQ(first["avg_cost_usd"].as_string(), "0");
  EXPECT_EQ(parsed->at(1)["avg_cost_usd"].as_string(), "12");
}

TEST(ReportTest, EmptyReportsAreValid) {
  EXPECT_EQ(render_report(by({"team"}), {}, ReportFormat::json), "[]\n");
  EXPECT_TRUE(render_report(by({"team"}), {}, ReportFormat::csv).starts_with("team,requests,"));
  EXPECT_NE(render_report(by({"team"}), {}, ReportFormat::table).find("total"), std::string::npos);
}

TEST(ReportTest, CsvQuotesAndDefusesFormulas) {
  const std::vector<ReportRow> rows = {row({"a,b"}, 1, "1"), row({"say \"hi\"\n"}, 1, "1"), row({"=1+1"}, 1, "1"),
                                       row({"plain"}, 1, "-0.5")};
  const std::string text = render_report(by({"team"}), rows, ReportFormat::csv);
  EXPECT_NE(text.find("\r\n\"a,b\",1,2,"), std::string::npos) << text;
  EXPECT_NE(text.find("\"say \"\"hi\"\"\n\",1,"), std::string::npos);
  EXPECT_NE(text.find("\"'=1+1\",1,"), std::string::npos);
  EXPECT_NE(text.find("plain,1,2,0,1000,0,0,0,0,0,0,-0.5,-0.5,0,0,"), std::string::npos);
}

TEST(ReportTest, EveryUnitIsInJsonAndCsvAndInTheTableWhereItOccurs) {
  std::vector<ReportRow> rows = {row({"search"}, 1, "1"), row({"ads"}, 2, "2")};
  rows[1].units[Bucket::search_units] = 40;
  rows[1].units[Bucket::cache_write_1h] = 7;
  const std::string json = render_report(by({"team"}), rows, ReportFormat::json);
  EXPECT_NE(json.find("\"search_units\": 40"), std::string::npos) << json;
  EXPECT_NE(json.find("\"cache_write_1h_tokens\": 7"), std::string::npos);
  EXPECT_NE(json.find("\"pages\": 0}"), std::string::npos);
  const std::string csv = render_report(by({"team"}), rows, ReportFormat::csv);
  const std::string head = csv.substr(0, csv.find("\r\n"));
  EXPECT_EQ(std::count(head.begin(), head.end(), ','), std::count(csv.begin(), csv.end(), ',') / 3);
  EXPECT_NE(head.find(",search_units,images,pages"), std::string::npos);
  const std::string table = render_report(by({"team"}), rows, ReportFormat::table);
  EXPECT_NE(table.find("search_units"), std::string::npos);
  EXPECT_EQ(table.find("pages"), std::string::npos);
  EXPECT_EQ(table.find("cache_write_1h"), std::string::npos) << "it is in cache_write";
}

TEST(ReportTest, TableAlignsAndTotals) {
  const std::vector<ReportRow> rows = {row({"search", "prod"}, 1'200, "10.5"),
                                       row({"\xC3\xA9t\xC3\xA9", ""}, 7, "0.25")};
  const std::string expected =
      "team    env   requests  attempts  errors  input  cache_read  cache_write  output  reasoning  unpriced  "
      "estimated   "
      "cost_usd\n"
      "search  prod      1200      1201       0   1000           0            0       0          0         0          "
      "0  "
      "10.500000\n"
      "\xC3\xA9t\xC3\xA9     -            7         8       0   1000           0            0       0          0       "
      "  0  "
      "        0   0.250000\n"
      "total             1207      1209       0   2000           0            0       0          0         0          "
      "0  "
      "10.750000\n";
  EXPECT_EQ(render_report(by({"team", "env"}), rows, ReportFormat::table), expected);
}

TEST(ReportTest, TableHidesControlCharacters) {
  const std::vector<ReportRow> rows = {row({"a\x1b[31m\n"}, 1, "1")};
  EXPECT_EQ(render_report(by({"team"}), rows, ReportFormat::table).find('\x1b'), std::string::npos);
}

TEST(ReportTest, AverageRoundsHalfEven) {
  const auto average = [](std::int64_t femto, std::int64_t requests) {
    ReportRow r;
    r.cost = Money::from_femto(femto);
    r.requests = requests;
    return static_cast<std::int64_t>(average_cost(r).femto());
  };
  EXPECT_EQ(average(5, 2), 2);
  EXPECT_EQ(average(7, 2), 4);
  EXPECT_EQ(average(-5, 2), -2);
  EXPECT_EQ(average(-7, 2), -4);
  EXPECT_EQ(average(10, 3), 3);
  EXPECT_EQ(average(11, 3), 4);
  EXPECT_EQ(average(1, 0), 0);
}

TEST(ReportOptionsTest, Times) {
  const std::int64_t now = 1'795'000'000'000'000, day = 86'400'000'000;
  EXPECT_EQ(*parse_report_time("now", now), now);
  EXPECT_EQ(*parse_report_time("30d", now), now - 30 * day);
  EXPECT_EQ(*parse_report_time("12h", now), now - day / 2);
  EXPECT_EQ(*parse_report_time("90s", now), now - 90'000'000);
  EXPECT_EQ(*parse_report_time("2w", now), now - 14 * day);
  EXPECT_EQ(*parse_report_time("2026-11-18", now), 1'794'960'000'000'000);
  EXPECT_EQ(*parse_report_time("2026-11-18T11:06Z", now), 1'794'999'960'000'000);
  EXPECT_EQ(*parse_report_time("2026-11-18T11:06:40", now), now);
  for (const char* bad :
       {"", "d", "30", "30x", "-3d", "3.5d", "2026-13-01", "2026-02-30", "2026-1-1", "2026-11-18T25:00",
        "2026-11-18 11:00", "2026-11-18T11:06Zx", "99999999999999999999d", "9223372036854775807w"})
    EXPECT_FALSE(parse_report_time(bad, now)) << bad;
}

TEST(ReportOptionsTest, Dimensions) {
  EXPECT_EQ(*parse_report_dimensions("team,tag:customer,day"),
            (std::vector<std::string>{"team", "tag:customer", "day"}));
  EXPECT_TRUE(parse_report_dimensions("")->empty());
  EXPECT_FALSE(parse_report_dimensions("team,,day"));
  EXPECT_FALSE(parse_report_dimensions("team,team"));
  EXPECT_FALSE(parse_report_dimensions("tag:"));
  auto unknown = parse_report_dimensions("tema");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("tema"), std::string::npos);
}

TEST(ReportOptionsTest, Formats) {
  ReportFormat format = ReportFormat::table;
  EXPECT_TRUE(report_format_from_name("json", format));
  EXPECT_EQ(format, ReportFormat::json);
  EXPECT_FALSE(report_format_from_name("xml", format));
}

}  // namespace
}  // namespace tollgate::billing
