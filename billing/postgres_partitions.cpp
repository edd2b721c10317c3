// Daily partitions. Owner: billing. Thread rule: the session's owner thread.
#include "billing/postgres_partitions.h"

#include <fmt/format.h>

#include "billing/postgres_row.h"
#include "core/log.h"

namespace tollgate::billing {
namespace {

constexpr std::chrono::milliseconds kLimit{4'000};
constexpr std::int64_t kRetryNs = 60'000'000'000;
constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr std::size_t kMaxKnown = 4'096;
// All gateways of a database make and drop partitions one after the other.
constexpr char kLock[] = "SELECT pg_advisory_xact_lock(7240113)";

std::string partition_name(std::int64_t day) {
  const std::string date = postgres_time(day * kMicrosPerDay).substr(0, 10);
  return "cost_records_p" + date.substr(0, 4) + date.substr(5, 2) + date.substr(8, 2);
}

std::string bounds(std::int64_t day) {
  return fmt::format("FROM ('{}') TO ('{}')", postgres_time(day * kMicrosPerDay),
                     postgres_time((day + 1) * kMicrosPerDay));
}

std::string column_list() {
  std::string list;
  for (const auto& column : postgres_columns()) list += (list.empty() ? "" : ", ") + column;
  return list;
}

// Rows of that day may already lie in the default partition; they move along.
void create(pqxx::connection& connection, std::int64_t day) {
  pqxx::work work(connection);
  work.exec1(kLock);
  const std::string name = partition_name(day), from = postgres_time(day * kMicrosPerDay),
                    to = postgres_time((day + 1) * kMicrosPerDay);
  if (work.exec_params1("SELECT to_regclass($1) IS NOT NULL", name)[0].as<bool>()) return work.commit();
  const auto where = fmt::format("started_at >= '{}' AND started_at < '{}'", from, to);
  if (!work.exec1("SELECT EXISTS (SELECT 1 FROM cost_records_default WHERE " + where + ")")[0].as<bool>()) {
    work.exec0(fmt::format("CREATE TABLE {} PARTITION OF cost_records FOR VALUES {}", name, bounds(day)));
  } else {
    work.exec0(fmt::format(
        "CREATE TABLE {} (LIKE cost_records INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS)", name));
    work.exec0(
        fmt::format("WITH moved AS (DELETE FROM cost_records_default WHERE {2} RETURNING {1}) "
                    "INSERT INTO {0} ({1}) SELECT {1} FROM moved",
                    name, column_list(), where));
    work.exec0(fmt::format("ALTER TABLE cost_records ATTACH PARTITION {} FOR VALUES {}", name, bounds(day)));
  }
  work.commit();
}

}  // namespace

void PostgresPartitions::ensure(std::int64_t day) {
  if (known_.contains(day)) return;
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto tried = tried_ns_.find(day);
  if (tried != tried_ns_.end() && now - tried->second < kRetryNs) return;
  if (tried_ns_.size() >= kMaxKnown) tried_ns_.clear();
  tried_ns_[day] = now;
  const PgOutcome outcome = session_.call(kLimit, [day](pqxx::connection& c) { create(c, day); });
  if (!outcome.ok()) {
    log_warn("ledger partition was not made, its rows go to the default partition",
             {{"partition", partition_name(day)}, {"reason", std::string_view(outcome.message)}});
    return;
  }
  if (known_.size() >= kMaxKnown) known_.clear();
  known_.insert(day);
}

PgOutcome PostgresPartitions::drop_before(std::int64_t first_day_kept) {
  const std::string oldest = partition_name(first_day_kept);
  return session_.call(kLimit, [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    work.exec1(kLock);
    const auto names = work.exec_params(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'cost_records'::regclass AND c.relname ~ '^cost_records_p[0-9]{8}$' AND c.relname < $1",
        oldest);
    for (const auto& row : names) work.exec0("DROP TABLE " + work.quote_name(row[0].as<std::string>()));
    work.exec_params0("DELETE FROM cost_records_default WHERE started_at < $1::timestamptz",
                      postgres_time(first_day_kept * kMicrosPerDay));
    work.commit();
    known_.erase(known_.begin(), known_.lower_bound(first_day_kept));
  });
}

}  // namespace tollgate::billing
