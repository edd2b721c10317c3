// What both stores share. Owner: billing. Thread rule: pure.
#include "billing/ledger_rows.h"

#include <algorithm>
#include <tuple>

#include "core/json.h"

namespace tollgate::embedded {
std::string_view migration_sqlite_0001();
std::string_view migration_sqlite_0002();
std::string_view migration_postgres_0001();
std::string_view migration_postgres_0002();
}  // namespace tollgate::embedded

namespace tollgate::billing {
namespace {

constexpr BucketColumn kBucketColumns[] = {
    {"input_tokens", Bucket::input},
    {"cache_read_tokens", Bucket::cache_read},
    {"cache_write_5m_tokens", Bucket::cache_write_5m},
    {"cache_write_1h_tokens", Bucket::cache_write_1h},
    {"output_tokens", Bucket::output},
    {"reasoning_tokens", Bucket::reasoning},
    {"audio_input_tokens", Bucket::audio_input},
    {"audio_output_tokens", Bucket::audio_output},
    {"audio_cache_read_tokens", Bucket::audio_cache_read},
    {"image_input_tokens", Bucket::image_input},
    {"image_output_tokens", Bucket::image_output},
    {"web_search_calls", Bucket::web_search},
    {"web_fetch_calls", Bucket::web_fetch},
    {"file_search_calls", Bucket::file_search},
    {"code_execution_calls", Bucket::code_execution},
    {"audio_milliseconds", Bucket::audio_milliseconds},
    {"characters", Bucket::characters},
    {"video_input_tokens", Bucket::video_input},
    {"image_cache_read_tokens", Bucket::image_cache_read},
    {"citation_tokens", Bucket::citation},
    {"search_units", Bucket::search_units},
    {"images", Bucket::images},
    {"pages", Bucket::pages},
};
static_assert(std::size(kBucketColumns) == kBuckets);

struct NamedColumn {
  std::string_view name, column;
};
constexpr NamedColumn kDimensions[] = {
    {"team", "team"},
    {"feature", "feature"},
    {"environment", "environment"},
    {"user", "user_id"},
    {"key", "key_id"},
    {"model", "model"},
    {"requested_model", "requested_model"},
    {"provider", "provider"},
    {"route", "route"},
    {"outcome", "outcome"},
    {"surface", "surface"},
    {"cost_source", "cost_source"},
};
constexpr std::size_t kMaxDimensions = 8;

void json_string(std::string& out, std::string_view text) {
  out += '"';
  json_escape(out, text);
  out += '"';
}

Result<Dimension> parse_dimension(const std::string& name) {
  if (name == "day") return Dimension{Dimension::Kind::day, {}};
  if (name == "hour") return Dimension{Dimension::Kind::hour, {}};
  if (name.starts_with("tag:") && name.size() > 4) return Dimension{Dimension::Kind::tag, name.substr(4)};
  std::string known;
  for (const auto& [dimension, column] : kDimensions) {
    if (dimension == name) return Dimension{Dimension::Kind::column, std::string(column)};
    known.append(dimension).append(", ");
  }
  return Error{ErrorKind::client_fault, 400, "unknown_dimension",
               "cannot report by \"" + name + "\"; known: " + known + "day, hour, tag:NAME"};
}

}  // namespace

std::span<const Migration> sqlite_migrations() {
  static const Migration kList[] = {{1, "0001_cost_records", embedded::migration_sqlite_0001()},
                                    {2, "0002_more_units", embedded::migration_sqlite_0002()}};
  return kList;
}

std::span<const Migration> postgres_migrations() {
  static const Migration kList[] = {{1, "0001_cost_records", embedded::migration_postgres_0001()},
                                    {2, "0002_more_units", embedded::migration_postgres_0002()}};
  return kList;
}

std::array<char, 36> id_text(const Id& id) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<char, 36> text;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = kHex[id.bytes[i] >> 4];
    text[at++] = kHex[id.bytes[i] & 15];
  }
  return text;
}

void tags_json(const CostRecord& record, std::string& out) {
  out = "{";
  for (const auto& [key, value] : record.tags) {
    if (out.size() > 1) out += ',';
    json_string(out, key);
    out += ':';
    json_string(out, value);
  }
  out += '}';
}

void price_ids_json(const CostRecord& record, std::string& out) {
  out = "[";
  for (const auto& id : record.price_ids) {
    if (out.size() > 1) out += ',';
    json_string(out, id);
  }
  out += ']';
}

std::span<const BucketColumn> bucket_columns() { return kBucketColumns; }

std::span<const BucketColumn> further_columns() {
  static const std::vector<BucketColumn> kFurther = [] {
    std::vector<BucketColumn> columns(std::begin(kBucketColumns), std::end(kBucketColumns));
    std::erase_if(columns, [](const BucketColumn& column) {
      return column.bucket == Bucket::input || column.bucket == Bucket::cache_read || column.bucket == Bucket::output ||
             column.bucket == Bucket::reasoning;
    });
    return columns;
  }();
  return kFurther;
}

std::string further_sums() {
  std::string sql;
  for (const BucketColumn& column : further_columns()) sql.append(", sum(").append(column.column).append(")");
  return sql;
}

Result<std::vector<Dimension>> parse_dimensions(const ReportQuery& query) {
  if (query.by.size() > kMaxDimensions)
    return Error{ErrorKind::client_fault, 400, "too_many_dimensions", "a report groups by at most 8 dimensions"};
  std::vector<Dimension> dimensions;
  for (const auto& name : query.by) {
    auto dimension = parse_dimension(name);
    if (!dimension) return dimension.error();
    dimensions.push_back(std::move(*dimension));
  }
  return dimensions;
}

Error too_many_rows() {
  return Error{ErrorKind::client_fault, 400, "report_too_large",
               "the report has more than 100000 rows; use fewer dimensions or a shorter time"};
}

void sort_report(const ReportQuery& query, std::vector<ReportRow>& rows) {
  const bool by_time = std::any_of(query.by.begin(), query.by.end(),
                                   [](const std::string& name) { return name == "day" || name == "hour"; });
  std::sort(rows.begin(), rows.end(), [by_time](const ReportRow& a, const ReportRow& b) {
    return by_time ? a.dims < b.dims : std::tie(b.cost, a.dims) < std::tie(a.cost, b.dims);
  });
}

}  // namespace tollgate::billing
