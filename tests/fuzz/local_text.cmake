tollgate_fuzzer(fuzz_tokenizer SOURCES fuzz_tokenizer.cpp LINKS tollgate_local_text
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/tokenizer/texts)
tollgate_fuzzer(fuzz_tokenizer_load SOURCES fuzz_tokenizer_load.cpp LINKS tollgate_local_text
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/tokenizer/vocabularies)
