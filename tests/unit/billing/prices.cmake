tollgate_test(prices_test
  SOURCES exchange_feed.cpp price_book_test.cpp price_cases_test.cpp price_import_test.cpp price_total_test.cpp
          price_vendors_test.cpp shipped_prices_test.cpp usage_anthropic_test.cpp usage_bedrock_test.cpp
          usage_conformance_test.cpp usage_exchanges_test.cpp usage_gemini_test.cpp usage_openai_test.cpp
          usage_responses_test.cpp usage_stream_test.cpp usage_vendors_test.cpp
  LINKS tollgate_billing)
