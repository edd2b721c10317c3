// Inside of billing: sqlite3 handles that close themselves. Thread rule: one owner thread.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate::billing {

class SqliteStatement {
 public:
  SqliteStatement() = default;
  SqliteStatement(sqlite3* db, std::string_view sql, bool keep) {
    sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), keep ? SQLITE_PREPARE_PERSISTENT : 0, &raw_,
                       nullptr);
  }
  ~SqliteStatement() { sqlite3_finalize(raw_); }
  SqliteStatement(SqliteStatement&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  SqliteStatement& operator=(SqliteStatement&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  explicit operator bool() const { return raw_ != nullptr; }
  sqlite3_stmt* get() const { return raw_; }

  // The bound text must live until the next reset.
  void text(int at, std::string_view s) {
    sqlite3_bind_text(raw_, at, s.data() ? s.data() : "", static_cast<int>(s.size()), SQLITE_STATIC);
  }
  void number(int at, std::int64_t v) { sqlite3_bind_int64(raw_, at, v); }
  void real(int at, double v) { sqlite3_bind_double(raw_, at, v); }
  void null(int at) { sqlite3_bind_null(raw_, at); }
  int step() { return sqlite3_step(raw_); }
  void reset() { sqlite3_reset(raw_); }
  std::int64_t column_number(int at) { return sqlite3_column_int64(raw_, at); }
  std::string column_text(int at) {
    const auto* p = reinterpret_cast<const char*>(sqlite3_column_text(raw_, at));
    return p ? std::string(p, static_cast<std::size_t>(sqlite3_column_bytes(raw_, at))) : std::string();
  }

 private:
  sqlite3_stmt* raw_ = nullptr;
};

class SqliteDb {
 public:
  // Opens or creates the file: WAL, one writer, small caches.
  static Result<SqliteDb> open(const std::string& path);
  ~SqliteDb() { sqlite3_close_v2(raw_); }
  SqliteDb(SqliteDb&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  SqliteDb& operator=(SqliteDb&&) = delete;

  sqlite3* get() const { return raw_; }
  bool exec(const std::string& sql) { return sqlite3_exec(raw_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK; }
  std::string message() const { return sqlite3_errmsg(raw_); }
  int code() const { return sqlite3_errcode(raw_); }

 private:
  explicit SqliteDb(sqlite3* raw) : raw_(raw) {}
  sqlite3* raw_ = nullptr;
};

}  // namespace tollgate::billing
