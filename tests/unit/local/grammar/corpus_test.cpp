// The official suite and MaskBench: what is supported is taken and refused rightly.
#include <gtest/gtest.h>

#include "schema_corpus.h"

namespace tollgate::local {
namespace {

void check(const char* title, const std::vector<SchemaCase>& cases) {
  if (cases.empty()) GTEST_SKIP() << "no recorded schemas";
  Tally tally;
  for (const SchemaCase& test : cases) tally_case(test, tally);
  tally.print(title);
  EXPECT_TRUE(tally.wrong.empty());
  EXPECT_TRUE(tally.lost.empty());
}

TEST(GrammarCorpus, Draft2020) { check("draft 2020-12", official_cases("draft2020-12")); }
TEST(GrammarCorpus, Draft7) { check("draft 7", official_cases("draft7")); }
TEST(GrammarCorpus, MaskBench) { check("MaskBench", bench_cases()); }
TEST(GrammarCorpus, LargeSchemas) { check("large schemas", large_schemas()); }

}  // namespace
}  // namespace tollgate::local
