tollgate_test(dialect_anthropic_test
  SOURCES anthropic_error_test.cpp anthropic_models_test.cpp anthropic_recorded_test.cpp anthropic_reply_test.cpp
    anthropic_request_test.cpp anthropic_signature_test.cpp anthropic_stream_recorded_test.cpp anthropic_stream_test.cpp
    anthropic_testing.cpp anthropic_translate_test.cpp anthropic_turns_test.cpp
  LINKS dialect_test_support tollgate_billing)
