#include "core/json_dom.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

TEST(JsonDom, KeepsOrderBothWays) {
  const std::string text = R"({"z":1,"a":[true,null,"x\ny"],"m":{"k":-0.5}})";
  auto value = parse_json_dom(text);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(dump_json(*value), text);
}

TEST(JsonDom, NamesTheByte) {
  const auto result = parse_json_dom(R"({"a":1,"b":})");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().status, 400);
  EXPECT_NE(result.error().message.find("(byte 11)"), std::string::npos) << result.error().message;
}

TEST(JsonDom, LimitsDepthAndMembers) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse_json_dom(nested(kJsonDomMaxDepth)).has_value());
  EXPECT_FALSE(parse_json_dom(nested(kJsonDomMaxDepth + 1)).has_value());
  EXPECT_FALSE(parse_json_dom(std::string(3'000'000, '[')).has_value());
  const auto wide = [](std::size_t n, char open, char close) {
    std::string text(1, open);
    for (std::size_t i = 0; i < n; ++i)
      text += (i > 0 ? "," : "") + std::string(open == '{' ? "\"" + std::to_string(i) + "\":" : "") + "1";
    return text + close;
  };
  EXPECT_TRUE(parse_json_dom(wide(kJsonDomMaxMembers, '{', '}')).has_value());
  EXPECT_FALSE(parse_json_dom(wide(kJsonDomMaxMembers + 1, '{', '}')).has_value());
  EXPECT_TRUE(parse_json_dom(wide(100'000, '[', ']')).has_value());
  EXPECT_TRUE(parse_json_dom("[\"" + std::string(5000, ',') + "[[[[\\\"{{{{\"]").has_value()) << "strings do not count";
}

TEST(JsonDom, OddTextsAreErrorsNotExceptions) {
  for (const std::string& text :
       {std::string(), std::string("1e999"), std::string("{}\0", 3), std::string("[1"), std::string("\"\xff\"")})
    EXPECT_FALSE(parse_json_dom(text).has_value()) << text;
}

TEST(JsonDom, DumpReplacesInvalidUtf8) { EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xEF\xBF\xBD\""); }

}  // namespace
}  // namespace tollgate
