// The shared ledger: COPY into a temporary staging table, then insert-on-conflict-do-nothing, one transaction a batch.
// Owner: billing. Thread rule: one owner thread per instance.
#include <algorithm>

#include "billing/ledger_rows.h"
#include "billing/postgres_partitions.h"
#include "billing/postgres_row.h"
#include "billing/postgres_session.h"
#include "core/clock.h"

namespace tollgate::billing {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAppendLimit{6'000}, kMigrateLimit{30'000}, kReportLimit{65'000};
constexpr std::int64_t kDaysBack = 400, kDaysAhead = 3;  // days that get a partition of their own
constexpr char kStaging[] = "cost_records_staging";

Error store_error(const char* what, const PgOutcome& outcome) {
  return Error{ErrorKind::retry_same, 503, "ledger_unavailable",
               std::string("ledger: ") + what + ": " + outcome.message};
}

std::string column_list() {
  std::string list;
  for (const auto& column : postgres_columns()) list += (list.empty() ? "" : ", ") + column;
  return list;
}

// The staging table lives as long as the session and is emptied by each commit. It leaves out the computed column.
std::string staging_sql() {
  return std::string("CREATE TEMP TABLE IF NOT EXISTS ") + kStaging + " ON COMMIT DELETE ROWS AS SELECT " +
         column_list() + " FROM cost_records WITH NO DATA";
}

std::string insert_sql() {
  const std::string columns = column_list();
  return "INSERT INTO cost_records (" + columns + ") SELECT " + columns + " FROM " + kStaging +
         " ON CONFLICT DO NOTHING";
}

class PostgresLedger final : public Ledger {
 public:
  explicit PostgresLedger(const std::string& url) : session_(url), partitions_(session_) {
    session_.on_connect([this](pqxx::connection&) { staged_ = false; });
  }

  Result<std::vector<std::string>> migrate() override;
  AppendResult append(std::span<const CostRecord> records) override;
  Result<std::vector<ReportRow>> report(const ReportQuery& query) override;
  Result<void> maintain(std::int64_t now_us, int retention_days) override;

 private:
  void ensure_partitions(std::span<const CostRecord> records);
  std::size_t insert(pqxx::connection& connection, std::span<const CostRecord> records);

