// Arguments: options, flags and words of a command line, and what is not understood.
#include <gtest/gtest.h>

#include <set>

#include "gateway/commands.h"

namespace tollgate::gateway {
namespace {

TEST(Arguments, OptionsInBothForms) {
  Arguments apart({"--by", "team", "--since=30d", "--config", "x=y"});
  EXPECT_EQ(apart.option("--by"), "team");
  EXPECT_EQ(apart.option("--since"), "30d");
  EXPECT_EQ(apart.option("--config"), "x=y");
  EXPECT_EQ(apart.option("--until"), std::nullopt);
  EXPECT_EQ(apart.problem(), "");
}

TEST(Arguments, AnEmptyValueIsAValueAndAPrefixIsNone) {
  Arguments arguments({"--format=", "--formats", "x"});
  EXPECT_EQ(arguments.option("--format"), "");
  EXPECT_EQ(arguments.option("--format"), std::nullopt);
  EXPECT_NE(arguments.problem(), "");
}

TEST(Arguments, AMissingValueIsAProblem) {
  for (std::vector<std::string> words : {std::vector<std::string>{"--by"}, {"--by", "--config", "f"}}) {
    Arguments arguments(words);
    (void)arguments.option("--config");
    EXPECT_EQ(arguments.option("--by"), std::nullopt);
    EXPECT_EQ(arguments.problem(), "option --by needs a value");
  }
}

TEST(Arguments, WordsAndFlags) {
  Arguments arguments({"import", "--dry-run", "file"});
  EXPECT_EQ(arguments.next(), "import");
  EXPECT_EQ(arguments.next(), std::nullopt);  // an option comes first
  EXPECT_TRUE(arguments.flag("--dry-run"));
  EXPECT_FALSE(arguments.flag("--dry-run"));
  EXPECT_EQ(arguments.next(), "file");
  EXPECT_EQ(arguments.next(), std::nullopt);
  EXPECT_EQ(arguments.problem(), "");
}

TEST(Arguments, WhatIsLeftIsNamed) {
  EXPECT_EQ(Arguments({"--colour"}).problem(), "'--colour' is not understood here");
  EXPECT_EQ(Arguments({}).problem(), "");
}

TEST(Commands, EachHasANameAUsageAndCode) {
  std::set<std::string_view> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_TRUE(command.usage.starts_with("usage: tollgate " + std::string(command.name))) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_NE(command.run, nullptr) << command.name;
  }
}

}  // namespace
}  // namespace tollgate::gateway
