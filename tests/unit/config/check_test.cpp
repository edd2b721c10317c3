// Checks across sections.
#include "config/check.h"

#include <gtest/gtest.h>

#include "config_fixture.h"

namespace tollgate::config {
namespace {

TEST(Check, OpenModeNeedsALoopbackAddress) {
  for (const char* listen : {"0.0.0.0:8080", ":8080", "10.1.2.3:80", "\"[::]:8080\"", "example.org:80"}) {
    const std::string text = "auth: {mode: open}\nlisten: " + std::string(listen) + "\n";
    const LoadResult refused = load_text(text, "t.yaml");
    EXPECT_TRUE(holds(refused.errors, "t.yaml:1:14: auth.mode `open`")) << listen << all_text(refused.errors);
    const LoadResult allowed =
        load_text("auth: {mode: open, allow_open: true}\nlisten: " + std::string(listen) + "\n", "t.yaml");
    EXPECT_TRUE(allowed.ok()) << all_text(allowed.errors);
  }
  for (const char* listen : {"127.0.0.1:0", "127.9.9.9:80", "\"[::1]:8080\"", "localhost:8080"}) {
    const LoadResult fine = load_text("auth: {mode: open}\nlisten: " + std::string(listen) + "\n", "t.yaml");
    EXPECT_TRUE(fine.ok()) << listen << all_text(fine.errors);
  }
}

TEST(Check, AdminBeyondLoopbackNeedsAToken) {
  EXPECT_TRUE(holds(load_lab("admin: 0.0.0.0:9090\n").errors, "admin_token is needed"));
  EXPECT_TRUE(load_lab("admin: 0.0.0.0:9090\nadmin_token: 0123456789abcdef\n").ok());
  EXPECT_TRUE(holds(load_lab("admin: 127.0.0.1:8080\n").errors, "the same address as listen"));
}

TEST(Check, AddressesAreHostAndPort) {
  Address address;
  ASSERT_TRUE(parse_address("[::1]:80", address));
  EXPECT_EQ(address.host, "::1");
  EXPECT_EQ(address.port, 80);
  ASSERT_TRUE(parse_address(":8080", address));
  EXPECT_EQ(address.host, "");
  for (const char* bad : {"", "8080", "host", "host:", "host:65536", "host:-1", "host:+1", "::1:80", "[::1:80",
                          "[x]:80", "a b:80", "host:0000080"}) {
    EXPECT_FALSE(parse_address(bad, address)) << bad;
  }
}

TEST(Check, BaseUrls) {
  BaseUrl url;
  ASSERT_TRUE(parse_base_url("https://api.example.org/v1", url));
  EXPECT_EQ(url.host, "api.example.org");
  EXPECT_EQ(url.port, 443);
  ASSERT_TRUE(parse_base_url("http://127.0.0.1:9901/v1", url));
  EXPECT_EQ(url.port, 9901);
  ASSERT_TRUE(parse_base_url("http://[::1]", url));
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 80);
  EXPECT_TRUE(parse_base_url("echo:", url));
  for (const char* bad :
       {"", "api.example.org", "ftp://x", "https://", "https:///v1", "https://user:pw@host/", "https://h/?a=b",
        "https://h:0", "https://h:99999", "https://h\"x", "echo:x", "http://h /v1"}) {
    EXPECT_FALSE(parse_base_url(bad, url)) << bad;
  }
}

TEST(Check, Providers) {
  EXPECT_TRUE(
      holds(load_text("providers: {x: {base_url: \"https://h\", api_key: none}}", "t").errors, "dialect is needed"));
  EXPECT_TRUE(
      holds(load_text("providers: {x: {dialect: openai.chat, api_key: none}}", "t").errors, "base_url is needed"));
  EXPECT_TRUE(holds(load_text("providers: {x: {dialect: openai.chat, base_url: \"https://h\"}}", "t").errors,
                    "api_key is needed"));
  EXPECT_TRUE(holds(load_text("providers: {a/b: {dialect: echo, base_url: \"echo:\", api_key: none}}", "t").errors,
                    "hold `/`"));
  EXPECT_TRUE(holds(load_text("providers: {x: {dialect: echo, base_url: \"https://h\", api_key: none}}", "t").errors,
                    "belong together"));
  const LoadResult plain =
      load_text("providers: {x: {dialect: openai.chat, base_url: \"http://10.0.0.5/v1\", api_key: none}}", "t");
  EXPECT_TRUE(plain.ok()) << all_text(plain.errors);
  EXPECT_TRUE(holds(plain.warnings, "plain http to 10.0.0.5"));
  EXPECT_TRUE(holds(load_lab("").warnings, "") && !holds(load_lab("").warnings, "plain http"));
  EXPECT_TRUE(holds(
      load_text("providers: {x: {dialect: openai.chat, base_url: \"https://h\", api_key: none, headers: {\"a b\": c}}}",
                "t")
          .errors,
      "cannot be sent"));
}

TEST(Check, ModelsAndPricesNameKnownProviders) {
  EXPECT_TRUE(holds(load_text("models: {a: {targets: [opena/x]}}", "t").errors,
                    "unknown provider `opena` (did you mean `openai`?)"));
  EXPECT_TRUE(holds(load_text("models: {a: {}}", "t").errors, "at least one target"));
  EXPECT_TRUE(holds(load_text("models: {a: {targets: [x]}}", "t").errors, "provider/model"));
  EXPECT_TRUE(holds(load_lab("prices: [{target: labb/x, input: 1}]\n").errors,
                    "unknown provider `labb` (did you mean `lab`?)"));
  const LoadResult slashes = load_lab("");
  ASSERT_TRUE(slashes.ok());
  const LoadResult nested = load_text(std::string(kLab) + "  deep: {targets: [lab/org/model]}\n", "t");
  ASSERT_TRUE(nested.ok()) << all_text(nested.errors);
  EXPECT_EQ(nested.config.find_model("deep")->targets[0].model, "org/model");
}

TEST(Check, Keys) {
  const std::string digest(64, 'a');
  const LoadResult fine = load_text("auth:\n  keys:\n    - {id: a, secret_sha256: " + digest +
                                        ", team: search, user: bob, tags: {k: v}, models: [\"gpt-*\"]}\n"
                                        "    - {id: b, secret: 0123456789abcdef}\n",
                                    "t");
  ASSERT_TRUE(fine.ok()) << all_text(fine.errors);
  ASSERT_EQ(fine.config.auth.keys.size(), 2u);
  EXPECT_EQ(fine.config.auth.keys[0].dims.at("team"), "search");
  EXPECT_EQ(fine.config.auth.keys[0].dims.size(), 2u);
  EXPECT_EQ(fine.config.auth.keys[0].tags.at("k"), "v");
  // SHA-256 of the text, as sha256sum prints it.
  EXPECT_EQ(fine.config.auth.keys[1].secret_sha256, "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f");

  const auto errors = [](const std::string& keys) { return load_text("auth: {keys: [" + keys + "]}", "t").errors; };
  EXPECT_TRUE(holds(errors("{secret: 0123456789abcdef}"), "id is needed"));
  EXPECT_TRUE(holds(errors("{id: a}"), "secret or secret_sha256 is needed"));
  EXPECT_TRUE(holds(errors("{id: a, secret_sha256: xyz}"), "64 lower-case hex digits"));
  EXPECT_TRUE(holds(errors("{id: a, secret: 0123456789abcdef, secret_sha256: " + digest + "}"), "not both"));
  EXPECT_TRUE(
      holds(errors("{id: a, secret: 0123456789abcdef}, {id: a, secret: 0123456789abcdeg}"), "id `a` stands twice"));
  EXPECT_TRUE(holds(errors("{id: a, secret: 0123456789abcdef}, {id: b, secret: 0123456789abcdef}"),
                    "the same secret as key `a`"));
}

TEST(Check, Attribution) {
  const auto errors = [](const std::string& rules) { return load_lab("attribution: {" + rules + "}\n").errors; };
  EXPECT_TRUE(holds(errors("required: [tema]"), "unknown dimension `tema` (did you mean `team`?)"));
  EXPECT_TRUE(holds(errors("required: [env]"), "did you mean `environment`?"));
  EXPECT_TRUE(holds(errors("required: [team, team]"), "stands twice"));
  EXPECT_TRUE(errors("required: [project]").empty());
  EXPECT_TRUE(holds(errors("allowed: {environment: []}"), "no value would be allowed"));
  EXPECT_TRUE(holds(errors("allowed: {environment: [prod]}, defaults: {environment: dev}"), "`dev` is not in"));
  // The built-in default is a mistake only where it would be used.
  EXPECT_TRUE(holds(errors("allowed: {environment: [prod]}, required: [environment]"), "the built-in `dev`"));
  EXPECT_TRUE(errors("allowed: {environment: [prod]}, required: [environment], missing: reject").empty());
  EXPECT_TRUE(holds(load_text("auth: {keys: [{id: a, secret: 0123456789abcdef, environment: qa}]}\n"
                              "attribution: {allowed: {environment: [prod, dev]}}",
                              "t")
                        .errors,
                    "`qa` is not in attribution.allowed.environment"));
}

TEST(Check, DevicesOfLocalModels) {
  const auto loaded = [](const std::string& device) {
    return load_lab("local: {models: [{name: a, file: x.gguf, device: '" + device + "'}]}\n");
  };
  for (const char* device : {"auto", "cpu", "cuda:0", "cuda:12", "cuda:0,1", "cuda:3,2,1,0"})
    EXPECT_TRUE(loaded(device).ok()) << device;
  for (const char* device : {"gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:0 ", "cuda:1234", "", "cuda:,",
                             "cuda:0,", "cuda:0,,1", "cuda:0 1"})
    EXPECT_TRUE(holds(loaded(device).errors, "write auto, cpu, cuda:0")) << device;
}

TEST(Check, StoresAndTls) {
  EXPECT_TRUE(holds(load_lab("ledger: mysql://x\n").errors, "ledger: expected sqlite:FILE"));
  EXPECT_TRUE(holds(load_lab("store: memroy\n").errors, "did you mean `memory`?"));
  EXPECT_TRUE(holds(load_lab("store: redis://h:6379/0\n").warnings, "nothing uses it"));
  EXPECT_TRUE(holds(load_lab("store: redis+cluster://a,b\n").errors, "clusters are not supported"));
  EXPECT_TRUE(holds(load_lab("store: redis://h:6379/x\n").errors, "a number from 0 on"));
  EXPECT_TRUE(holds(load_lab("store: rediss://h?ca=/no/such.pem\n").errors, "cannot read /no/such.pem"));
  const std::string shares = "local: {models: [{name: a, file: x.gguf, share_prefixes: true}]}\n";
  EXPECT_TRUE(holds(load_lab(shares).errors, "nothing to share with"));
  const LoadResult shared = load_lab("store: redis://h\n" + shares);
  EXPECT_TRUE(shared.ok()) << all_text(shared.errors);
  EXPECT_FALSE(holds(shared.warnings, "nothing uses it"));
  EXPECT_TRUE(holds(load_lab("tls: {cert: a.pem}\n").errors, "cert and key are needed together"));
  EXPECT_TRUE(holds(load_lab("tls: {cert: a.pem, key: b.pem}\n").errors, "cannot read"));
  EXPECT_TRUE(holds(load_lab("retry: {base_delay: 5s, max_delay: 1s}\n").errors, "longer than max_delay"));
}

}  // namespace
}  // namespace tollgate::config
