// YAML as a tree: positions, and input that is meant to hurt.
#include "config/yaml_tree.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tollgate::config {
namespace {

std::string problem_of(std::string_view text) {
  std::vector<YamlProblem> problems;
  if (parse_yaml(text, problems)) return "";
  if (problems.empty()) return "no problem told";
  return std::to_string(problems[0].mark.line) + ":" + std::to_string(problems[0].mark.column) + " " +
         problems[0].message;
}

TEST(YamlTree, PositionsAndKinds) {
  std::vector<YamlProblem> problems;
  const auto tree = parse_yaml("a: 1\nb:\n  - \"x\"\n  - {c: d}\ne:\n", problems);
  ASSERT_TRUE(tree.has_value());
  const YamlNode& root = tree->root();
  ASSERT_EQ(root.keys.size(), 3u);
  const YamlNode* b = tree->find(root, "b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->kind, YamlNode::Kind::list);
  const YamlNode& x = tree->at(b->children[0]);
  EXPECT_TRUE(x.quoted);
  EXPECT_EQ(x.mark.line, 3);
  EXPECT_EQ(x.mark.column, 5);
  const YamlNode& map = tree->at(b->children[1]);
  EXPECT_EQ(tree->find(map, "c")->text, "d");
  EXPECT_EQ(tree->find(root, "e")->kind, YamlNode::Kind::null);
  EXPECT_EQ(tree->find(root, "z"), nullptr);
}

TEST(YamlTree, EmptyTextIsEmpty) {
  std::vector<YamlProblem> problems;
  const auto tree = parse_yaml("", problems);
  ASSERT_TRUE(tree.has_value());
  EXPECT_EQ(tree->root().kind, YamlNode::Kind::null);
}

TEST(YamlTree, AliasesShareTheirNode) {
  std::vector<YamlProblem> problems;
  const auto tree = parse_yaml("a: &x {k: v}\nb: *x\n", problems);
  ASSERT_TRUE(tree.has_value());
  EXPECT_EQ(tree->root().children[0], tree->root().children[1]);
}

TEST(YamlTree, Refusals) {
  EXPECT_EQ(problem_of("a: 1\nb: 2\na: 3\n"), "3:1 key `a` stands twice (first in line 1)");
  EXPECT_EQ(problem_of("a: {b: 1, b: 2}\n"), "1:11 key `b` stands twice (first in line 1)");
  EXPECT_EQ(problem_of("a: 1\n---\nb: 2\n").substr(0, 2), "2:");
  EXPECT_NE(problem_of("a: !!python/object x\n"), "");
  EXPECT_NE(problem_of("a: &x {b: 1}\nc:\n  <<: *x\n"), "");
  EXPECT_NE(problem_of("[1, 2]: x\n"), "");
  EXPECT_NE(problem_of("a: *nothing\n"), "");
  EXPECT_NE(problem_of("a: &x [*x]\n"), "");
  EXPECT_NE(problem_of("a: [1, 2\n"), "");
  for (const char* open : {"a: \"open", "a: \"open\n", "a: 'open\n", "a: \"open\nb: 2\n", "a: \"open\n# c\n"}) {
    EXPECT_EQ(problem_of(open), "1:4 a quoted text is never closed") << open;
  }
  EXPECT_EQ(problem_of("a: |\n  block\n"), "");
  EXPECT_EQ(problem_of("a: plain\n  goes on"), "");
  EXPECT_NE(problem_of("\ta: 1\n"), "");
  EXPECT_EQ(problem_of("ok: 1\nb: \xff\n"), "2:4 invalid UTF-8");
  EXPECT_EQ(problem_of(std::string_view("a: x\0y\n", 7)), "1:5 control character");
  EXPECT_EQ(problem_of("a: \x1b[0m\n"), "1:4 control character");
}

TEST(YamlTree, TooLarge) {
  EXPECT_EQ(problem_of(std::string(kMaxYamlBytes + 1, ' ')), "0:0 the file is larger than 4 MiB");
}

// Each of these once made some YAML reader crash, hang or fill the memory.
TEST(YamlTree, HostileTextsEndSoon) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += last + (j < 9 ? ", " : "]\n");
  }
  std::string many_aliases = "a: &x [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\nb: [";
  for (int i = 0; i < 100'000; ++i) many_aliases += "*x, ";
  std::string deep_block;
  for (int i = 0; i < 1000; ++i) deep_block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  std::string anchors;
  for (int i = 0; i < 200'000; ++i) anchors += "? ";
  const std::string texts[] = {bomb,
                               many_aliases + "]",
                               deep_block,
                               dashes,
                               anchors,
                               std::string(1'000'000, '['),
                               std::string(1'000'000, '{'),
                               "a: " + std::string(1'000'000, '!'),
                               std::string(500'000, '&'),
                               "a: '" + std::string(1'000'000, '\''),
                               "a: |\n" + std::string(1'000'000, ' '),
                               "a: >\n" + std::string(500'000, '\n')};
  for (const std::string& text : texts) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<YamlProblem> problems;
    (void)parse_yaml(text, problems);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << text.substr(0, 40);
  }
  EXPECT_NE(problem_of(bomb), "");
  EXPECT_NE(problem_of(std::string(1'000'000, '[')), "");
}

}  // namespace
}  // namespace tollgate::config
