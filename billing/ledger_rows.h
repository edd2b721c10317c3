// Inside of billing: what both stores share: values made from a record, migrations, report dimensions. Pure.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "billing/ledger.h"

namespace tollgate::billing {

struct Migration {
  int version;
  std::string_view name;  // of the file, without folder
  std::string_view sql;
};
std::span<const Migration> sqlite_migrations();
std::span<const Migration> postgres_migrations();

// Canonical text of an id without an allocation.
std::array<char, 36> id_text(const Id& id);

// JSON texts; `out` is replaced.
void tags_json(const CostRecord& record, std::string& out);
void price_ids_json(const CostRecord& record, std::string& out);

// Columns of a record that hold a bucket: each bucket has exactly one. cache_write_tokens is computed by the store.
struct BucketColumn {
  std::string_view column;
  Bucket bucket;
};
std::span<const BucketColumn> bucket_columns();
// Those that ReportRow keeps in `units`, and their sums as the tail of a SELECT: ", sum(audio_input_tokens), ...".
std::span<const BucketColumn> further_columns();
std::string further_sums();

// What a report groups by.
struct Dimension {
  enum class Kind : unsigned char { column, day, hour, tag };
  Kind kind = Kind::column;
  std::string name;  // column or tag
};
Result<std::vector<Dimension>> parse_dimensions(const ReportQuery& query);
inline constexpr std::size_t kMaxReportRows = 100'000;
Error too_many_rows();

// The common order of reports: by time where time is a dimension, else the dearest first; ties by dimension texts.
void sort_report(const ReportQuery& query, std::vector<ReportRow>& rows);

// The two stores.
Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const std::string& path);
Result<std::unique_ptr<Ledger>> open_postgres_ledger(const std::string& url);

}  // namespace tollgate::billing
