set(BILLING_PRICE_SOURCES price_book.cpp price_decimal.cpp price_rows.cpp price_time.cpp usage_counts.cpp
    usage_normalise.cpp usage_reader.cpp usage_scan.cpp)
