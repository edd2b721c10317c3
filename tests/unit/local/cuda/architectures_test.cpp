#include "local_backend/cuda/architectures.h"

#include <gtest/gtest.h>

namespace tollgate::local::gpu {
namespace {

constexpr std::string_view kAll = "80-real,86-real,89-real,90a-real,100-real,120";

TEST(Architectures, MachineCodeRunsOnItsMajorVersionFromItsMinorOn) {
  EXPECT_TRUE(runs_on("80-real", 8, 0));
  EXPECT_TRUE(runs_on("80-real", 8, 6));
  EXPECT_FALSE(runs_on("86-real", 8, 0));
  EXPECT_FALSE(runs_on("80-real", 9, 0));
  EXPECT_FALSE(runs_on("80-real", 7, 5));
}

TEST(Architectures, AnAMeansThatOneAloneAndAnFItsFamily) {
  EXPECT_TRUE(runs_on("90a-real", 9, 0));
  EXPECT_TRUE(runs_on("100a", 10, 0));
  EXPECT_FALSE(runs_on("100a", 10, 3));
  EXPECT_FALSE(runs_on("100a", 12, 0));
  EXPECT_TRUE(runs_on("100f", 10, 3));
  EXPECT_FALSE(runs_on("100f", 12, 0));
}

TEST(Architectures, PtxRunsOnWhatIsNewer) {
  EXPECT_TRUE(runs_on("80-virtual", 12, 0));
  EXPECT_TRUE(runs_on("120", 13, 0));
  EXPECT_FALSE(runs_on("120-real", 13, 0));
  EXPECT_FALSE(runs_on("86-virtual", 8, 0));
}

TEST(Architectures, AllOfThemTogether) {
  for (const auto [major, minor] :
       {std::pair{8, 0}, {8, 6}, {8, 7}, {8, 9}, {9, 0}, {10, 0}, {10, 3}, {12, 1}, {14, 0}})
    EXPECT_TRUE(runs_on(kAll, major, minor)) << major << "." << minor;
  for (const auto [major, minor] : {std::pair{7, 5}, {11, 0}})
    EXPECT_FALSE(runs_on(kAll, major, minor)) << major << "." << minor;
  EXPECT_FALSE(runs_on("", 9, 0));
  EXPECT_FALSE(runs_on("native", 9, 0));
}

TEST(Architectures, InWords) {
  EXPECT_EQ(architectures_in_words(kAll), "8.0, 8.6, 8.9, 9.0, 10.0, 12.0 and newer");
  EXPECT_EQ(architectures_in_words("90a-real"), "9.0");
  EXPECT_EQ(architectures_in_words("80-real,80-virtual,90a-real"), "8.0, 9.0");
}

}  // namespace
}  // namespace tollgate::local::gpu
