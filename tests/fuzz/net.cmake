foreach(target http_request http_response http_body)
  tollgate_fuzzer(fuzz_${target} SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_${target}.cpp LINKS tollgate_net
    CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/${target})
endforeach()
