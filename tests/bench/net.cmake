add_executable(net_bench ${CMAKE_CURRENT_LIST_DIR}/net_bench.cpp)
target_link_libraries(net_bench PRIVATE tollgate_net)
