foreach(target anthropic anthropic_models)
  tollgate_fuzzer(fuzz_${target} SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_${target}.cpp LINKS tollgate_dialects
    CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/${target})
endforeach()
