set(BILLING_LEDGER_SOURCES
  crc32c.cpp record.cpp
  spool.cpp spool_compact.cpp spool_core.cpp spool_crash.cpp spool_cursor.cpp spool_frame.cpp spool_reader.cpp
  spool_segment.cpp spool_writer.cpp
  ledger.cpp ledger_writer.cpp ledger_sqlite.cpp ledger_postgres.cpp report.cpp)
