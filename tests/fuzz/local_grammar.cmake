tollgate_fuzzer(fuzz_schema SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_schema.cpp LINKS tollgate_local_grammar
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/schema)
