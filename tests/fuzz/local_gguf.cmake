tollgate_fuzzer(fuzz_gguf SOURCES fuzz_gguf.cpp LINKS tollgate_local_gguf
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/gguf)
