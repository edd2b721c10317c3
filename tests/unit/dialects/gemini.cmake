tollgate_test(dialect_gemini_test
  SOURCES gemini_error_test.cpp gemini_foreign_test.cpp gemini_recorded_test.cpp gemini_reply_test.cpp
    gemini_request_test.cpp gemini_stream_test.cpp gemini_testing.cpp
  LINKS dialect_test_support tollgate_billing)