  PostgresSession session_;
  PostgresPartitions partitions_;
  PostgresRow row_;
  bool staged_ = false;  // the connection has its staging table
  std::int64_t today_ = 0;
};

Result<std::vector<std::string>> PostgresLedger::migrate() {
  std::vector<std::string> applied;
  const PgOutcome outcome = session_.call(kMigrateLimit, [&applied](pqxx::connection& connection) {
    applied.clear();
    pqxx::work work(connection);
    work.exec0("SET LOCAL statement_timeout='28s'; SET LOCAL lock_timeout='25s'");
    work.exec1("SELECT pg_advisory_xact_lock(7240112)");
    work.exec0(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at TIMESTAMPTZ NOT NULL DEFAULT now())");
    for (const auto& migration : postgres_migrations()) {
      if (!work.exec_params("SELECT 1 FROM schema_migrations WHERE version = $1", migration.version).empty()) continue;
      work.exec(std::string(migration.sql));
      work.exec_params0("INSERT INTO schema_migrations (version, name) VALUES ($1, $2)", migration.version,
                        std::string(migration.name));
      applied.emplace_back(migration.name);
    }
    work.commit();
  });
  if (!outcome.ok()) return store_error("cannot migrate", outcome);
  return applied;
}

// Days far from now (a wrong clock, imported rows) go to the default partition instead of making thousands.
void PostgresLedger::ensure_partitions(std::span<const CostRecord> records) {
  const std::int64_t today = today_ ? today_ : day_of(wall_micros());
  std::int64_t last = INT64_MIN;
  for (const auto& record : records) {
    const std::int64_t day = day_of(record.started_us);
    if (day == last) continue;
    last = day;
    if (day >= today - kDaysBack && day <= today + kDaysAhead) partitions_.ensure(day);
  }
}

std::size_t PostgresLedger::insert(pqxx::connection& connection, std::span<const CostRecord> records) {
  pqxx::work work(connection);
  if (!staged_) work.exec0(staging_sql());
  pqxx::stream_to copy(work, kStaging, postgres_columns());
  for (const auto& record : records) copy << row_.fields(record);
  copy.complete();
  static const std::string kInsert = insert_sql();
  const auto inserted = work.exec0(kInsert).affected_rows();
  work.commit();
  staged_ = true;
  return inserted;
}

AppendResult PostgresLedger::append(std::span<const CostRecord> records) {
  if (records.empty()) return {};
  ensure_partitions(records);
  AppendResult result;
  const PgOutcome outcome =
      session_.call(kAppendLimit, [&](pqxx::connection& connection) { result.inserted = insert(connection, records); });
  if (outcome.ok()) return result;
  const bool rejected = outcome.state == PgOutcome::State::rejected;
  return {rejected ? AppendVerdict::rejected : AppendVerdict::unavailable, 0, outcome.message};
}

std::string report_sql(const std::vector<Dimension>& dimensions) {
  std::string dims, group;
  int parameter = 3;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    switch (dimensions[i].kind) {
      case Dimension::Kind::column:
        dims += dimensions[i].name;
        break;
      case Dimension::Kind::day:
        dims += "to_char(started_at, 'YYYY-MM-DD')";
        break;
      case Dimension::Kind::hour:
        dims += "to_char(started_at, 'YYYY-MM-DD\"T\"HH24:\"00Z\"')";
        break;
      case Dimension::Kind::tag:
        dims += "coalesce(tags->>$" + std::to_string(parameter++) + "::text, '')";
        break;
    }
    dims += ", ";
    group += (i ? ", " : " GROUP BY ") + std::to_string(i + 1);
  }
  return "SELECT " + dims +
         "count(DISTINCT request_id), count(*), count(*) FILTER (WHERE outcome IN ('error', 'timeout')), "
         "sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), "
         "sum(reasoning_tokens), "
         "count(*) FILTER (WHERE cost_source = 'unpriced'), count(*) FILTER (WHERE cost_source = 'estimated'), "
         "coalesce(sum(cost_usd), 0)" +
         further_sums() +
         " FROM cost_records WHERE started_at >= $1::timestamptz AND started_at < "
         "$2::timestamptz" +
         group + " LIMIT " + std::to_string(kMaxReportRows + 1);
}

ReportRow read_report_row(const pqxx::row& from, std::size_t dimensions) {
  ReportRow row;
  pqxx::row::size_type at = 0;
  for (std::size_t i = 0; i < dimensions; ++i) row.dims.push_back(from[at++].as<std::string>(""));
  for (auto* field :
       {&row.requests, &row.attempts, &row.errors, &row.input_tokens, &row.cache_read_tokens, &row.cache_write_tokens,
        &row.output_tokens, &row.reasoning_tokens, &row.unpriced_attempts, &row.estimated_attempts})
    *field = from[at++].as<std::int64_t>(0);
  if (auto cost = Money::parse(from[at++].as<std::string>("0")); cost) row.cost = *cost;
  for (const auto& column : further_columns()) row.units[column.bucket] = from[at++].as<std::int64_t>(0);
  return row;
}

Result<std::vector<ReportRow>> PostgresLedger::report(const ReportQuery& query) {
  auto dimensions = parse_dimensions(query);
  if (!dimensions) return dimensions.error();
  std::vector<std::string> parameters = {postgres_time(query.since_us), postgres_time(query.until_us)};
  for (const auto& dimension : *dimensions)
    if (dimension.kind == Dimension::Kind::tag) parameters.push_back(dimension.name);
  std::vector<ReportRow> rows;
  const PgOutcome outcome = session_.call(kReportLimit, [&](pqxx::connection& connection) {
    rows.clear();
    pqxx::read_transaction work(connection);
    work.exec0("SET LOCAL statement_timeout='60s'");
    for (const auto& row : work.exec_params(report_sql(*dimensions), pqxx::prepare::make_dynamic_params(parameters)))
      rows.push_back(read_report_row(row, dimensions->size()));
  });
  if (!outcome.ok()) return store_error("cannot report", outcome);
  if (rows.size() > kMaxReportRows) return too_many_rows();
  std::erase_if(rows, [](const ReportRow& row) { return row.attempts == 0; });  // a total over nothing is no row
  sort_report(query, rows);
  return rows;
}

Result<void> PostgresLedger::maintain(std::int64_t now_us, int retention_days) {
  today_ = day_of(now_us);
  for (std::int64_t ahead = 0; ahead <= kDaysAhead; ++ahead) partitions_.ensure(today_ + ahead);
  if (retention_days <= 0) return {};
  const PgOutcome outcome = partitions_.drop_before(today_ - retention_days);
  if (!outcome.ok()) return store_error("cannot apply retention", outcome);
  return {};
}

}  // namespace

Result<std::unique_ptr<Ledger>> open_postgres_ledger(const std::string& url) {
  return std::unique_ptr<Ledger>(std::make_unique<PostgresLedger>(url));
}

}  // namespace tollgate::billing
