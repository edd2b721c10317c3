set(BILLING_PRICE_SOURCES price_book.cpp usage_reader.cpp)
