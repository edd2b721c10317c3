// Who may come in, and which models are shown to them.
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/sha256.h"
#include "gateway/auth.h"
#include "gateway/model_list.h"

namespace tollgate::gateway {
namespace {

std::shared_ptr<const Snapshot> snapshot_with(config::AuthMode mode, bool keys = true) {
  config::Config config;
  config.auth.mode = mode;
  config.shipped_prices = false;
  if (keys) config.auth.keys.push_back({.id = "k1", .secret_sha256 = sha256_hex("tg-secret-1")});
  config::Provider lab;
  lab.name = "lab";
  lab.dialect = "openai.chat";
  lab.base_url = "http://127.0.0.1:1/v1";
  lab.auth = "none";
  config.providers.push_back(lab);
  config.local.models = {{.name = "tiny", .file = "/absent"}};
  config.models = {{"smart", {{"lab", "a"}}}, {"odd \"name\"", {{"lab", "b"}}}};
  auto snapshot = make_snapshot(std::move(config));
  EXPECT_TRUE(snapshot);
  return snapshot ? *snapshot : nullptr;
}

http::Head with(std::string_view name, std::string_view value) {
  http::Head head;
  head.headers.push_back({name, value});
  return head;
}

TEST(Authenticate, TakesTheKeyFromEitherHeader) {
  const auto snapshot = snapshot_with(config::AuthMode::keys);
  for (const auto& head : {with("Authorization", "Bearer tg-secret-1"), with("authorization", "bearer tg-secret-1"),
                           with("authorization", "tg-secret-1"), with("X-Api-Key", "tg-secret-1")}) {
    const auto key = authenticate(*snapshot, head, "");
    ASSERT_TRUE(key) << head.headers[0].value;
    ASSERT_NE(*key, nullptr);
    EXPECT_EQ((*key)->id, "k1");
  }
}

TEST(Authenticate, RefusesWithoutRepeatingTheSecret) {
  const auto snapshot = snapshot_with(config::AuthMode::keys);
  for (const auto& head : {with("authorization", "Bearer tg-secret-2"), with("authorization", "Bearer "),
                           with("x-api-key", ""), with("accept", "x"), with("authorization", "Basic dGctc2VjcmV0LTE="),
                           with("authorization", "Bearer tg-secret-1 ")}) {
    auto key = authenticate(*snapshot, head, "");
    ASSERT_FALSE(key) << head.headers[0].value;
    EXPECT_EQ(key.error().status, 401);
    EXPECT_EQ(key.error().code, "invalid_api_key");
    EXPECT_EQ(key.error().message.find("secret"), std::string::npos);
  }
}

TEST(Authenticate, NoKeyIsConfiguredMeansNobody) {
  const auto snapshot = snapshot_with(config::AuthMode::keys, false);
  EXPECT_FALSE(authenticate(*snapshot, with("authorization", "Bearer anything"), ""));
}

TEST(Authenticate, OpenModeKnowsItsKeysAndTakesTheRest) {
  const auto snapshot = snapshot_with(config::AuthMode::open);
  const auto known = authenticate(*snapshot, with("authorization", "Bearer tg-secret-1"), "");
  ASSERT_TRUE(known);
  ASSERT_NE(*known, nullptr);
  for (const auto& head : {with("authorization", "Bearer other"), with("accept", "x")}) {
    const auto key = authenticate(*snapshot, head, "");
    ASSERT_TRUE(key);
    EXPECT_EQ(*key, nullptr);
  }
}

TEST(ModelList, IsWhatEachFamilyParses) {
  const auto snapshot = snapshot_with(config::AuthMode::open);
  JsonReader reader;
  auto openai = reader.parse(model_list(*snapshot, ApiFamily::openai));
  ASSERT_TRUE(openai);
  EXPECT_EQ((*openai)["object"].as_string(), "list");
  ASSERT_EQ((*openai)["data"].size(), 3u);
  EXPECT_EQ((*openai)["data"].at(0)["id"].as_string(), "smart");
  EXPECT_EQ((*openai)["data"].at(1)["id"].as_string(), "odd \"name\"");
  EXPECT_GT((*openai)["data"].at(0)["created"].as_int().value_or(0), 1'600'000'000);
  auto anthropic = reader.parse(model_list(*snapshot, ApiFamily::anthropic));
  ASSERT_TRUE(anthropic);
  EXPECT_EQ((*anthropic)["has_more"].as_bool(), false);
  EXPECT_EQ((*anthropic)["first_id"].as_string(), "smart");
  EXPECT_EQ((*anthropic)["last_id"].as_string(), "local/tiny") << "models of this process need no entry";
  EXPECT_EQ((*anthropic)["data"].at(0)["type"].as_string(), "model");
  EXPECT_EQ((*anthropic)["data"].at(0)["created_at"].as_string().value_or("").size(), 20u);
}

TEST(ModelList, OneEntryOrNotFound) {
  const auto snapshot = snapshot_with(config::AuthMode::open);
  EXPECT_TRUE(model_entry(*snapshot, ApiFamily::openai, "smart"));
  EXPECT_TRUE(model_entry(*snapshot, ApiFamily::openai, "local/tiny"));
  auto none = model_entry(*snapshot, ApiFamily::openai, "smar");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().status, 404);
}

}  // namespace
}  // namespace tollgate::gateway
