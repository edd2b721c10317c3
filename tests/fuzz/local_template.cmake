tollgate_fuzzer(fuzz_jinja SOURCES fuzz_jinja.cpp LINKS tollgate_local_template
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/jinja)
tollgate_fuzzer(fuzz_answer SOURCES fuzz_answer.cpp LINKS tollgate_local_template
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/answer)
