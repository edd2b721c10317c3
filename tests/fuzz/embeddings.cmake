tollgate_fuzzer(fuzz_embeddings SOURCES fuzz_embeddings.cpp LINKS tollgate_dialects
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/embeddings)
