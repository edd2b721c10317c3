// The embedded ledger: one SQLite file in WAL mode. Owner: billing. Thread rule: one owner thread per instance.
//
// synchronous is FULL, not NORMAL: the spool deletes a segment once append() has succeeded, so an append must survive a
// power failure. One fsync per batch is a few per second at most.
#include "billing/ledger_rows.h"
#include "billing/sqlite_db.h"

namespace tollgate::billing {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr int kDeleteChunk = 20'000;

Error store_error(const SqliteDb& db, const char* what) {
  return Error{ErrorKind::retry_same, 503, "ledger_unavailable", std::string("ledger: ") + what + ": " + db.message()};
}

// What the rows themselves can cause; everything else is trouble of the file or the disk.
bool is_content_error(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
      return true;
    default:
      return false;
  }
}

// What NUMERIC(38,18) holds: the limit of the other store is the limit of this one.
bool fits(const std::optional<Money>& money) {
  constexpr Money::Femto kLimit =
      static_cast<Money::Femto>(100'000'000'000'000'000) * 1'000'000'000'000'000'000;  // 1e20 USD
  return !money || (money->femto() < kLimit && money->femto() > -kLimit);
}

std::string insert_sql() {
  std::string columns =
      "id,request_id,attempt,started_at,finished_at,team,feature,environment,user_id,key_id,tags,surface,requested_"
      "model,"
      "provider,model,served_model,provider_request_id,route,stream,outcome,http_status,error_code,usage_reported,"
      "identity_ok,service_tier,ttft_ms,duration_ms,cost_usd,cost_source,baseline_cost_usd,price_ids,quarantined,usage_"
      "raw,"
      "cache_write_tokens";
  for (const auto& bucket : bucket_columns()) columns.append(",").append(bucket.column);
  std::string marks = "?";
  for (const char c : columns)
    if (c == ',') marks += ",?";
  return "INSERT INTO cost_records(" + columns + ") VALUES(" + marks + ") ON CONFLICT(id) DO NOTHING";
}

class SqliteLedger final : public Ledger {
 public:
  explicit SqliteLedger(SqliteDb db) : db_(std::move(db)) {}

  Result<std::vector<std::string>> migrate() override;
  AppendResult append(std::span<const CostRecord> records) override;
  Result<std::vector<ReportRow>> report(const ReportQuery& query) override;
  Result<void> maintain(std::int64_t now_us, int retention_days) override;

 private:
  void bind(const CostRecord& record);
  void bind_money(int at, const std::optional<Money>& money, std::string& text);
  void bind_texts(const CostRecord& r);
  AppendResult give_up(AppendVerdict verdict, std::string message);
  Result<std::vector<std::string>> apply_migrations();

  SqliteDb db_;
  SqliteStatement insert_;
  std::string tags_, price_ids_, cost_, baseline_;  // scratch, alive while bound
  std::array<char, 36> id_text_, request_text_;     // the same
};

Result<std::vector<std::string>> SqliteLedger::migrate() {
  if (!db_.exec("BEGIN IMMEDIATE")) return store_error(db_, "cannot migrate");
  auto applied = apply_migrations();
  if (!applied || !db_.exec("COMMIT")) {
    Error error = applied ? store_error(db_, "cannot migrate") : applied.error();
    db_.exec("ROLLBACK");
    return error;
  }
  return applied;
}

Result<std::vector<std::string>> SqliteLedger::apply_migrations() {
  if (!db_.exec("CREATE TABLE IF NOT EXISTS schema_migrations ("
                "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT (datetime('now')))"))
    return store_error(db_, "cannot migrate");
  std::vector<std::string> applied;
  for (const auto& migration : sqlite_migrations()) {
    SqliteStatement known(db_.get(), "SELECT 1 FROM schema_migrations WHERE version = ?", false);
    if (!known) return store_error(db_, "cannot migrate");
    known.number(1, migration.version);
    if (known.step() == SQLITE_ROW) continue;
    if (!db_.exec(std::string(migration.sql))) return store_error(db_, "migration failed");
    SqliteStatement note(db_.get(), "INSERT INTO schema_migrations(version, name) VALUES(?, ?)", false);
    if (!note) return store_error(db_, "cannot migrate");
    note.number(1, migration.version);
    note.text(2, migration.name);
    if (note.step() != SQLITE_DONE) return store_error(db_, "cannot migrate");
    applied.emplace_back(migration.name);
  }
  return applied;
}

void SqliteLedger::bind_texts(const CostRecord& r) {
  auto& s = insert_;
  id_text_ = id_text(r.id);
  request_text_ = id_text(r.request_id);
  tags_json(r, tags_);
  price_ids_json(r, price_ids_);
  s.text(1, {id_text_.data(), id_text_.size()});
  s.text(2, {request_text_.data(), request_text_.size()});
  s.text(6, r.team);
  s.text(7, r.feature);
  s.text(8, r.environment);
  s.text(9, r.user_id);
  s.text(10, r.key_id);
  s.text(11, tags_);
  s.text(12, r.surface);
  s.text(13, r.requested_model);
  s.text(14, r.provider);
  s.text(15, r.model);
  s.text(16, r.served_model);
  s.text(17, r.provider_request_id);
  s.text(18, r.route);
  s.text(20, outcome_name(r.outcome));
  s.text(22, r.error_code);
  s.text(25, r.usage.served_tier);
  s.text(29, cost_source_name(r.cost_source));
  s.text(31, price_ids_);
  r.usage.raw.empty() ? s.null(33) : s.text(33, r.usage.raw);
  bind_money(28, r.cost, cost_);
  bind_money(30, r.baseline_cost, baseline_);
}

void SqliteLedger::bind(const CostRecord& r) {
  auto& s = insert_;
  bind_texts(r);
  s.number(3, r.attempt);
  s.number(4, r.started_us);
  s.number(5, r.finished_us);
  s.number(19, r.stream);
  r.http_status == 0 ? s.null(21) : s.number(21, r.http_status);
  s.number(23, r.usage.reported);
  s.number(24, r.usage.identity_ok);
  r.ttft_us < 0 ? s.null(26) : s.real(26, static_cast<double>(r.ttft_us) / 1000);
  s.real(27, static_cast<double>(r.duration_us) / 1000);
  s.number(32, r.quarantined);
  s.number(34, r.usage[Bucket::cache_write_5m] + r.usage[Bucket::cache_write_1h]);
  int at = 35;
  for (const auto& bucket : bucket_columns()) s.number(at++, r.usage[bucket.bucket]);
}

void SqliteLedger::bind_money(int at, const std::optional<Money>& money, std::string& text) {
  if (!money) return insert_.null(at);
  text = money->to_string();
  insert_.text(at, text);
}

AppendResult SqliteLedger::give_up(AppendVerdict verdict, std::string message) {
  if (insert_) insert_.reset();
  db_.exec("ROLLBACK");
  return {verdict, 0, std::move(message)};
}

AppendResult SqliteLedger::append(std::span<const CostRecord> records) {
  if (!insert_) insert_ = SqliteStatement(db_.get(), insert_sql(), true);
  if (!insert_) return {AppendVerdict::unavailable, 0, db_.message()};
  if (!db_.exec("BEGIN IMMEDIATE")) return {AppendVerdict::unavailable, 0, db_.message()};
  const auto before = sqlite3_total_changes64(db_.get());
  for (const auto& record : records) {
    if (!fits(record.cost) || !fits(record.baseline_cost))
      return give_up(AppendVerdict::rejected, "cost is out of range");
    bind(record);
    if (insert_.step() != SQLITE_DONE) {
      const bool content = is_content_error(db_.code());
      return give_up(content ? AppendVerdict::rejected : AppendVerdict::unavailable, db_.message());
    }
    insert_.reset();
  }
  const auto inserted = static_cast<std::size_t>(sqlite3_total_changes64(db_.get()) - before);
  if (!db_.exec("COMMIT")) return give_up(AppendVerdict::unavailable, db_.message());
  return {AppendVerdict::ok, inserted, {}};
}

std::string report_sql(const std::vector<Dimension>& dimensions) {
  std::string dims, group;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    switch (dimensions[i].kind) {
      case Dimension::Kind::column:
        dims += dimensions[i].name;
        break;
      case Dimension::Kind::day:
        dims += "strftime('%Y-%m-%d', started_at / 1000000, 'unixepoch')";
        break;
      case Dimension::Kind::hour:
        dims += "strftime('%Y-%m-%dT%H:00Z', started_at / 1000000, 'unixepoch')";
        break;
      case Dimension::Kind::tag:
        dims += "coalesce((SELECT value FROM json_each(tags) WHERE key = ?), '')";
        break;
    }
    dims += ", ";
    group += (i ? ", " : " GROUP BY ") + std::to_string(i + 1);
  }
  return "SELECT " + dims +
         "count(DISTINCT request_id), count(*), sum(outcome IN ('error', 'timeout')), sum(input_tokens), "
         "sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), "
         "sum(cost_source = 'unpriced'), sum(cost_source = 'estimated'), exact_sum(cost_usd)" +
         further_sums() + " FROM cost_records WHERE started_at >= ? AND started_at < ?" + group + " LIMIT " +
         std::to_string(kMaxReportRows + 1);
}

