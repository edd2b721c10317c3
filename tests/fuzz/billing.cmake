tollgate_fuzzer(fuzz_record
  SOURCES fuzz_record.cpp LINKS tollgate_billing CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/record)
tollgate_fuzzer(fuzz_spool
  SOURCES fuzz_spool.cpp LINKS tollgate_billing CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/spool)
tollgate_fuzzer(fuzz_usage
  SOURCES fuzz_usage.cpp LINKS tollgate_billing CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/usage)
tollgate_fuzzer(fuzz_prices
  SOURCES fuzz_prices.cpp LINKS tollgate_billing CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/prices)
