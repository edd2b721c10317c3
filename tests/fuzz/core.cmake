tollgate_fuzzer(fuzz_sse SOURCES fuzz_sse.cpp LINKS tollgate_core
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/sse)
tollgate_fuzzer(fuzz_json SOURCES fuzz_json.cpp LINKS tollgate_core
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/json)
tollgate_fuzzer(fuzz_money SOURCES fuzz_money.cpp LINKS tollgate_core
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/money)
tollgate_fuzzer(fuzz_frames SOURCES fuzz_frames.cpp LINKS tollgate_core
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/frames)
