tollgate_test(billing_spool_test
  SOURCES crc32c_test.cpp record_test.cpp spool_test.cpp spool_space_test.cpp spool_damage_test.cpp spool_crash_test.cpp
  LINKS tollgate_billing)
tollgate_test(billing_ledger_test
  SOURCES ledger_sqlite_test.cpp ledger_writer_test.cpp report_test.cpp
  LINKS tollgate_billing)

# One ctest test for all of them, so that they share one server.
add_executable(billing_postgres_test
  ledger_postgres_test.cpp postgres_outage_test.cpp ${CMAKE_SOURCE_DIR}/tests/support/private_postgres.cpp)
target_link_libraries(billing_postgres_test PRIVATE tollgate_billing GTest::gtest GTest::gtest_main)
add_test(NAME billing_postgres_test COMMAND billing_postgres_test)
set_tests_properties(billing_postgres_test PROPERTIES TIMEOUT 300 ENVIRONMENT "${TOLLGATE_TEST_ENVIRONMENT}"
  SKIP_REGULAR_EXPRESSION "[1-9][0-9]* tests?, listed below:.*SKIPPED")
