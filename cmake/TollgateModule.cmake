# Helpers so that each module's CMakeLists.txt is a list of its files and links, nothing else.

add_library(tollgate_options INTERFACE)
target_compile_options(tollgate_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Wno-missing-field-initializers
  -fno-omit-frame-pointer)
target_include_directories(tollgate_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(tollgate_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION)
if(TOLLGATE_SANITIZE)
  target_compile_options(tollgate_options INTERFACE -fsanitize=${TOLLGATE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(tollgate_options INTERFACE -fsanitize=${TOLLGATE_SANITIZE})
endif()
if(TOLLGATE_FUZZ)
  target_compile_options(tollgate_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

include(Precompile)

# tollgate_module(name SOURCES a.cpp b.cpp LINKS x y [PRECOMPILED group]): static library tollgate_<name>.
function(tollgate_module name)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "SOURCES;LINKS" ${ARGN})
  add_library(tollgate_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(tollgate_${name} PUBLIC tollgate_options ${ARG_LINKS})
  if(NOT ARG_PRECOMPILED)
    set(ARG_PRECOMPILED std)
  endif()
  tollgate_precompile(tollgate_${name} ${ARG_PRECOMPILED})
endfunction()

# Environment of the tests that talk to PostgreSQL; leaks of third-party libraries that we cannot mend are passed over.
set(TOLLGATE_TEST_ENVIRONMENT "TOLLGATE_SOURCE_DIR=${CMAKE_SOURCE_DIR}"
  "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0")

# tollgate_test(name SOURCES a_test.cpp LINKS x): one gtest binary; each of its tests becomes a ctest test.
# Tests run with TOLLGATE_SOURCE_DIR in the environment; recorded data is found by TOLLGATE_DATA_DIR.
function(tollgate_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120
    ENVIRONMENT "TOLLGATE_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endfunction()

# tollgate_fuzzer(name SOURCES x.cpp LINKS y CORPUS dir): a libFuzzer binary under the fuzz preset; under every other one
# a plain program that replays the files of its corpus once, registered as a test.
function(tollgate_fuzzer name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LINKS" ${ARGN})
  if(TOLLGATE_FUZZ)
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ${ARG_LINKS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    target_link_libraries(${name} PRIVATE ${ARG_LINKS})
    add_test(NAME ${name} COMMAND ${name} ${ARG_CORPUS})
    set_tests_properties(${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()
