// Reading values: types, bounds, unknown keys, places.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config_fixture.h"

namespace tollgate::config {
namespace {

TEST(Load, EmbeddedDefaultIsUsable) {
  const LoadResult result = load_text(default_yaml(), "default");
  EXPECT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_TRUE(result.warnings.empty()) << all_text(result.warnings);
  EXPECT_EQ(result.config.listen, "127.0.0.1:8080");
  EXPECT_EQ(result.config.auth.mode, AuthMode::open);
  const Model* demo = result.config.find_model("demo");
  ASSERT_NE(demo, nullptr);
  ASSERT_EQ(demo->targets.size(), 1u);
  EXPECT_EQ(demo->targets[0].text(), "local/demo");
  ASSERT_EQ(result.config.local.models.size(), 1u);
  EXPECT_EQ(result.config.local.models[0].file, kBuiltinModel) << "no path: it is part of the program";
  EXPECT_EQ(result.config.find_model("echo")->targets[0].text(), "echo/demo");
  ASSERT_NE(result.config.find_provider("echo"), nullptr);
  EXPECT_EQ(result.config.find_provider("echo")->base_url, "echo:");
}

constexpr const char* kContract = R"(
listen: 127.0.0.1:8080
admin: 127.0.0.1:9090
threads: auto
state_dir: /var/lib/tollgate
ledger: sqlite:ledger.db
store: memory
auth: {mode: open}
attribution:
  required: [team, feature, environment]
  missing: quarantine
  defaults: {team: unassigned, feature: unassigned, environment: dev}
  allowed: {environment: [prod, staging, dev]}
providers:
  openai: {api_key: "${OPENAI_API_KEY}"}
  lab: {dialect: openai.chat, base_url: "http://127.0.0.1:9901/v1", api_key: none}
models:
  gpt-mock: {targets: [lab/gpt-mock]}
  smart: {targets: [openai/gpt-5-mini, anthropic/claude-haiku-4-5, local/demo], strategy: cheapest}
prices:
  - {target: lab/gpt-mock, input: 2.50, cache_read: 0.25, output: 10.00}
routes: []
budgets: []
limits: []
alerts: {}
cache: {}
local: {models: [{name: demo, file: models/absent.gguf, draft: /absent/tiny.gguf, device: auto, hourly_cost_usd: 0.12}]}
)";

TEST(Load, TheDocumentedShapeLoads) {
  const ScopedEnv openai("OPENAI_API_KEY", "sk-openai-0123456789"), anthropic("ANTHROPIC_API_KEY", "sk-ant-0123456789");
  const LoadResult result = load_text(kContract, "t.yaml");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  const Config& c = result.config;
  EXPECT_EQ(c.find_provider("openai")->api_key, "sk-openai-0123456789");
  EXPECT_EQ(c.find_provider("openai")->base_url, "https://api.openai.com/v1");
  EXPECT_EQ(c.find_provider("lab")->auth, "none");
  EXPECT_EQ(c.attribution.missing, MissingTags::quarantine);
  ASSERT_EQ(c.prices.size(), 1u);
  EXPECT_EQ(c.prices[0].rates.at(Bucket::cache_read).per_million(), *Money::parse("0.25"));
  EXPECT_EQ(c.find_model("smart")->targets.size(), 3u);
  // What this version cannot do is said, not ignored.
  EXPECT_TRUE(holds(result.warnings, "local.models.0.file: cannot read ./models/absent.gguf (No such file"))
      << all_text(result.warnings);
  EXPECT_TRUE(holds(result.warnings, "local.models.0.draft: cannot read /absent/tiny.gguf (No such file"));
  EXPECT_TRUE(holds(result.warnings, "models.smart.strategy"));
  EXPECT_FALSE(holds(result.warnings, "budgets"));
  ASSERT_NE(c.find_provider("local"), nullptr);
  EXPECT_TRUE(c.find_provider("local")->unusable.empty());
  ASSERT_EQ(c.local.models.size(), 1u);
  EXPECT_EQ(c.local.models[0].name, "demo");
  EXPECT_EQ(c.local.models[0].draft, "/absent/tiny.gguf");
  EXPECT_EQ(c.local.models[0].hourly_cost, *Money::parse("0.12"));
}

TEST(Load, UnsetVariableIsAnErrorOnlyWhereTheProviderIsUsed) {
  const ScopedEnv openai("OPENAI_API_KEY", nullptr), anthropic("ANTHROPIC_API_KEY", "");
  const LoadResult unused = load_lab("");
  EXPECT_TRUE(unused.ok()) << all_text(unused.errors);
  EXPECT_EQ(unused.config.find_provider("openai")->unusable, "environment variable OPENAI_API_KEY is not set");
  EXPECT_FALSE(unused.config.find_provider("openai")->configured);

  const LoadResult named = load_text("providers: {openai: {api_key: \"${OPENAI_API_KEY}\"}}", "t.yaml");
  EXPECT_EQ(all_text(named.errors),
            "t.yaml:1:31: providers.openai.api_key: environment variable OPENAI_API_KEY is not set\n");
  const LoadResult target = load_text("models: {a: {targets: [anthropic/x]}}", "t.yaml");
  EXPECT_EQ(
      all_text(target.errors),
      "t.yaml:1:24: models.a.targets.0: provider `anthropic` cannot be used: environment variable ANTHROPIC_API_KEY "
      "is empty\n");
  const LoadResult entry = load_text("providers: {openai: {region: eu}}", "t.yaml");
  EXPECT_TRUE(holds(entry.errors, "providers.openai: environment variable OPENAI_API_KEY is not set"));
}

TEST(Load, AllMistakesAtOnceWithTheirPlaces) {
  const LoadResult result = load_text(
      "lisen: 127.0.0.1:8080\n"
      "threads: many\n"
      "server: {max_body_bytes: 5, max_heads: 1}\n"
      "timeouts:\n"
      "  drain: 30\n"
      "auth: {mode: opne}\n"
      "retry: [1]\n"
      "models:\n"
      "  a: {targets: [labb/x]}\n",
      "dir/t.yaml");
  EXPECT_EQ(all_text(result.errors),
            "dir/t.yaml:1:1: unknown key `lisen` (did you mean `listen`?)\n"
            "dir/t.yaml:2:10: threads: `many` is not a whole number\n"
            "dir/t.yaml:3:26: server.max_body_bytes: `5` must be between 1KiB and 1GiB\n"
            "dir/t.yaml:3:29: unknown key `max_heads` in server\n"
            "dir/t.yaml:5:10: timeouts.drain: `30` is not a duration such as 200ms, 30s or 5m\n"
            "dir/t.yaml:6:14: auth.mode: `opne` is not one of keys, open (did you mean `open`?)\n"
            "dir/t.yaml:7:8: retry: expected a map of keys\n"
            "dir/t.yaml:9:17: models.a.targets.0: unknown provider `labb`\n");
}

TEST(Load, WrongKindsOfNodesAreErrorsEverywhere) {
  for (const char* text :
       {"listen: [1]", "auth: open", "providers: [a]", "models: x", "models: {a: [lab/x]}", "prices: {a: 1}",
        "prices: [1]", "attribution: {required: team}", "attribution: {defaults: [a]}",
        "attribution: {allowed: {team: x}}", "ledger: [a]", "- a", "just text", "tls: on",
        "attribution: {required: [[team]]}", "threads: {a: b}", "auth: {keys: {a: b}}"}) {
    const LoadResult result = load_text(text, "t.yaml");
    EXPECT_FALSE(result.ok()) << text;
    for (const Diagnostic& error : result.errors) EXPECT_GT(error.line, 0) << text << ": " << error.message;
  }
}

TEST(Load, EmptyTextAndEmptySectionsKeepDefaults) {
  for (const char* text : {"", "# only a comment\n", "auth:\nproviders:\nmodels:\nprices:\nattribution:\nledger:\n"}) {
    const LoadResult result = load_text(text, "t.yaml");
    EXPECT_TRUE(result.ok()) << all_text(result.errors);
    EXPECT_EQ(result.config.ledger.url, "sqlite:ledger.db");
    EXPECT_EQ(result.config.limits.max_body_bytes, 32u << 20);
    // Keys are the default, and without any nobody gets in.
    EXPECT_TRUE(holds(result.warnings, "there are no keys"));
  }
}

TEST(Load, ProcessLimitsDoNotClashWithTheListOfLimits) {
  const LoadResult result = load_lab(
      "limits: []\nserver: {max_body_bytes: 64MiB, max_connections: 7}\ntimeouts: {client_head: 1500ms, drain: 0}\n");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config.limits.max_body_bytes, 64u << 20);
  EXPECT_EQ(result.config.limits.max_connections, 7u);
  EXPECT_EQ(result.config.limits.client_head_timeout, Millis(1500));
  EXPECT_EQ(result.config.limits.drain_timeout, Millis(0));
}

