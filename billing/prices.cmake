set(BILLING_PRICE_SOURCES
    price_book.cpp price_decimal.cpp price_diff.cpp price_import.cpp price_json.cpp price_rows.cpp price_source_genai.cpp
    price_source_litellm.cpp price_source_others.cpp price_sum.cpp price_time.cpp price_yaml.cpp
    usage_bedrock.cpp usage_cohere.cpp usage_counts.cpp usage_counts_clouds.cpp usage_detect.cpp usage_events.cpp
    usage_gemini.cpp usage_normalise.cpp usage_reader.cpp usage_scan.cpp)
