// Reports as text. Owner: billing. Thread rule: pure.
#include "billing/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "billing/ledger_rows.h"
#include "core/json.h"

namespace tollgate::billing {
namespace {

struct NumberColumn {
  const char* name;
  const char* title;  // in the table form
  std::int64_t ReportRow::* field;
};
constexpr NumberColumn kNumbers[] = {
    {"requests", "requests", &ReportRow::requests},
    {"attempts", "attempts", &ReportRow::attempts},
    {"errors", "errors", &ReportRow::errors},
    {"input_tokens", "input", &ReportRow::input_tokens},
    {"cache_read_tokens", "cache_read", &ReportRow::cache_read_tokens},
    {"cache_write_tokens", "cache_write", &ReportRow::cache_write_tokens},
    {"output_tokens", "output", &ReportRow::output_tokens},
    {"reasoning_tokens", "reasoning", &ReportRow::reasoning_tokens},
    {"unpriced_attempts", "unpriced", &ReportRow::unpriced_attempts},
    {"estimated_attempts", "estimated", &ReportRow::estimated_attempts},
};

std::string csv_field(std::string_view text) {
  // A leading =, +, - or @ would run as a formula in a spreadsheet; tags come from callers.
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = formula ? "\"'" : "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::string render_csv(const ReportQuery& query, std::span<const ReportRow> rows) {
  std::string out;
  for (const auto& name : query.by) out += csv_field(name) + ",";
  for (const auto& column : kNumbers) out.append(column.name).append(",");
  out += "cost_usd,avg_cost_usd";
  for (const auto& column : further_columns()) out.append(",").append(column.column);
  out += "\r\n";
  for (const auto& row : rows) {
    for (const auto& dim : row.dims) out += csv_field(dim) + ",";
    for (const auto& column : kNumbers) out += fmt::format("{},", row.*column.field);
    out += row.cost.to_string() + "," + average_cost(row).to_string();
    for (const auto& column : further_columns()) out += fmt::format(",{}", row.units[column.bucket]);
    out += "\r\n";
  }
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  json_escape(out, text);
  out += '"';
}

std::string render_json(const ReportQuery& query, std::span<const ReportRow> rows) {
  std::string out = "[";
  for (const auto& row : rows) {
    out += out.size() > 1 ? ",\n {" : "\n {";
    for (std::size_t i = 0; i < query.by.size(); ++i) {
      append_json_string(out, query.by[i]);
      out += ": ";
      append_json_string(out, row.dims[i]);
      out += ", ";
    }
    for (const auto& column : kNumbers) out += fmt::format("\"{}\": {}, ", column.name, row.*column.field);
    out += fmt::format("\"cost_usd\": \"{}\", \"avg_cost_usd\": \"{}\"", row.cost.to_string(),
                       average_cost(row).to_string());
    for (const auto& column : further_columns())
      out += fmt::format(", \"{}\": {}", column.column, row.units[column.bucket]);
    out += "}";
  }
  return out + (rows.empty() ? "]\n" : "\n]\n");
}

// Columns a character wide on screen count as one; bytes that continue a UTF-8 character count as none.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string printable(std::string_view text) {
  if (text.empty()) return "-";
  std::string out(text);
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

using Line = std::vector<std::string>;

// A table is for a screen: of the rarer units only those that occur.
using Columns = std::vector<BucketColumn>;
Columns used_columns(std::span<const ReportRow> rows) {
  Columns used;
  for (const auto& column : further_columns()) {
    // Both lifetimes of cache writes stand under cache_write already.
    if (column.bucket == Bucket::cache_write_5m || column.bucket == Bucket::cache_write_1h) continue;
    const auto occurs = [&](const ReportRow& row) { return row.units[column.bucket] != 0; };
    if (std::any_of(rows.begin(), rows.end(), occurs)) used.push_back(column);
  }
  return used;
}

Line table_line(const ReportRow& row, const Columns& further) {
  Line line;
  for (const auto& dim : row.dims) line.push_back(printable(dim));
  for (const auto& column : kNumbers) line.push_back(std::to_string(row.*column.field));
  for (const auto& column : further) line.push_back(std::to_string(row.units[column.bucket]));
  line.push_back(row.cost.to_fixed(6));
  return line;
}

ReportRow total_of(const ReportQuery& query, std::span<const ReportRow> rows) {
  ReportRow total;
  for (const auto& row : rows) {
    for (const auto& column : kNumbers) total.*column.field += row.*column.field;
    for (std::size_t b = 0; b < kBuckets; ++b) total.units.counts[b] += row.units.counts[b];
    total.cost += row.cost;
  }
  total.dims.assign(query.by.size(), "");
  if (!total.dims.empty()) total.dims.front() = "total";
  return total;
}

std::string render_table(const ReportQuery& query, std::span<const ReportRow> rows) {
  const Columns further = used_columns(rows);
  std::vector<Line> lines(1);
  for (const auto& name : query.by) lines[0].push_back(printable(name));
  for (const auto& column : kNumbers) lines[0].emplace_back(column.title);
  for (const auto& column : further) lines[0].emplace_back(bucket_name(column.bucket));
  lines[0].emplace_back("cost_usd");
  for (const auto& row : rows) lines.push_back(table_line(row, further));
  if (rows.size() != 1) {
    lines.push_back(table_line(total_of(query, rows), further));
    for (std::size_t i = 1; i < query.by.size(); ++i) lines.back()[i].clear();
  }
  std::vector<std::size_t> widths(lines[0].size(), 0);
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  std::string out;
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string pad(widths[i] - width(line[i]), ' ');
      text += (i ? "  " : "") + (i < query.by.size() ? line[i] + pad : pad + line[i]);
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

}  // namespace

bool report_format_from_name(std::string_view name, ReportFormat& out) {
  if (name == "table") return out = ReportFormat::table, true;
  if (name == "csv") return out = ReportFormat::csv, true;
  if (name == "json") return out = ReportFormat::json, true;
  return false;
}

Money average_cost(const ReportRow& row) {
  if (row.requests <= 0) return {};
  const Money::Femto total = row.cost.femto(), n = row.requests;
  Money::Femto quotient = total / n, rest = total % n;
  const int sign = total < 0 ? -1 : 1;
  const Money::Femto twice = 2 * rest * sign;
  if (twice > n || (twice == n && quotient % 2 != 0)) quotient += sign;
  return Money::from_femto(quotient);
}

std::string render_report(const ReportQuery& query, std::span<const ReportRow> rows, ReportFormat format) {
  switch (format) {
    case ReportFormat::csv:
      return render_csv(query, rows);
    case ReportFormat::json:
      return render_json(query, rows);
    case ReportFormat::table:
      return render_table(query, rows);
  }
  return {};
}

}  // namespace tollgate::billing
