tollgate_fuzzer(fuzz_ollama SOURCES fuzz_ollama.cpp LINKS tollgate_dialects CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/ollama)
