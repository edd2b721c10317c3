tollgate_test(dialect_bedrock_test
  SOURCES bedrock_error_test.cpp bedrock_foreign_test.cpp bedrock_models_test.cpp bedrock_recorded_test.cpp
    bedrock_reply_test.cpp bedrock_request_test.cpp bedrock_settings_test.cpp bedrock_stream_test.cpp
  LINKS dialect_test_support tollgate_billing)