TEST(Load, LedgerIsATextOrAMap) {
  EXPECT_EQ(load_lab("ledger: sqlite:x.db\n").config.ledger.url, "sqlite:x.db");
  const LoadResult map = load_lab("ledger: {url: \"sqlite:y.db\", spool_max_bytes: 2GiB, fsync_interval: 0}\n");
  ASSERT_TRUE(map.ok()) << all_text(map.errors);
  EXPECT_EQ(map.config.ledger.url, "sqlite:y.db");
  EXPECT_EQ(map.config.ledger.spool_max_bytes, 2ull << 30);
  EXPECT_EQ(map.config.ledger.fsync_interval, Millis(0));
}

TEST(Load, AProviderEntryChangesOnlyWhatItNames) {
  const ScopedEnv key("ANTHROPIC_API_KEY", "sk-ant-0123456789");
  const LoadResult result =
      load_text("auth: {mode: open}\nproviders: {anthropic: {idle_timeout: 5s, headers: {x-extra: \"1\"}}}", "t.yaml");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  const Provider& p = *result.config.find_provider("anthropic");
  EXPECT_EQ(p.idle_timeout, Millis(5000));
  EXPECT_EQ(p.dialect, "anthropic.messages");
  EXPECT_EQ(p.auth, "x-api-key");
  EXPECT_EQ(p.headers.at("anthropic-version"), "2023-06-01");
  EXPECT_EQ(p.headers.at("x-extra"), "1");
  EXPECT_EQ(p.api_key, "sk-ant-0123456789");
}

