tollgate_fuzzer(fuzz_cohere SOURCES fuzz_cohere.cpp LINKS tollgate_dialects CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/cohere)