ReportRow read_report_row(SqliteStatement& s, std::size_t dimensions) {
  ReportRow row;
  int at = 0;
  for (std::size_t i = 0; i < dimensions; ++i) row.dims.push_back(s.column_text(at++));
  for (auto* field :
       {&row.requests, &row.attempts, &row.errors, &row.input_tokens, &row.cache_read_tokens, &row.cache_write_tokens,
        &row.output_tokens, &row.reasoning_tokens, &row.unpriced_attempts, &row.estimated_attempts})
    *field = s.column_number(at++);
  if (auto cost = Money::parse(s.column_text(at++)); cost) row.cost = *cost;
  for (const auto& column : further_columns()) row.units[column.bucket] = s.column_number(at++);
  return row;
}

Result<std::vector<ReportRow>> SqliteLedger::report(const ReportQuery& query) {
  auto dimensions = parse_dimensions(query);
  if (!dimensions) return dimensions.error();
  SqliteStatement select(db_.get(), report_sql(*dimensions), false);
  if (!select) return store_error(db_, "cannot report");
  int at = 1;
  for (const auto& dimension : *dimensions)
    if (dimension.kind == Dimension::Kind::tag) select.text(at++, dimension.name);
  select.number(at++, query.since_us);
  select.number(at++, query.until_us);
  std::vector<ReportRow> rows;
  int rc;
  while ((rc = select.step()) == SQLITE_ROW) {
    auto row = read_report_row(select, dimensions->size());
    if (row.attempts > 0) rows.push_back(std::move(row));  // a total over nothing is no row
  }
  if (rc != SQLITE_DONE) return store_error(db_, "cannot report");
  if (rows.size() > kMaxReportRows) return too_many_rows();
  sort_report(query, rows);
  return rows;
}

// Deletes at most one chunk a call, so that appends are not held up; the caller comes back.
Result<void> SqliteLedger::maintain(std::int64_t now_us, int retention_days) {
  if (retention_days <= 0) return {};
  SqliteStatement drop(db_.get(),
                       "DELETE FROM cost_records WHERE id IN "
                       "(SELECT id FROM cost_records WHERE started_at < ? ORDER BY started_at LIMIT ?)",
                       false);
  if (!drop) return store_error(db_, "cannot apply retention");
  drop.number(1, now_us - retention_days * kMicrosPerDay);
  drop.number(2, kDeleteChunk);
  if (drop.step() != SQLITE_DONE) return store_error(db_, "cannot apply retention");
  return {};
}

}  // namespace

Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const std::string& path) {
  auto db = SqliteDb::open(path);
  if (!db) return db.error();
  return std::unique_ptr<Ledger>(std::make_unique<SqliteLedger>(std::move(*db)));
}

}  // namespace tollgate::billing
