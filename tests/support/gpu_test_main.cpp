// main() of tests that run on a device: exit code 77, which ctest calls skipped, if there was none for any of them.
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int failed = RUN_ALL_TESTS();
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  const bool none_ran = all.skipped_test_count() > 0 && all.successful_test_count() == 0;
  return failed == 0 && none_ran ? 77 : failed;
}
