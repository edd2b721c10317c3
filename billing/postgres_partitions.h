// Inside of billing: daily partitions of cost_records. Thread rule: the session's owner thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "billing/postgres_session.h"

namespace tollgate::billing {

class PostgresPartitions {
 public:
  explicit PostgresPartitions(PostgresSession& session) : session_(session) {}
  // Makes the partition of a day (since 1970, UTC) unless it is known to exist. Never an obstacle: without it rows go
  // to the default partition, from where the next success moves them. A day is tried once a minute at most.
  void ensure(std::int64_t day);
  // Drops partitions of days before `first_day_kept`, and older rows of the default partition.
  PgOutcome drop_before(std::int64_t first_day_kept);

 private:
  PostgresSession& session_;
  std::set<std::int64_t> known_;
  std::map<std::int64_t, std::int64_t> tried_ns_;
};

}  // namespace tollgate::billing
