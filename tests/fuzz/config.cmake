tollgate_fuzzer(fuzz_config SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_config.cpp LINKS tollgate_config
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/config)
