# tollgate_gpu_test(name SOURCES x_test.cpp LINKS y): a test of device code, by runtime.h and kernels.h alone. `name` runs
# on the simulated GPU; where the device code is built there is also `name_gpu`, the same on a device (skipped where there
# is none).
set(TOLLGATE_GPU_TEST_MAIN ${CMAKE_CURRENT_LIST_DIR}/gpu_test_main.cpp)
get_filename_component(TOLLGATE_GPU_TEST_ROOT ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)

function(tollgate_gpu_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  if(TARGET tollgate_simulated_kernels)
    tollgate_test(${name} SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS} tollgate_simulated_kernels)
  endif()
  if(TARGET tollgate_local_cuda_kernels)
    add_executable(${name}_gpu ${ARG_SOURCES} ${TOLLGATE_GPU_TEST_MAIN})
    target_link_libraries(${name}_gpu PRIVATE ${ARG_LINKS} tollgate_local_cuda_kernels GTest::gtest)
    add_test(NAME ${name}_gpu COMMAND ${name}_gpu)
    set_tests_properties(${name}_gpu PROPERTIES LABELS gpu TIMEOUT 300 SKIP_RETURN_CODE 77
      ENVIRONMENT "TOLLGATE_SOURCE_DIR=${TOLLGATE_GPU_TEST_ROOT}")
  endif()
endfunction()
