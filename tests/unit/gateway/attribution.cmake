tollgate_test(attribution_test
  SOURCES attribution_test.cpp cardinality_test.cpp
  LINKS tollgate_attribution)
