set(BILLING_LEDGER_SOURCES record.cpp spool.cpp ledger.cpp ledger_writer.cpp ledger_sqlite.cpp ledger_postgres.cpp report.cpp)
