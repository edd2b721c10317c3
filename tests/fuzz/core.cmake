tollgate_fuzzer(fuzz_sse SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_sse.cpp LINKS tollgate_core
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/sse)
tollgate_fuzzer(fuzz_json SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_json.cpp LINKS tollgate_core
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/json)
tollgate_fuzzer(fuzz_money SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_money.cpp LINKS tollgate_core
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/money)
