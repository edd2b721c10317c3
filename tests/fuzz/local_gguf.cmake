tollgate_fuzzer(fuzz_gguf SOURCES fuzz_gguf.cpp LINKS tollgate_local_gguf
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/gguf)
tollgate_fuzzer(fuzz_gguf_blocks SOURCES fuzz_gguf_blocks.cpp LINKS tollgate_local_gguf
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/gguf_blocks)
tollgate_fuzzer(fuzz_gguf_safetensors SOURCES fuzz_gguf_safetensors.cpp LINKS tollgate_local_convert
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/gguf_safetensors)
tollgate_fuzzer(fuzz_gguf_import SOURCES fuzz_gguf_import.cpp LINKS tollgate_local_convert
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/gguf_import)
