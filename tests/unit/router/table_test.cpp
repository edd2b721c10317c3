// ModelTable: names, direct targets, and what is said about unknown ones.
#include "router/table.h"

#include <gtest/gtest.h>

namespace tollgate::router {
namespace {

config::Config two_providers() {
  config::Config config;
  config.providers.resize(2);
  config.providers[0].name = "lab";
  config.providers[1].name = "openrouter";
  config.models = {{"smart", {{"openrouter", "vendor/big"}, {"lab", "small"}}},
                   {"lab/alias", {{"lab", "renamed"}}},
                   {"gone", {{"nobody", "x"}}},
                   {"half", {{"nobody", "x"}, {"lab", "y"}}}};
  return config;
}

TEST(ModelTable, NamesGiveTheirTargetsInTheWrittenOrder) {
  const ModelTable table(two_providers());
  const auto plan = table.resolve("smart");
  ASSERT_TRUE(plan);
  EXPECT_EQ((*plan).route, "smart");
  ASSERT_EQ((*plan).targets.size(), 2u);
  EXPECT_EQ((*plan).targets[0].provider, 1u);
  EXPECT_EQ((*plan).targets[0].model, "vendor/big");
  EXPECT_EQ((*plan).targets[0].text, "openrouter/vendor/big");
  EXPECT_EQ((*plan).targets[1].text, "lab/small");
}

TEST(ModelTable, ProviderAndModelGoStraightThere) {
  const ModelTable table(two_providers());
  const auto plan = table.resolve("openrouter/anthropic/claude");
  ASSERT_TRUE(plan);
  EXPECT_EQ((*plan).route, "");
  ASSERT_EQ((*plan).targets.size(), 1u);
  EXPECT_EQ((*plan).targets[0].provider, 1u);
  EXPECT_EQ((*plan).targets[0].model, "anthropic/claude");
}

TEST(ModelTable, AConfiguredNameWinsOverADirectTarget) {
  const ModelTable table(two_providers());
  const auto plan = table.resolve("lab/alias");
  ASSERT_TRUE(plan);
  EXPECT_EQ((*plan).route, "lab/alias");
  EXPECT_EQ((*plan).targets[0].model, "renamed");
}

TEST(ModelTable, TargetsOfUnknownProvidersAreLeftOut) {
  const ModelTable table(two_providers());
  EXPECT_EQ(table.names(), (std::vector<std::string>{"smart", "lab/alias", "half"}));
  const auto half = table.resolve("half");
  ASSERT_TRUE(half);
  ASSERT_EQ((*half).targets.size(), 1u);
  EXPECT_EQ((*half).targets[0].text, "lab/y");
  EXPECT_FALSE(table.resolve("gone"));
}

TEST(ModelTable, UnknownNamesAreRefusedWithTheKnownOnes) {
  const ModelTable table(two_providers());
  for (const char* name : {"", "Smart", "smart ", "nobody/x", "lab/", "/small", "lab"}) {
    const auto plan = table.resolve(name);
    ASSERT_FALSE(plan) << name;
    EXPECT_EQ(Result<Plan>(plan).error().status, 404) << name;
    EXPECT_EQ(Result<Plan>(plan).error().code, "model_not_found") << name;
    EXPECT_NE(Result<Plan>(plan).error().message.find("smart, lab/alias, half"), std::string::npos) << name;
  }
}

TEST(ModelTable, ALongNameIsNotRepeatedWhole) {
  const ModelTable table(two_providers());
  auto plan = table.resolve(std::string(100'000, 'm'));
  ASSERT_FALSE(plan);
  EXPECT_LT(plan.error().message.size(), 500u);
}

}  // namespace
}  // namespace tollgate::router
