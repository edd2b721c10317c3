// What is known of a model by its id.
#include "gateway/dialects/bedrock_models.h"

#include <gtest/gtest.h>

#include <set>

#include "gateway/dialects/bedrock_blocks.h"

namespace tollgate::gateway::bedrock {
namespace {

TEST(BedrockModels, VendorsByIdProfileAndArn) {
  EXPECT_EQ(traits_of("anthropic.claude-3-haiku-20240307-v1:0").vendor, Vendor::claude);
  EXPECT_EQ(traits_of("us.anthropic.claude-opus-4-6-v1").vendor, Vendor::claude);
  EXPECT_EQ(traits_of("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2").vendor, Vendor::claude);
  EXPECT_EQ(traits_of("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc").vendor,
            Vendor::unknown);
  EXPECT_EQ(traits_of("eu.amazon.nova-pro-v1:0").vendor, Vendor::nova);
  EXPECT_EQ(traits_of("amazon.titan-text-express-v1").vendor, Vendor::other);
  EXPECT_EQ(traits_of("openai.gpt-oss-20b-1:0").vendor, Vendor::openai);
  EXPECT_EQ(traits_of("us.meta.llama4-maverick-17b-instruct-v1:0").vendor, Vendor::meta);
  EXPECT_EQ(traits_of("us.mistral.pixtral-large-2502-v1:0").vendor, Vendor::mistral);
  EXPECT_EQ(traits_of("us.deepseek.r1-v1:0").vendor, Vendor::other);
}

TEST(BedrockModels, WhatTheyTake) {
  EXPECT_TRUE(traits_of("us.amazon.nova-2-lite-v1:0").nova_reasons);
  EXPECT_FALSE(traits_of("us.amazon.nova-lite-v1:0").nova_reasons);
  EXPECT_FALSE(traits_of("us.amazon.nova-2-lite-v1:0").json_schema);
  EXPECT_TRUE(traits_of("qwen.qwen3-32b-v1:0").json_schema);
  EXPECT_FALSE(traits_of("us.deepseek.r1-v1:0").json_schema);
  EXPECT_FALSE(traits_of("anthropic.claude-3-5-sonnet-20240620-v1:0").json_schema);
  EXPECT_TRUE(traits_of("us.anthropic.claude-haiku-4-5-20251001-v1:0").json_schema);
  EXPECT_FALSE(traits_of("openai.gpt-oss-20b-1:0").stop);
  EXPECT_TRUE(traits_of("openai.gpt-oss-20b-1:0").sampling);
  EXPECT_FALSE(traits_of("us.openai.gpt-5.6").sampling);
  EXPECT_FALSE(traits_of("us.anthropic.claude-opus-4-7-v1").sampling);
  EXPECT_FALSE(traits_of("us.anthropic.claude-opus-5-5-v1").tool_choice_any);
  EXPECT_TRUE(traits_of("us.anthropic.claude-opus-5-v1").tool_choice_any);
  EXPECT_FALSE(traits_of("us.meta.llama4-maverick-17b-instruct-v1:0").tool_choice_any);
  EXPECT_FALSE(traits_of("anthropic.claude-3-haiku-20240307-v1:0").cache_points);
  EXPECT_TRUE(traits_of("amazon.nova-lite-v1:0").cache_points);
  EXPECT_FALSE(traits_of("amazon.nova-lite-v1:0").cache_tools);
}

TEST(BedrockCallIds, FitAndStayTheSame) {
  EXPECT_EQ(fitting_call_id("call_Ab.1:2-x", Vendor::unknown), "call_Ab.1:2-x");
  const std::string odd = "call/with|signs";
  EXPECT_EQ(fitting_call_id(odd, Vendor::claude), fitting_call_id(odd, Vendor::claude));
  EXPECT_EQ(fitting_call_id("", Vendor::claude).size(), 30u);
  EXPECT_EQ(fitting_call_id("abcDEF123", Vendor::mistral), "abcDEF123");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    for (const Vendor vendor : {Vendor::claude, Vendor::mistral}) {
      const std::string id = fitting_call_id("tooluse_" + std::to_string(i) + std::string(70, 'x'), vendor);
      EXPECT_EQ(id.size(), vendor == Vendor::mistral ? 9u : 30u);
      EXPECT_TRUE(seen.insert(id).second) << id;
    }
  }
}

}  // namespace
}  // namespace tollgate::gateway::bedrock
