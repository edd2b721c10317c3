tollgate_test(dialect_openai_chat_test
  SOURCES openai_chat_error_test.cpp openai_chat_recorded_stream_test.cpp openai_chat_recorded_test.cpp
          openai_chat_reply_test.cpp openai_chat_request_test.cpp openai_chat_stream_test.cpp
          openai_chat_stream_write_test.cpp openai_chat_testing.cpp openai_chat_vendor_test.cpp
  LINKS dialect_test_support tollgate_billing)
