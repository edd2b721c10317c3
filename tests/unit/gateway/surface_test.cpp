#include "gateway/surface.h"

#include <gtest/gtest.h>

#include <set>

namespace tollgate::gateway {
namespace {

TEST(Routes, PlainPathsNameTheirSurface) {
  for (const Surface& surface : surfaces()) {
    if (surface.client_path.empty() || surface.client_path.find('{') != std::string_view::npos) continue;
    const auto route = match_route(surface.client_path, "");
    ASSERT_TRUE(route) << surface.name;
    EXPECT_EQ(route->surface, &surface);
  }
  for (const char* path :
       {"/", "/v1", "/v1/chat", "/v1/chat/completions/", "/v1/filesystem", "/V1/messages",
        "/v1beta/models/:generateContent", "/v1beta/models/m:doAnything", "/passthrough/", "/passthrough/openai"})
    EXPECT_FALSE(match_route(path, "")) << path;
}

TEST(Routes, GooglePathsNameModelActionAndForm) {
  auto route = match_route("/v1beta/models/openai/gpt-5%2Dmini:generateContent", "");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->surface->name, "generate");
  EXPECT_EQ(route->model, "openai/gpt-5-mini");
  EXPECT_FALSE(route->stream);
  route = match_route("/v1beta/models/a:b:streamGenerateContent", "?key=x&alt=sse");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->model, "a:b");
  EXPECT_TRUE(route->stream);
  EXPECT_FALSE(route->json_array);
  route = match_route("/v1/models/m:streamGenerateContent", "");
  ASSERT_TRUE(route);
  EXPECT_TRUE(route->json_array);
  EXPECT_EQ(match_route("/v1beta/models/m:countTokens", "")->surface->name, "gemini_count");
  EXPECT_EQ(match_route("/v1beta/models/m:batchEmbedContents", "")->surface->name, "gemini_batch_embed");
  EXPECT_EQ(match_route("/v1beta1/projects/p/locations/l/publishers/google/models/m:generateContent", "")->model, "m");
  EXPECT_FALSE(match_route("/v1beta/models/m%00:generateContent", ""));
  EXPECT_FALSE(match_route("/v1beta/models/m%4:generateContent", ""));
}

TEST(Routes, PassthroughFilesAndBatches) {
  auto route = match_route("/passthrough/openai/audio/speech", "");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->provider, "openai");
  EXPECT_EQ(route->rest, "/audio/speech");
  route = match_route("/v1/batches/batch_1/cancel", "");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->surface->name, "batches");
  EXPECT_EQ(route->rest, "/batches/batch_1/cancel");
  EXPECT_EQ(match_route("/v1/files", "")->rest, "/files");
  EXPECT_EQ(match_route("/v1/messages/batches/m/results", "")->surface->name, "message_batches");
}

TEST(Queries, ParametersAreFoundAndTakenOut) {
  EXPECT_EQ(query_value("?a=1&key=s%2Bx&b", "key"), "s+x");
  EXPECT_EQ(query_value("?a=1", "key"), std::nullopt);
  EXPECT_EQ(query_value("?b", "b"), "");
  constexpr std::string_view kOut[] = {"key", "alt"};
  EXPECT_EQ(query_without("?key=1&a=2&alt=sse&b", kOut), "?a=2&b");
  EXPECT_EQ(query_without("?key=1", kOut), "");
  EXPECT_EQ(query_without("", kOut), "");
}

TEST(Surfaces, DefaultsExist) {
  for (const char* dialect : {"openai.chat", "openai.responses", "anthropic.messages", "gemini.generate",
                              "bedrock.converse", "cohere.chat", "ollama.chat", "echo", "local"}) {
    EXPECT_FALSE(default_surfaces(dialect).empty()) << dialect;
    for (const std::string_view name : default_surfaces(dialect)) EXPECT_TRUE(surface_named(name)) << name;
  }
  std::set<std::string_view> names;
  for (const Surface& surface : surfaces()) EXPECT_TRUE(names.insert(surface.name).second) << surface.name;
}

}  // namespace
}  // namespace tollgate::gateway
