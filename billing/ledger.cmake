include(EmbedFile)
tollgate_embed(BILLING_MIGRATIONS
  migration_sqlite_0001=../migrations/sqlite/0001_cost_records.sql
  migration_sqlite_0002=../migrations/sqlite/0002_more_units.sql
  migration_postgres_0001=../migrations/postgres/0001_cost_records.sql
  migration_postgres_0002=../migrations/postgres/0002_more_units.sql)
set(BILLING_LEDGER_SOURCES ${BILLING_MIGRATIONS}
  crc32c.cpp record.cpp
  spool.cpp spool_compact.cpp spool_core.cpp spool_crash.cpp spool_cursor.cpp spool_frame.cpp spool_reader.cpp
  spool_segment.cpp spool_writer.cpp
  ledger.cpp ledger_rows.cpp ledger_sqlite.cpp sqlite_db.cpp
  ledger_postgres.cpp postgres_partitions.cpp postgres_row.cpp postgres_session.cpp
  ledger_writer.cpp poison.cpp record_json.cpp report.cpp report_options.cpp)
