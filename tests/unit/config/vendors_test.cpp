// Rows that say how a vendor is reached: placeholders, paths, the clouds' credentials, quirks.
#include <gtest/gtest.h>

#include "config/template.h"
#include "config_fixture.h"

namespace tollgate::config {
namespace {

// A loaded provider `x` with these keys.
LoadResult load_provider(const std::string& keys) {
  return load_text("auth: {mode: open}\nproviders: {x: {dialect: openai.chat, " + keys + "}}\n", "t");
}

const Provider& provider_of(const LoadResult& result, const char* name = "x") {
  static const Provider kNone;
  const Provider* found = result.config.find_provider(name);
  EXPECT_NE(found, nullptr);
  EXPECT_TRUE(result.ok()) << all_text(result.errors);
  return found == nullptr ? kNone : *found;
}

// Nothing of AWS or Google in the environment.
struct BareEnvironment {
  ScopedEnv home{"HOME", "/nonexistent"};
  ScopedEnv bearer{"AWS_BEARER_TOKEN_BEDROCK", nullptr}, id{"AWS_ACCESS_KEY_ID", nullptr},
      secret{"AWS_SECRET_ACCESS_KEY", nullptr}, session{"AWS_SESSION_TOKEN", nullptr}, profile{"AWS_PROFILE", nullptr},
      region{"AWS_REGION", nullptr}, default_region{"AWS_DEFAULT_REGION", nullptr},
      shared{"AWS_SHARED_CREDENTIALS_FILE", nullptr}, config{"AWS_CONFIG_FILE", nullptr};
  ScopedEnv google{"GOOGLE_APPLICATION_CREDENTIALS", nullptr}, project{"GOOGLE_CLOUD_PROJECT", nullptr};
};

TEST(Vendors, PlaceholdersAreFilledAtLoading) {
  const LoadResult result = load_provider(
      "base_url: \"https://{region_dash}aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/\", "
      "region: us-central1, project: proj-1, api_key: none, api_version: 2024-10-21, "
      "paths: {chat: \"/d/{model}/chat?api-version={api_version}\", messages_stream: \"/s\"}");
  const Provider& p = provider_of(result);
  EXPECT_EQ(p.base_url, "https://us-central1-aiplatform.googleapis.com/v1/projects/proj-1/locations/us-central1");
  EXPECT_EQ(p.paths.at("chat"), "/d/{model}/chat?api-version=2024-10-21");
  EXPECT_EQ(p.paths.at("messages_stream"), "/s");
  const LoadResult global = load_provider(
      "base_url: \"https://{region_dash}aiplatform.googleapis.com/v1/{region}\", region: global, api_key: none");
  EXPECT_EQ(provider_of(global).base_url, "https://aiplatform.googleapis.com/v1/global");
}

TEST(Vendors, AMissingPlaceholderSaysWhichKeyToSet) {
  EXPECT_TRUE(holds(load_provider("base_url: \"https://{resource}.example.org\", api_key: none").errors,
                    "t:2:16: providers.x: set providers.x.resource"));
  EXPECT_TRUE(holds(load_provider("base_url: \"https://h\", api_key: none, paths: {chat: \"/{project}\"}").errors,
                    "providers.x: set providers.x.project"));
  EXPECT_TRUE(holds(load_provider("base_url: \"https://{regoin}.example.org\", api_key: none").errors,
                    "unknown placeholder `{regoin}`"));
  EXPECT_TRUE(holds(load_provider("base_url: \"https://{model}.example.org\", api_key: none").errors,
                    "unknown placeholder `{model}`"));
  EXPECT_TRUE(holds(load_provider("base_url: \"https://h\", api_key: none, paths: {chat: \"/{model\"}").errors,
                    "`{` without `}`"));
  EXPECT_TRUE(
      holds(load_provider("base_url: \"https://{resource}.example.org\", api_key: none, resource: \"a/b@c\"").errors,
            "providers.x: resource `a/b@c` is not a plain name"));
}

TEST(Vendors, PathsNameSurfaces) {
  const auto errors = [](const std::string& paths) {
    return load_provider("base_url: \"https://h\", api_key: none, paths: {" + paths + "}").errors;
  };
  EXPECT_TRUE(errors("converse: /a, converse_stream: \"/b?c=d\"").empty());
  EXPECT_TRUE(holds(errors("convers: /a"), "unknown surface `convers` (did you mean `converse`?)"));
  EXPECT_TRUE(holds(errors("chat: chat"), "chat: a path begins with `/`"));
}

TEST(Vendors, WordsAreChecked) {
  EXPECT_TRUE(holds(load_provider("base_url: \"https://h\", api_key: none, request_flags: [text_onyl]").errors,
                    "unknown `text_onyl` (did you mean `text_only`?)"));
  EXPECT_TRUE(
      holds(load_provider("base_url: \"https://h\", api_key: k, auth: beerer").errors, "did you mean `bearer`?"));
  EXPECT_TRUE(holds(load_provider("base_url: \"https://h\", api_key: none, surfaces: [chta]").errors,
                    "unknown `chta` (did you mean `chat`?)"));
  const LoadResult fine = load_provider(
      "base_url: \"https://h\", api_key: kkkkkk, auth: api-key, surfaces: [rerank, cohere_embed], request_flags: "
      "[no_n]");
  EXPECT_EQ(provider_of(fine).request_flags, std::vector<std::string>{"no_n"});
}

TEST(Vendors, AKeyWithALineEndIsRefused) {
  const ScopedEnv key("LAB_KEY", "abcdefgh\r\nX-Evil: 1");
  const LoadResult result = load_provider("base_url: \"https://h\", api_key: \"${LAB_KEY}\"");
  EXPECT_TRUE(holds(result.errors, "providers.x: api_key holds characters that cannot be sent"))
      << all_text(result.errors);
  EXPECT_FALSE(holds(result.errors, "abcdefgh"));
}

TEST(Vendors, AwsTakesKeysOfTheFileFirst) {
  const BareEnvironment bare;
  const ScopedEnv token("AWS_BEARER_TOKEN_BEDROCK", "environment-token");
  const LoadResult result = load_provider(
      "base_url: \"https://bedrock-runtime.{region}.amazonaws.com\", auth: aws, region: eu-west-1, "
      "aws: {access_key_id: AKIDEXAMPLE, secret_access_key: secret-value}");
  const Provider& p = provider_of(result);
  EXPECT_EQ(p.api_key, "");
  EXPECT_EQ(p.aws.secret_access_key, "secret-value");
  EXPECT_EQ(p.aws.service, "bedrock");
  EXPECT_EQ(p.base_url, "https://bedrock-runtime.eu-west-1.amazonaws.com");
}

TEST(Vendors, AwsTakesTheEnvironment) {
  const BareEnvironment bare;
  const std::string keys = "base_url: \"https://bedrock-runtime.{region}.amazonaws.com\", auth: aws";
  EXPECT_TRUE(holds(load_provider(keys + ", region: eu-west-1").errors, "no AWS credentials: set api_key"));
  const ScopedEnv id("AWS_ACCESS_KEY_ID", "AKIDENV"), secret("AWS_SECRET_ACCESS_KEY", "env-secret"),
      session("AWS_SESSION_TOKEN", "env-session");
  EXPECT_TRUE(holds(load_provider(keys).errors, "set providers.x.region, or AWS_REGION"));
  const ScopedEnv region("AWS_DEFAULT_REGION", "us-west-2");
  const LoadResult result = load_provider(keys);
  const Provider& p = provider_of(result);
  EXPECT_EQ(p.aws.access_key_id, "AKIDENV");
  EXPECT_EQ(p.aws.session_token, "env-session");
  EXPECT_EQ(p.region, "us-west-2");
  const ScopedEnv token("AWS_BEARER_TOKEN_BEDROCK", "environment-token");
  EXPECT_EQ(provider_of(load_provider(keys)).api_key, "environment-token");
  EXPECT_EQ(provider_of(load_provider(keys + ", api_key: file-token")).api_key, "file-token");
  EXPECT_TRUE(holds(load_provider(keys + ", api_key: file-token, aws: {profile: p}").errors, "give one of api_key"));
}

TEST(Vendors, GoogleCredentialsGiveTheProject) {
  const BareEnvironment bare;
  const std::string keys =
      "auth: google, region: global, base_url: \"https://aiplatform.googleapis.com/v1/projects/{project}\", "
      "credentials: ";
  const LoadResult result = load_provider(
      keys +
      R"('{"type":"service_account","project_id":"from-file","client_email":"a@b","private_key":"k","token_uri":"https://t/x"}')");
  EXPECT_EQ(provider_of(result).project, "from-file");
  EXPECT_TRUE(holds(load_provider(keys + "'{}'").errors, "credentials: type `` is not supported"));
  EXPECT_TRUE(holds(load_provider(keys + "'nonsense-text'").errors, "credentials: not a JSON object"));
  EXPECT_TRUE(holds(
      load_provider(keys + R"('{"type":"service_account","client_email":"a@b","token_uri":"https://t/x"}')").errors,
      "credentials: `private_key` is missing"));
  EXPECT_TRUE(holds(
      load_provider(
          keys +
          R"('{"type":"service_account","client_email":"a","private_key":"k","token_uri":"http://t.example.org/x"}')")
          .errors,
      "credentials: token_uri is not https"));
  EXPECT_TRUE(holds(load_provider("auth: google, base_url: \"https://h\"").errors, "no Google credentials"));
}

TEST(Vendors, EntraNeedsItsApplication) {
  const std::string keys = "auth: entra, base_url: \"https://r.openai.azure.com/openai/v1\", ";
  const LoadResult result = load_provider(keys + "entra: {tenant: t, client_id: c, client_secret: abcdefgh}");
  EXPECT_EQ(provider_of(result).entra.authority, "https://login.microsoftonline.com");
  EXPECT_EQ(provider_of(result).entra.scope, "https://cognitiveservices.azure.com/.default");
  EXPECT_TRUE(
      holds(load_provider(keys + "entra: {tenant: t, client_id: c}").errors, "set providers.x.entra.client_secret"));
  EXPECT_TRUE(holds(load_provider(keys + "entra: {client_id: c, client_secret: abcdefgh}").errors,
                    "set providers.x.entra.tenant"));
  EXPECT_TRUE(holds(
      load_provider(
          keys + "entra: {tenant: t, client_id: c, client_secret: abcdefgh, authority: \"http://login.example.org\"}")
          .errors,
      "entra.authority `http://login.example.org` is not https://host"));
  const LoadResult idle =
      load_provider(keys + "api_key: abcdefgh, entra: {tenant: t, client_id: c, client_secret: abcdefgh}");
  EXPECT_TRUE(holds(idle.warnings, "providers.x.api_key has no effect with auth: entra"));
}

TEST(Vendors, SecretsOfCloudsAreMasked) {
  const BareEnvironment bare;
  const LoadResult result = load_text(
      "auth: {mode: open}\n"
      "providers:\n"
      "  a: {dialect: bedrock.converse, base_url: \"https://h\", auth: aws, region: r, aws: {access_key_id: "
      "AKIDEXAMPLE, "
      "secret_access_key: aws-secret-value, session_token: aws-session-value}}\n"
      "  g: {dialect: gemini.generate, base_url: \"https://h\", auth: google, credentials: "
      R"('{"type":"authorized_user","client_id":"i","client_secret":"google-secret","refresh_token":"google-refresh"}')"
      "}\n"
      "  e: {dialect: openai.chat, base_url: \"https://h\", auth: entra, entra: {tenant: t, client_id: c, "
      "client_secret: "
      "entra-secret-value}}\n",
      "t");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  const std::string text = dump(result.config);
  for (const char* secret :
       {"aws-secret", "aws-session", "google-secret", "google-refresh", "entra-secret", "AKIDEXAMPLE"})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  EXPECT_NE(text.find("secret_access_key: \"***\""), std::string::npos) << text;
  EXPECT_NE(text.find("tenant: t\n"), std::string::npos);
  EXPECT_EQ(redacted("x google-refresh y aws-session-value"), "x *** y ***");
}

TEST(Vendors, ShippedRowsTakeWhatTheEnvironmentSays) {
  const BareEnvironment bare;
  const ScopedEnv key("AZURE_OPENAI_API_KEY", "azure-key-value"), resource("AZURE_OPENAI_RESOURCE", nullptr);
  const LoadResult missing = load_text("models: {a: {targets: [azure/gpt]}}", "t");
  EXPECT_TRUE(holds(missing.errors,
                    "provider `azure` cannot be used: set providers.azure.resource (environment variable "
                    "AZURE_OPENAI_RESOURCE is not set)"))
      << all_text(missing.errors);
  const LoadResult own = load_text("providers: {azure: {resource: mine}}", "t");
  EXPECT_EQ(provider_of(own, "azure").api_key, "azure-key-value");
  EXPECT_TRUE(provider_of(own, "azure").base_url.starts_with("https://mine.openai.azure.com/"));
}

TEST(Vendors, WhatNobodyUsesDoesNoHarm) {
  const BareEnvironment bare;
  const ScopedEnv host("DATABRICKS_HOST", "https://h ttp/"), token("DATABRICKS_TOKEN", "dapi-0123456789"),
      key("OPENAI_API_KEY", "sk-0123456789\nX-Evil: 1");
  const LoadResult result = load_lab("");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config.find_provider("databricks")->unusable, "resource `h ttp` is not a plain name");
  EXPECT_EQ(result.config.find_provider("openai")->unusable, "api_key holds characters that cannot be sent");
  const ScopedEnv good("DATABRICKS_HOST", "https://dbc-1.cloud.databricks.com/");
  EXPECT_EQ(load_lab("").config.find_provider("databricks")->base_url,
            "https://dbc-1.cloud.databricks.com/serving-endpoints");
}

TEST(Vendors, FidelityOfAFileAndOfAModel) {
  EXPECT_EQ(load_lab("").config.fidelity, Fidelity::warn);
  const LoadResult result = load_text(std::string(kLab) +
                                          "  loose: {targets: [lab/a], fidelity: warn}\n"
                                          "  same: {targets: [lab/a]}\n"
                                          "fidelity: strict\n",
                                      "t");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config.fidelity, Fidelity::strict);
  EXPECT_EQ(result.config.find_model("loose")->fidelity, Fidelity::warn);
  EXPECT_FALSE(result.config.find_model("same")->fidelity);
  EXPECT_TRUE(holds(load_lab("fidelity: strickt\n").errors, "did you mean `strict`?"));
  const std::string text = dump(result.config);
  EXPECT_NE(text.find("fidelity: strict\n"), std::string::npos);
  EXPECT_NE(text.find("    fidelity: warn\n"), std::string::npos) << text;
}

TEST(Vendors, BatchesNameAKnownProvider) {
  EXPECT_EQ(load_lab("").config.batches.provider, "openai");
  EXPECT_TRUE(
      holds(load_lab("batches: {provider: opena}\n").errors, "unknown provider `opena` (did you mean `openai`?)"));
  EXPECT_TRUE(holds(load_lab("batches: {message_provider: openai}\n").errors, "has no surface message_batches"));
  EXPECT_TRUE(load_lab("batches: {provider: openai, message_provider: anthropic}\n").ok());
}

}  // namespace
}  // namespace tollgate::config