TEST(Load, FileErrorsAndRelativePaths) {
  const LoadResult absent = load_file("/nonexistent/t.yaml");
  EXPECT_EQ(all_text(absent.errors), "/nonexistent/t.yaml: cannot read the file: No such file or directory\n");
  EXPECT_FALSE(load_file("/tmp").ok());

  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / ("tollgate-load-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "secret") << "top-secret-value\n";
  std::ofstream(dir / "t.yaml") << "auth: {mode: open}\nproviders: {openai: {api_key: \"file:secret\"}}\n";
  const LoadResult result = load_file((dir / "t.yaml").string());
  EXPECT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config.find_provider("openai")->api_key, "top-secret-value");
  std::filesystem::remove_all(dir);
}

TEST(Load, StateDirAutoPicksAPlace) {
  const ScopedEnv state("XDG_STATE_HOME", "/nonexistent/state"), home("HOME", "/nonexistent/home");
  const LoadResult result = load_lab("state_dir: auto\n");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  const bool system = ::access("/var/lib", W_OK) == 0 || ::access("/var/lib/tollgate", W_OK) == 0;
  EXPECT_EQ(result.config.state_dir, system ? "/var/lib/tollgate" : "/nonexistent/state/tollgate");
}

}  // namespace
}  // namespace tollgate::config
