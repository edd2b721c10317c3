tollgate_test(gateway_parts_test
  SOURCES access_test.cpp admin_test.cpp arguments_test.cpp batch_test.cpp echo_reply_test.cpp error_body_test.cpp
          load_text_test.cpp local_answer_test.cpp local_prompt_test.cpp mail_turns_test.cpp pull_test.cpp rate_limit_test.cpp surface_test.cpp upstream_request_test.cpp
          ${CMAKE_SOURCE_DIR}/gateway/commands.cpp ${CMAKE_SOURCE_DIR}/gateway/command_ledger.cpp
          ${CMAKE_SOURCE_DIR}/gateway/command_model.cpp ${CMAKE_SOURCE_DIR}/gateway/command_prices.cpp
          ${CMAKE_SOURCE_DIR}/gateway/command_pull.cpp ${CMAKE_SOURCE_DIR}/gateway/command_bench.cpp
          ${CMAKE_SOURCE_DIR}/gateway/bench/options.cpp
  LINKS tollgate_gateway tollgate_bench tollgate_pull tollgate_local_convert)
