tollgate_test(dialect_openai_responses_test
  SOURCES openai_responses_corpus_test.cpp openai_responses_request_test.cpp openai_responses_reply_test.cpp
          openai_responses_stream_test.cpp openai_responses_error_test.cpp openai_responses_follower.cpp
  LINKS dialect_test_support tollgate_billing)
