// Inside of billing: a record as the text fields of COPY, and times and days as Postgres writes them. Thread rule: one
// owner.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "billing/record.h"
#include "core/json.h"

namespace tollgate::billing {

// Columns in the order of PostgresRow's fields; all but the computed cache_write_tokens.
const std::vector<std::string>& postgres_columns();

inline constexpr std::size_t kPostgresTextColumns = 33;
using PostgresFields = std::array<const char*, kPostgresTextColumns + kBuckets>;

class PostgresRow {
 public:
  // Fields of the record, null pointers for NULL; valid until the next call. Text is made valid for Postgres: UTF-8
  // without NUL, usage_raw valid JSON (a JSON string holding the text, where it is not).
  const PostgresFields& fields(const CostRecord& record);

 private:
  void add(std::string_view text);
  void add_null() { ends_.push_back(SIZE_MAX); }
  void add_number(std::int64_t value);
  void add_milliseconds(std::int64_t micros);
  void add_money(const std::optional<Money>& money);
  void add_raw(const std::string& raw);

  std::string buffer_;             // fields, each with a NUL behind it
  std::vector<std::size_t> ends_;  // offset behind each field's NUL; SIZE_MAX = NULL
  PostgresFields fields_{};
  std::string scratch_;
  JsonReader json_;
};

// "2026-11-21 07:43:20.123456+00"; years 1..9999, others are clamped.
std::string postgres_time(std::int64_t micros);
// Days since 1970, rounding down.
std::int64_t day_of(std::int64_t micros);

}  // namespace tollgate::billing
