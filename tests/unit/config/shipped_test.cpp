// The embedded files: complete, free of errors, equal to the files of the source tree.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "config/check.h"
#include "config/vendor_words.h"
#include "config_fixture.h"

namespace tollgate::config {
namespace {

std::string source_file(const std::string& name) {
  const char* root = std::getenv("TOLLGATE_SOURCE_DIR");
  if (root == nullptr) return {};
  std::ostringstream text;
  text << std::ifstream(std::string(root) + "/" + name).rdbuf();
  return text.str();
}

TEST(Shipped, TheDefaultIsTheFileOfTheSourceTree) {
  if (std::getenv("TOLLGATE_SOURCE_DIR") == nullptr) GTEST_SKIP() << "TOLLGATE_SOURCE_DIR is not set";
  EXPECT_EQ(default_yaml(), source_file("config/tollgate.yaml"));
}

TEST(Shipped, ProvidersAreComplete) {
  std::set<std::string> names;
  for (const Provider& p : shipped_providers()) {
    BaseUrl url;
    EXPECT_TRUE(names.insert(p.name).second) << p.name;
    EXPECT_TRUE(parse_base_url(p.base_url, url)) << p.name;
    EXPECT_FALSE(p.dialect.empty()) << p.name;
    EXPECT_EQ(auth_is_fixed(p.auth), !p.api_key.empty()) << p.name << ": a key where one is sent, and only there";
    EXPECT_TRUE(p.dialect == "echo" || !p.surfaces.empty()) << p.name << ": say which surfaces it has";
    EXPECT_TRUE(url.scheme != "http" || is_loopback(url.host)) << p.name;
  }
  for (const char* name : {"openai",     "anthropic",  "deepseek",         "groq",      "mistral",
                           "xai",        "openrouter", "together",         "fireworks", "cerebras",
                           "perplexity", "nvidia",     "huggingface",      "github",    "moonshot",
                           "zai",        "alibaba",    "sambanova",        "ollama",    "vllm",
                           "llamacpp",   "sglang",     "lmstudio",         "echo",      "azure",
                           "google",     "vertex",     "vertex_anthropic", "bedrock",   "bedrock_anthropic",
                           "cohere",     "gemini",     "minimax",          "voyage",    "ollama_native"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_GE(names.size(), 40u);
}

TEST(Shipped, KeysStayReferencesUntilTheyAreUsed) {
  const ScopedEnv key("GROQ_API_KEY", "gsk-0123456789");
  for (const Provider& p : shipped_providers()) {
    if (!p.api_key.empty()) EXPECT_EQ(p.api_key.substr(0, 2), "${") << p.name;
  }
  const LoadResult result = load_text("models: {a: {targets: [groq/x]}}", "t");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config.find_provider("groq")->api_key, "gsk-0123456789");
  EXPECT_TRUE(result.config.find_provider("groq")->configured);
}

TEST(Shipped, PricesAreFreeOfErrors) {
  if (std::getenv("TOLLGATE_SOURCE_DIR") == nullptr) GTEST_SKIP() << "TOLLGATE_SOURCE_DIR is not set";
  std::vector<Diagnostic> errors;
  const auto rows = parse_price_rows(source_file("config/prices.yaml"), "prices.yaml", errors);
  EXPECT_TRUE(errors.empty()) << all_text(errors);
  EXPECT_EQ(rows.size(), shipped_prices().size());
  Config known;
  known.providers = shipped_providers();
  for (const PriceRow& row : shipped_prices()) {
    EXPECT_NE(known.find_provider(row.provider), nullptr) << row.provider << " in line " << row.line;
  }
}

}  // namespace
}  // namespace tollgate::config
