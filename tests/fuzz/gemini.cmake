tollgate_fuzzer(fuzz_gemini SOURCES fuzz_gemini.cpp LINKS tollgate_dialects
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/gemini)
