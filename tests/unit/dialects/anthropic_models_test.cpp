// What model names tell, and the schemas that the API takes.
#include "gateway/dialects/anthropic_models.h"

#include <gtest/gtest.h>

#include "anthropic_testing.h"
#include "gateway/dialects/anthropic_schema.h"

namespace tollgate::gateway::claude {
namespace {

TEST(AnthropicModels, NamesWithoutVersionGetTheFirstForm) {
  for (const char* name : {"", "m", "deepseek-chat", "claude", "claude-latest", "my-opus"}) {
    const ModelTraits traits = traits_of(name);
    EXPECT_TRUE(traits.thinks && !traits.adaptive && traits.sampling && traits.json_schema) << name;
    EXPECT_EQ(traits.max_output, 0) << name;
  }
}

TEST(AnthropicModels, EverySpellingOfAVersion) {
  for (const char* name :
       {"claude-haiku-4-5", "claude-haiku-4-5-20251001", "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "claude-haiku-4-5@20251001", "anthropic/claude-haiku-4.5"}) {
    const ModelTraits traits = traits_of(name);
    EXPECT_TRUE(traits.thinks && !traits.adaptive && traits.one_sampler && traits.json_schema) << name;
    EXPECT_EQ(traits.max_output, 64'000) << name;
  }
  EXPECT_EQ(traits_of("claude-opus-4-20250514").max_output, 32'000);
  EXPECT_EQ(traits_of("claude-opus-4@20250514").max_output, 32'000);
  EXPECT_EQ(traits_of("claude-3-haiku-20240307").max_output, 4'096);
  EXPECT_EQ(traits_of("anthropic.claude-3-5-sonnet-20240620-v1:0").max_output, 8'192);
  EXPECT_EQ(traits_of("claude-3-7-sonnet-20250219").max_output, 64'000);
  EXPECT_FALSE(traits_of("anthropic.claude-v2:1").thinks);
  EXPECT_FALSE(traits_of("claude-instant-v1").thinks);
}

TEST(AnthropicModels, Generations) {
  EXPECT_FALSE(traits_of("claude-3-5-sonnet-20240620").thinks);
  EXPECT_TRUE(traits_of("claude-3-7-sonnet-20250219").thinks);
  EXPECT_FALSE(traits_of("claude-sonnet-4-0").json_schema);
  EXPECT_TRUE(traits_of("claude-opus-4-1").json_schema);
  EXPECT_TRUE(traits_of("claude-sonnet-4-6").adaptive);
  EXPECT_FALSE(traits_of("claude-sonnet-4-6").xhigh);
  EXPECT_TRUE(traits_of("claude-sonnet-4-6").sampling);
  EXPECT_TRUE(traits_of("us.anthropic.claude-opus-4-6-v1").sampling);
  EXPECT_TRUE(traits_of("claude-opus-4-7").xhigh);
  EXPECT_FALSE(traits_of("claude-opus-4-7").sampling);
  EXPECT_TRUE(traits_of("claude-opus-4-7").off_by_default);
  EXPECT_FALSE(traits_of("claude-sonnet-5").off_by_default);
  EXPECT_TRUE(traits_of("claude-sonnet-5").can_stop_thinking);
  EXPECT_FALSE(traits_of("claude-sonnet-5").system_in_turns);
  EXPECT_FALSE(traits_of("claude-fable-5").can_stop_thinking);
  EXPECT_TRUE(traits_of("claude-opus-4-8").system_in_turns);
  EXPECT_TRUE(traits_of("claude-opus-5").system_in_turns);
  EXPECT_FALSE(traits_of("claude-opus-5-5").can_stop_thinking);
}

TEST(AnthropicSchema, ObjectsAreClosedAndBoundsBecomeWords) {
  EXPECT_EQ(parsed(closed_schema(R"({"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9},
    "s":{"type":"string","description":"a word","maxLength":5,"format":"email"},
    "l":{"type":"array","items":{"type":"object","properties":{}},"minItems":3},
    "e":{"type":["object","null"],"additionalProperties":{"type":"string"}}},"required":["n"]})")),
            parsed(R"({"type":"object","properties":{"n":{"type":"integer","description":"{minimum: 1, maximum: 9}"},
    "s":{"type":"string","format":"email","description":"a word\n\n{maxLength: 5}"},
    "l":{"type":"array","items":{"type":"object","properties":{},"additionalProperties":false},
         "description":"{minItems: 3}"},
    "e":{"type":["object","null"],"description":"{additionalProperties: {\"type\":\"string\"}}",
         "additionalProperties":false}},"required":["n"],"additionalProperties":false})"));
}

TEST(AnthropicSchema, WhatIsTakenStays) {
  constexpr std::string_view kSchema = R"({"$defs":{"a":{"enum":["x",1,null]}},"anyOf":[{"$ref":"#/$defs/a"},
    {"type":"array","items":{"const":5},"minItems":1},{"type":"string","pattern":"^a+$","default":"a"}]})";
  EXPECT_EQ(parsed(closed_schema(kSchema)), parsed(kSchema));
  EXPECT_EQ(parsed(closed_schema(R"({"oneOf":[{"type":"null"}]})")), parsed(R"({"anyOf":[{"type":"null"}]})"));
  // A property may have a keyword's name.
  constexpr std::string_view kNamed =
      R"({"type":"object","properties":{"minimum":{"type":"integer"}},"additionalProperties":false})";
  EXPECT_EQ(parsed(closed_schema(kNamed)), parsed(kNamed));
  EXPECT_EQ(closed_schema("no json"), "no json");
  EXPECT_EQ(closed_schema("true"), "true");
}

TEST(AnthropicSchema, StrictMeansClosedAndAllRequired) {
  const auto strict = [](std::string_view schema) {
    JsonReader reader;
    return is_strict_schema(*reader.parse(schema));
  };
  EXPECT_TRUE(strict(R"({"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false})"));
  EXPECT_FALSE(strict(R"({"type":"object","properties":{"a":{}},"required":[],"additionalProperties":false})"));
  EXPECT_FALSE(strict(R"({"type":"object","properties":{"a":{}},"required":["a"]})"));
  EXPECT_TRUE(strict(R"({"type":"array","items":{"type":"string"}})"));
  EXPECT_FALSE(strict(R"({"type":"array","items":{"type":"object"}})"));
  EXPECT_FALSE(strict(R"({"anyOf":[{"type":"null"},{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"object"}}})"));
}

}  // namespace
}  // namespace tollgate::gateway::claude
