find_package(ZLIB REQUIRED)
add_executable(grammar_bench ${CMAKE_CURRENT_LIST_DIR}/grammar_bench.cpp
  ${CMAKE_SOURCE_DIR}/tests/unit/local/grammar/schema_corpus.cpp)
target_link_libraries(grammar_bench PRIVATE tollgate_local_grammar tollgate_local_text ZLIB::ZLIB)
