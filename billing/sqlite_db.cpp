// Opening SQLite files as the ledger wants them. Owner: billing. Thread rule: sqlite_db.h.
#include "billing/sqlite_db.h"

#include <cstring>
#include <filesystem>
#include <mutex>

#include "core/money.h"

namespace tollgate::billing {
namespace {

// exact_sum(text): the sum of decimal texts as decimal text, NULLs left out. SQLite's own sum() would go through
// doubles.
// SQLite's memory is aligned to 8 bytes, a Money wants 16, so it is copied in and out.
void sum_step(sqlite3_context* context, int, sqlite3_value** values) {
  void* kept = sqlite3_aggregate_context(context, sizeof(Money));  // zeroed, which is a Money of zero
  if (!kept || sqlite3_value_type(values[0]) == SQLITE_NULL) return;
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
  auto amount = Money::parse({text, static_cast<std::size_t>(sqlite3_value_bytes(values[0]))});
  if (!amount) return sqlite3_result_error(context, "a cost is not decimal text", -1);
  Money total;
  std::memcpy(&total, kept, sizeof total);
  total += *amount;
  std::memcpy(kept, &total, sizeof total);
}

void sum_final(sqlite3_context* context) {
  Money total;
  if (const void* kept = sqlite3_aggregate_context(context, 0)) std::memcpy(&total, kept, sizeof total);
  const std::string text = total.to_string();
  sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

// Memory statistics take a process-wide mutex on every allocation; nobody reads them here.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

}  // namespace

Result<SqliteDb> SqliteDb::open(const std::string& path) {
  configure_once();
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  sqlite3* raw = nullptr;
  const int rc =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteDb db(raw);
  sqlite3_busy_timeout(raw, 2'000);
  sqlite3_create_function_v2(raw, "exact_sum", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, nullptr, sum_step,
                             sum_final, nullptr);
  if (rc != SQLITE_OK ||
      !db.exec("PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-2000;"
               "PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=16777216; PRAGMA temp_store=MEMORY;"))
    return Error{ErrorKind::retry_same, 503, "ledger_unavailable", "ledger: cannot open " + path + ": " + db.message()};
  return db;
}

}  // namespace tollgate::billing
