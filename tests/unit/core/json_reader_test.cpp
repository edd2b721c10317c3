#include "core/json.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

struct Parsed {
  JsonReader reader;
  JsonValue root;
  explicit Parsed(std::string_view text) {
    auto result = reader.parse(text);
    EXPECT_TRUE(result.has_value()) << text;
    if (result) root = *result;
  }
};

TEST(JsonReader, ReadsEveryKind) {
  const Parsed p(R"({"s":"a\"b","i":-7,"u":18446744073709551615,"d":2.5,"t":true,"f":false,"n":null,"a":[1,[2],{}]})");
  EXPECT_TRUE(p.root.is_object());
  EXPECT_EQ(p.root.size(), 8u);
  EXPECT_EQ(p.root["s"].as_string(), "a\"b");
  EXPECT_EQ(p.root["i"].as_int(), -7);
  EXPECT_TRUE(p.root["u"].is_number());
  EXPECT_EQ(p.root["u"].as_int(), std::nullopt);
  EXPECT_EQ(p.root["u"].number_text(), "18446744073709551615");
  EXPECT_EQ(p.root["d"].as_int(), std::nullopt);
  EXPECT_EQ(p.root["d"].number_text(), "2.5");
  EXPECT_EQ(p.root["t"].as_bool(), true);
  EXPECT_EQ(p.root["f"].as_bool(), false);
  EXPECT_TRUE(p.root["n"].is_null());
  EXPECT_EQ(p.root["a"].size(), 3u);
  EXPECT_EQ(p.root["a"].at(1).at(0).as_int(), 2);
  EXPECT_TRUE(p.root["a"].at(2).is_object());
}

TEST(JsonReader, AbsentValuesChain) {
  const Parsed p(R"({"a":{"b":1}})");
  EXPECT_FALSE(p.root["x"]["y"].at(3).present());
  EXPECT_FALSE(p.root["a"]["b"]["c"].present());
  EXPECT_FALSE(p.root["a"].at(0).present());
  const JsonValue absent;
  EXPECT_EQ(absent.as_int(), std::nullopt);
  EXPECT_EQ(absent.as_string(), std::nullopt);
  EXPECT_EQ(absent.as_bool(), std::nullopt);
  EXPECT_EQ(absent.number_text(), "");
  EXPECT_EQ(absent.size(), 0u);
  EXPECT_FALSE(absent.is_null());
}

TEST(JsonReader, IntegersInDoubles) {
  const Parsed p(R"([12.0,1e3,-0.0,1e18,1e19,-9223372036854775808.0,0.5])");
  EXPECT_EQ(p.root.at(0).as_int(), 12);
  EXPECT_EQ(p.root.at(1).as_int(), 1000);
  EXPECT_EQ(p.root.at(2).as_int(), 0);
  EXPECT_EQ(p.root.at(3).as_int(), 1'000'000'000'000'000'000);
  EXPECT_EQ(p.root.at(4).as_int(), std::nullopt);
  EXPECT_EQ(p.root.at(5).as_int(), INT64_MIN);
  EXPECT_EQ(p.root.at(6).as_int(), std::nullopt);
}

TEST(JsonReader, NumberTextKeepsPrices) {
  const Parsed p(R"([0.000054399,1.5e-7,0.1,100])");
  EXPECT_EQ(p.root.at(0).number_text(), "5.4399e-05");
  EXPECT_EQ(p.root.at(1).number_text(), "1.5e-07");
  EXPECT_EQ(p.root.at(2).number_text(), "0.1");
  EXPECT_EQ(p.root.at(3).number_text(), "100");
}

TEST(JsonReader, EachMemberAndElementStop) {
  const Parsed p(R"({"a":1,"b":2,"c":3})");
  std::string keys;
  p.root.each_member(
      [](void* context, std::string_view key, JsonValue value) {
        static_cast<std::string*>(context)->append(key).append(value.number_text());
        return key != "b";
      },
      &keys);
  EXPECT_EQ(keys, "a1b2");
  const Parsed q("[1,2,3]");
  int sum = 0;
  q.root.each_element(
      [](void* context, JsonValue value) {
        *static_cast<int*>(context) += static_cast<int>(*value.as_int());
        return true;
      },
      &sum);
  EXPECT_EQ(sum, 6);
}

TEST(JsonReader, RejectsWithStatus400) {
  JsonReader reader;
  for (const char* text :
       {"", " ", "{", "[1,]", "{\"a\"}", "nul", "1 2", "{\"a\":\"\x01\"}", "\"\\ud800\\q\"", "\"\xff\""}) {
    auto result = reader.parse(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().status, 400);
    EXPECT_EQ(result.error().kind, ErrorKind::client_fault);
  }
}

TEST(JsonReader, ReadsHalfCharactersAsReplacement) {
  const Parsed p(R"({"a":"x\ud83d","b":"\ude00y","c":"\ud83d\ud83d\ude00","d":"\\ud83d","e":"\ud83d\n","usage":3})");
  EXPECT_EQ(p.root["a"].as_string(), "x\uFFFD");
  EXPECT_EQ(p.root["b"].as_string(), "\uFFFDy");
  EXPECT_EQ(p.root["c"].as_string(), "\uFFFD\U0001F600");
  EXPECT_EQ(p.root["d"].as_string(), "\\ud83d");
  EXPECT_EQ(p.root["e"].as_string(), "\uFFFD\n");
  EXPECT_EQ(p.root["usage"].as_int(), 3);
}

TEST(JsonReader, LimitsDepth) {
  JsonReader reader;
  EXPECT_TRUE(reader.parse(std::string(1000, '[') + std::string(1000, ']')).has_value());
  EXPECT_FALSE(reader.parse(std::string(5000, '[') + std::string(5000, ']')).has_value());
  EXPECT_FALSE(reader.parse(std::string(1'000'000, '[')).has_value());
}

TEST(JsonReader, SurvivesSizesUpAndDown) {
  JsonReader reader;
  for (const std::size_t size : {10u, 100'000u, 5u, 3'000'000u, 4'096u, 70'000u, 1u}) {
    auto result = reader.parse("[\"" + std::string(size, 'x') + "\"]");
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->at(0).as_string()->size(), size);
  }
}

TEST(JsonEscape, RoundTripsThroughTheReader) {
  std::string text = "plain \"quoted\" back\\slash / \b\f\n\r\t \x01\x1f\x7f é 漢 😀";
  text.push_back('\0');
  std::string literal = "\"";
  json_escape(literal, text);
  literal += '"';
  const Parsed p(literal);
  EXPECT_EQ(p.root.as_string(), text);
}

// Every byte at every place of a long text: plain ones are copied in eights.
TEST(JsonEscape, SpecialBytesAreFoundAnywhere) {
  for (int byte = 0; byte < 0x80; ++byte) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, 'x'), out;
      text[at] = static_cast<char>(byte);
      json_escape(out, text);
      const std::string rest = out.substr(at, out.size() - 19);
      EXPECT_EQ(out.substr(0, at), std::string(at, 'x'));
      EXPECT_EQ(out.substr(at + rest.size()), std::string(19 - at, 'x'));
      const bool special = byte < 0x20 || byte == '"' || byte == '\\';
      EXPECT_EQ(rest.size() > 1, special) << byte << " at " << at;
      if (!special) EXPECT_EQ(rest[0], static_cast<char>(byte));
    }
  }
}

TEST(JsonEscape, ReplacesInvalidUtf8) {
  std::string out = "x";
  json_escape(out, "a\xff\xc3(\xed\xa0\x80z\xe2\x82");
  EXPECT_EQ(out, "xa\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace tollgate
