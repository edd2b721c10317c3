tollgate_fuzzer(fuzz_bedrock SOURCES fuzz_bedrock.cpp LINKS tollgate_dialects CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/bedrock)
