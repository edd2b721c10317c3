// Reports as text, and the words of `tollgate report`'s options. Contract of the JSON form: docs/formats/ledger.md.
// Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "billing/ledger.h"
#include "core/result.h"

namespace tollgate::billing {

enum class ReportFormat : unsigned char { table, csv, json };
bool report_format_from_name(std::string_view name, ReportFormat& out);

// "team,feature,tag:customer" -> ReportQuery.by. Fails with client_fault on an unknown, empty or repeated dimension.
Result<std::vector<std::string>> parse_report_dimensions(std::string_view text);
// A point in time: a span back from `now_us` ("45m", "12h", "30d", "8w"), a UTC day "2026-11-01", a UTC time
// "2026-11-01T12:30[:00][Z]", or "now". Microseconds since 1970.
Result<std::int64_t> parse_report_time(std::string_view text, std::int64_t now_us);

// The whole text, line end included. table: aligned columns and a total line. csv: RFC 4180 with a header line.
// json: an array of objects {dimensions by name..., requests, attempts, errors, tokens..., cost_usd, ...}.
std::string render_report(const ReportQuery& query, std::span<const ReportRow> rows, ReportFormat format);

// cost / requests, rounded half-even to 1e-15 USD; zero for no requests.
Money average_cost(const ReportRow& row);

}  // namespace tollgate::billing
