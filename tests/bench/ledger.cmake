add_executable(ledger_bench ledger_bench.cpp)
target_include_directories(ledger_bench PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/billing)
target_link_libraries(ledger_bench PRIVATE tollgate_billing GTest::gtest benchmark::benchmark benchmark::benchmark_main)
