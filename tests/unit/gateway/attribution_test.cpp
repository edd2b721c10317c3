// Attribution: every source, their order, the rules.
#include "gateway/attribution.h"

#include <gtest/gtest.h>

#include <deque>

namespace tollgate::gateway {
namespace {

using config::MissingTags;

// One request: headers, a body and what its scan says, rules and an optional key.
struct Request {
  std::deque<std::string> texts;  // what the headers point to
  std::vector<http::Header> headers;
  std::string body;
  RequestScan scan;
  config::Attribution rules;
  const config::Key* key = nullptr;
  CardinalityGuard guard{100};

  Request() { rules.defaults.clear(); }
  Request& with(std::string_view name, std::string_view value) {
    headers.push_back({texts.emplace_back(name), texts.emplace_back(value)});
    return *this;
  }
  Request& metadata(const std::string& json) { return member(scan.metadata, json); }
  Request& tag_list(const std::string& json) { return member(scan.tags, json); }
  Request& member(ByteRange& range, const std::string& json) {
    range = {body.size(), body.size() + json.size()};
    body += json;
    body.reserve(body.size() + kJsonPadding);
    return *this;
  }
  Result<Attribution> run() { return resolve_attribution(rules, key, headers, scan, body, guard); }
  Attribution good() {
    Result<Attribution> result = run();
    EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
    return result ? *std::move(result) : Attribution{};
  }
  Error bad() {
    Result<Attribution> result = run();
    EXPECT_FALSE(result.has_value());
    return result ? Error{} : result.error();
  }
};

std::string text_of(const Attribution& a) {
  std::string text = a.team + "|" + a.feature + "|" + a.environment + "|" + a.user_id + "|";
  for (const auto& [name, value] : a.tags) text += name + "=" + value + ";";
  return text + (a.quarantined ? "!" : "");
}

TEST(Attribution, OwnHeadersInAnyCase) {
  Request r;
  r.with("X-Tollgate-Team", "search")
      .with("x-tollgate-feature", " suggest ")
      .with("X-TOLLGATE-ENV", "prod")
      .with("x-tollgate-user", "u1");
  r.with("x-tollgate-tags", "project=apollo, Run = 42 ,,").with("x-tollgate-echo", "cost").with("X-Other", "no");
  EXPECT_EQ(text_of(r.good()), "search|suggest|prod|u1|project=apollo;run=42;");
}

TEST(Attribution, OwnHeaderAliasesAndDimensionsInTags) {
  EXPECT_EQ(text_of(Request().with("x-tollgate-environment", "dev").with("x-tollgate-user_id", "u").good()),
            "||dev|u|");
  EXPECT_EQ(text_of(Request().with("x-tollgate-tags", "team=a,feature=b,env=c,user=d,x=y").good()), "a|b|c|d|x=y;");
}

TEST(Attribution, MistakesInOwnHeadersAreRefused) {
  const auto code = [](Request& r) { return r.bad().code; };
  EXPECT_EQ(code(Request().with("x-tollgate-team", std::string(129, 'x'))), "bad_attribution");
  EXPECT_EQ(code(Request().with("x-tollgate-team",
                                "a\x01"
                                "b")),
            "bad_attribution");
  EXPECT_EQ(code(Request().with("x-tollgate-team", "a\xff")), "bad_attribution");
  EXPECT_EQ(code(Request().with("x-tollgate-team", "a").with("x-tollgate-team", "b")), "bad_attribution");
  EXPECT_EQ(code(Request().with("x-tollgate-tags", "novalue")), "bad_attribution");
  EXPECT_EQ(code(Request().with("x-tollgate-tags", "=x")), "bad_attribution");
  EXPECT_EQ(code(Request().with("x-tollgate-tags", std::string(65, 'k') + "=x")), "bad_attribution");
  const Error error = Request().with("x-tollgate-team", std::string(129, 'x')).bad();
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.message, "the value of team is longer than 128 bytes");
  // The same twice, a value of exactly the limit, and UTF-8 are fine.
  EXPECT_EQ(Request().with("x-tollgate-team", "a").with("x-tollgate-team", "a").good().team, "a");
  EXPECT_EQ(Request().with("x-tollgate-team", std::string(128, 'x')).good().team.size(), 128u);
  EXPECT_EQ(Request().with("x-tollgate-team", "équipe").good().team, "équipe");
  EXPECT_EQ(text_of(Request().with("x-tollgate-team", "  ").with("x-tollgate-tags", "a=").good()), "||||");
}

TEST(Attribution, LiteLlm) {
  Request r;
  r.with("x-litellm-tags", "team:search, jobID:214,env=prod,plain").with("x-litellm-customer-id", "c9");
  r.with("x-litellm-spend-logs-metadata", R"({"request_id":"r1","n":7})");
  EXPECT_EQ(text_of(r.good()), "search||prod|c9|jobid=214;n=7;plain=true;request_id=r1;");
  EXPECT_EQ(Request().with("x-litellm-end-user-id", "e1").good().user_id, "e1");
  EXPECT_EQ(
      text_of(
          Request().metadata(R"({"tags":["feature:chat","x"],"spend_logs_metadata":{"a":"b","c":{"d":1}}})").good()),
      "|chat|||a=b;x=true;");
  EXPECT_EQ(text_of(Request().tag_list(R"(["team:a","b:c"])").good()), "a||||b=c;");
}

TEST(Attribution, OtherGateways) {
  EXPECT_EQ(text_of(Request()
                        .with("x-portkey-metadata",
                              R"({"_user":"u1","_environment":"prod","team":"t","k":"v","_prompt":"p"})")
                        .good()),
            "t||prod|u1|_prompt=p;k=v;");
  EXPECT_EQ(text_of(Request()
                        .with("CF-AIG-Metadata", R"({"team":"AI","user":12345,"test":true,"none":null,"deep":{"a":1}})")
                        .good()),
            "AI|||12345|test=true;");
  Request helicone;
  helicone.with("Helicone-Property-Feature", "chat")
      .with("Helicone-Property-Plan", "pro")
      .with("Helicone-User-Id", "u")
      .with("Helicone-Session-Id", "s");
  helicone.with("Helicone-Auth", "Bearer secret");
  EXPECT_EQ(text_of(helicone.good()), "|chat||u|plan=pro;session=s;");
  EXPECT_EQ(text_of(Request().with("x-bf-lh-team", "t").with("X-BF-LH-Region", "eu").with("x-bf-vk", "key").good()),
            "t||||region=eu;");
  EXPECT_EQ(text_of(Request().with("X-OpenRouter-Title", "My App").with("HTTP-Referer", "https://a.example/x").good()),
            "||||app=My App;referer=https://a.example/x;");
  EXPECT_EQ(text_of(Request().with("X-Title", "Old").good()), "||||app=Old;");
}

TEST(Attribution, BodyMetadataAndUser) {
  Request r;
  r.scan.user = "openai-user";
  r.metadata(R"({"team":"t","feature":"f","environment":"e","user_id":"other","k":"v","list":[1],"é":"x"})");
  EXPECT_EQ(text_of(r.good()), "t|f|e|openai-user|k=v;");
  EXPECT_EQ(Request().metadata(R"({"user_id":"anthropic-user"})").good().user_id, "anthropic-user");
  EXPECT_EQ(text_of(Request().metadata("null").good()), "||||");
}

TEST(Attribution, ClaudeCodeUserIdIsTakenApart) {
  EXPECT_EQ(text_of(Request().metadata(R"({"user_id":"user_abc_account_def_session_57a1"})").good()),
            "|||user_abc_account_def|session=57a1;");
  EXPECT_EQ(text_of(Request()
                        .metadata(R"({"user_id":"{\"device_id\":\"d1\",\"account_uuid\":\"\",\"session_id\":\"s1\"}"})")
                        .good()),
            "|||d1|session=s1;");
  EXPECT_EQ(text_of(Request().metadata(R"({"user_id":"{\"device_id\":\"d1\",\"account_uuid\":\"a1\"}"})").good()),
            "|||a1|");
  EXPECT_EQ(Request().metadata(R"({"user_id":"{not json"})").good().user_id, "{not json");
}

TEST(Attribution, StrongerSourcesWinAndTagsAreUnited) {
  config::Key key;
  key.dims = {{"team", "bound"}};
  key.tags = {{"cost-center", "77"}};
  Request r;
  r.key = &key;
  r.metadata(
      R"({"team":"body","feature":"body","environment":"body","user":"body","a":"body","b":"body","cost-center":"1"})");
  r.with("x-portkey-metadata", R"({"team":"peer","feature":"peer","environment":"peer","a":"peer","c":"peer"})");
  r.with("x-tollgate-team", "own").with("x-tollgate-feature", "own").with("x-tollgate-tags", "a=own,cost-center=2");
  EXPECT_EQ(text_of(r.good()), "bound|own|peer|body|a=own;b=body;c=peer;cost-center=77;");
}

TEST(Attribution, DefaultsFillWhatNobodySaid) {
  Request r;
  r.rules.defaults = {{"team", "unassigned"}, {"environment", "dev"}, {"project", "none"}};
  r.rules.required = {"team", "feature", "cost-center"};
  EXPECT_EQ(text_of(r.good()), "unassigned|unassigned|dev||cost-center=unassigned;project=none;");
  r.with("x-tollgate-team", "t").with("x-tollgate-tags", "project=p");
  EXPECT_EQ(text_of(r.good()), "t|unassigned|dev||cost-center=unassigned;project=p;");
}

TEST(Attribution, MissingIsRejectedWithTheHeaderToSend) {
  Request r;
  r.rules.missing = MissingTags::reject;
  r.rules.required = {"team", "environment", "project"};
  r.rules.allowed = {{"environment", {"prod", "dev"}}};
  EXPECT_EQ(r.bad().code, "missing_attribution");
  EXPECT_EQ(r.bad().message, "team is missing; send the header x-tollgate-team");
  r.with("x-tollgate-team", "t");
  EXPECT_EQ(r.bad().message, "environment is missing; send the header x-tollgate-env with one of: prod, dev");
  r.with("x-tollgate-env", "prod");
  EXPECT_EQ(r.bad().message, "project is missing; send the header x-tollgate-tags: project=...");
  r.with("x-tollgate-tags", "project=x");
  EXPECT_EQ(text_of(r.good()), "t||prod||project=x;");
}

TEST(Attribution, ValuesThatAreNotAllowed) {
  Request r;
  r.rules.allowed = {{"environment", {"prod", "dev"}}, {"plan", {"free"}}};
  r.rules.defaults = {{"environment", "dev"}};
  r.with("x-tollgate-env", "qa").with("x-tollgate-tags", "plan=gold");
  EXPECT_EQ(text_of(r.good()), "||dev||");
  r.rules.missing = MissingTags::quarantine;
  EXPECT_EQ(text_of(r.good()), "||qa||plan=gold;!");
  r.rules.missing = MissingTags::reject;
  EXPECT_EQ(r.bad().code, "bad_attribution");
  EXPECT_EQ(r.bad().message, "environment `qa` is not allowed; send the header x-tollgate-env with one of: prod, dev");
}

TEST(Attribution, QuarantineMarksWhatIsMissing) {
  Request r;
  r.rules.missing = MissingTags::quarantine;
  r.rules.required = {"team"};
  EXPECT_EQ(text_of(r.good()), "unassigned||||!");
  r.with("x-tollgate-team", "t");
  EXPECT_EQ(text_of(r.good()), "t||||");
}

TEST(Attribution, PeersValuesAreCutOrLeftOut) {
  Request r;
  r.with("HTTP-Referer", "https://" + std::string(200, 'a')).with("Helicone-User-Id", "bad\x02");
  r.metadata(R"({"k":"line\nbreak","é":"v"})");
  const Attribution a = r.good();
  ASSERT_EQ(a.tags.size(), 1u);
  EXPECT_EQ(a.tags[0].second.size(), 128u);
  EXPECT_EQ(a.user_id, "");
  r.rules.missing = MissingTags::quarantine;
  EXPECT_TRUE(r.good().quarantined);
  r.rules.missing = MissingTags::reject;
  EXPECT_EQ(r.bad().code, "bad_attribution");
}

TEST(Attribution, CutsBetweenCharacters) {
  std::string value = std::string(127, 'a') + "é";
  EXPECT_EQ(Request().with("Helicone-User-Id", value).good().user_id, std::string(127, 'a'));
}

TEST(Attribution, BrokenMetadataHarmsNothingElse) {
  for (const char* json : {"{", "[1]", "\"x\"", "{\"a\":", "12", "{\"tags\":{}}", "{\"tags\":[1,null,[]]}", ""}) {
    Request r;
    r.with("cf-aig-metadata", json).with("x-tollgate-team", "t").metadata(json);
    EXPECT_EQ(text_of(r.good()), "t||||") << json;
  }
  Request large;
  large.metadata("{\"k\":\"" + std::string(70'000, 'x') + "\"}");
  EXPECT_EQ(text_of(large.good()), "||||");
}

TEST(Attribution, TooManyTags) {
  std::string list, json = "{";
  for (int i = 10; i < 22; ++i) list += "own" + std::to_string(i) + "=x,";
  for (int i = 10; i < 22; ++i) json += (i > 10 ? ",\"b" : "\"b") + std::to_string(i) + "\":\"x\"";
  Request r;
  r.with("x-tollgate-tags", list).metadata(json + "}");
  const Attribution a = r.good();
  ASSERT_EQ(a.tags.size(), 16u);
  // The four that fit of the body's, then our own.
  EXPECT_EQ(a.tags[3].first, "b13");
  EXPECT_EQ(a.tags[4].first, "own10");
  r.rules.missing = MissingTags::reject;
  EXPECT_EQ(r.bad().message, "more than 16 tags");
  r.rules.missing = MissingTags::quarantine;
  EXPECT_TRUE(r.good().quarantined);

  std::string flood = "{\"a0\":\"x\"";
  for (int i = 1; i < 3000; ++i) flood += ",\"a" + std::to_string(i) + "\":\"x\"";
  EXPECT_EQ(Request().metadata(flood + "}").good().tags.size(), 16u);
}

TEST(Attribution, KeyBoundTagsAreNeverDropped) {
  config::Key key;
  for (int i = 0; i < 5; ++i) key.tags["k" + std::to_string(i)] = "v";
  Request r;
  r.key = &key;
  r.rules.max_tags = 2;
  r.with("x-tollgate-tags", "a=b");
  EXPECT_EQ(r.good().tags.size(), 5u);
}

TEST(Attribution, CardinalityFoldsTheSurplusIntoOther) {
  Request r;
  for (int i = 0; i < 150; ++i) {
    const std::string value = "u" + std::to_string(i);
    r.headers.clear();
    r.with("x-tollgate-user", value).with("x-tollgate-tags", value + "=1");
    const Attribution a = r.good();
    EXPECT_EQ(a.user_id, i < 100 ? value : "_other") << i;
    EXPECT_EQ(a.tags.at(0).first, i < 100 ? value : "_other");
  }
  // Values of a key and of a configured list are bounded already.
  config::Key key;
  key.dims = {{"user", "bound"}};
  r.key = &key;
  r.headers.clear();
  EXPECT_EQ(r.good().user_id, "bound");
}

}  // namespace
}  // namespace tollgate::gateway
