// The request as it goes upstream: what is replaced, what is added, what stays behind.
#include "gateway/upstream_request.h"

#include <gtest/gtest.h>

namespace tollgate::gateway {
namespace {

struct Spliced {
  std::string text;
  bool injected = false;
};

Spliced splice(std::string body, std::string_view model, bool want_usage) {
  const std::size_t size = body.size();
  body.append(kJsonPadding, '\0');
  const std::string_view view = std::string_view(body).substr(0, size);
  auto scan = scan_request(view);
  EXPECT_TRUE(scan) << body;
  if (!scan) return {};
  SplicedBody out;
  splice_body(view, *scan, model, want_usage, out);
  Spliced result{.text = {}, .injected = out.usage_injected};
  for (std::size_t i = 0; i < out.part_count; ++i) result.text += out.parts[i];
  EXPECT_EQ(result.text.size(), out.bytes);
  return result;
}

TEST(SpliceBody, TheSameModelLeavesEveryByte) {
  const std::string body = " {\"messages\" : [ ],\n\"model\":\"m\"} ";
  EXPECT_EQ(splice(body, "m", true).text, body);
  EXPECT_FALSE(splice(body, "m", true).injected);
}

TEST(SpliceBody, TheModelIsReplacedInPlaceAndEscaped) {
  EXPECT_EQ(splice(R"({"a":1, "model" : "smart" ,"b":"model"})", "v/m", false).text,
            R"({"a":1, "model" : "v/m" ,"b":"model"})");
  EXPECT_EQ(splice(R"({"model":"smart"})", "quote\"back\\slash", false).text, R"({"model":"quote\"back\\slash"})");
  EXPECT_EQ(splice(R"({"x":{"model":"inner"},"model":"smart"})", "m", false).text,
            R"({"x":{"model":"inner"},"model":"m"})");
}

TEST(SpliceBody, UsageIsAskedForInStreamsOnly) {
  const Spliced added = splice(R"({"model":"m","stream":true})", "m", true);
  EXPECT_EQ(added.text, R"({"stream_options":{"include_usage":true},"model":"m","stream":true})");
  EXPECT_TRUE(added.injected);
  for (const char* body : {R"({"model":"m","stream":false})", R"({"model":"m"})"}) {
    EXPECT_EQ(splice(body, "m", true).text, body);
    EXPECT_FALSE(splice(body, "m", true).injected);
  }
  EXPECT_FALSE(splice(R"({"model":"m","stream":true})", "m", false).injected);
}

TEST(SpliceBody, AClientThatAskedKeepsItsChunk) {
  const char* body = R"({"model":"m","stream":true,"stream_options":{"include_usage": true}})";
  EXPECT_EQ(splice(body, "m", true).text, body);
  EXPECT_FALSE(splice(body, "m", true).injected);
}

// What stands as stream_options, and what must stand there afterwards.
TEST(SpliceBody, EveryFormOfStreamOptions) {
  const std::pair<const char*, const char*> kForms[] = {
      {"null", R"({"include_usage":true})"},
      {"{}", R"({"include_usage":true})"},
      {"{ \n }", "{\"include_usage\":true \n }"},
      {R"({"include_usage":false})", R"({"include_usage":true})"},
      {R"({"include_usage" : false , "x":1})", R"({"include_usage" : true , "x":1})"},
      {R"({"x":1,"include_usage":null})", R"({"x":1,"include_usage":true})"},
      {R"({"x":1})", R"({"include_usage":true,"x":1})"},
      {R"({"mode":"include_usage"})", R"({"include_usage":true,"mode":"include_usage"})"},
      {R"({"x":{"include_usage":false}})", R"({"include_usage":true,"x":{"include_usage":false}})"},
      {R"({"mode":"include_usage","include_usage":false})", R"({"mode":"include_usage","include_usage":true})"},
      {R"({"x":"}","include_usage":false})", R"({"x":"}","include_usage":true})"},
  };
  for (const auto& [before, after] : kForms) {
    const std::string head = R"({"model":"m","stream":true,"stream_options":)";
    const Spliced got = splice(head + before + R"(,"n":1})", "m", true);
    EXPECT_EQ(got.text, head + after + R"(,"n":1})");
    EXPECT_TRUE(got.injected) << before;
  }
}

TEST(SpliceBody, BothEditsInEitherOrder) {
  EXPECT_EQ(splice(R"({"stream":true,"stream_options":{},"model":"a"})", "b", true).text,
            R"({"stream":true,"stream_options":{"include_usage":true},"model":"b"})");
  EXPECT_EQ(splice(R"({"model":"a","stream":true,"stream_options":{}})", "b", true).text,
            R"({"model":"b","stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(splice(R"( {"model":"a","stream":true})", "b", true).text,
            R"( {"stream_options":{"include_usage":true},"model":"b","stream":true})");
}

class UpstreamHead : public ::testing::Test {
 protected:
  UpstreamHead() {
    provider_.name = "lab";
    vendor_.config = &provider_;
    vendor_.path_prefix = "/api/v1";
    vendor_.fixed_headers = "Host: lab.example\r\nAuthorization: Bearer vendor-key\r\n";
  }

  std::string head(const std::string& client_headers, std::string_view path = "/v1/chat/completions",
                   std::string_view query = "") {
    const std::string text = "POST " + std::string(path) + " HTTP/1.1\r\nHost: gateway\r\n" + client_headers + "\r\n";
    http::Head parsed;
    auto ok = http::parse_request(text, http::Limits{}, parsed);
    EXPECT_TRUE(ok && *ok) << text;
    std::string out;
    const Surface& surface = *match_route(path, query)->surface;
    const std::string target = upstream_target(vendor_, surface, "m", false, query);
    append_upstream_head(out, vendor_, {.target = target, .client = parsed, .body_bytes = 42});
    return out;
  }

  config::Provider provider_;
  Vendor vendor_;
};

TEST_F(UpstreamHead, HasTheVendorsPathHostAndKey) {
  const std::string out = head("Content-Type: application/json\r\n", "/v1/chat/completions", "?a=b");
  EXPECT_TRUE(out.starts_with(
      "POST /api/v1/chat/completions?a=b HTTP/1.1\r\nHost: lab.example\r\nAuthorization: Bearer vendor-key\r\n"))
      << out;
  EXPECT_NE(out.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("Accept-Encoding: identity\r\nContent-Length: 42\r\n\r\n")) << out;
}

TEST_F(UpstreamHead, SecretsTagsAndHopHeadersOfTheClientStayHere) {
  const char* const kPrivate[] = {"Authorization: Bearer s",
                                  "x-api-key: s",
                                  "API-Key: s",
                                  "X-Goog-Api-Key: s",
                                  "Cookie: s",
                                  "x-tollgate-team: s",
                                  "X-LiteLLM-Tags: s",
                                  "x-portkey-metadata: s",
                                  "x-bf-vk: s",
                                  "helicone-auth: s",
                                  "cf-aig-metadata: s",
                                  "X-Forwarded-For: s",
                                  "Forwarded: s",
                                  "Via: s",
                                  "x-real-ip: s",
                                  "Accept-Encoding: s",
                                  "Proxy-Authorization: s",
                                  "TE: s",
                                  "Upgrade: s",
                                  "Keep-Alive: s",
                                  "Expect: 100-continue",
                                  "Connection: x-private\r\nX-Private: s"};
  const std::string plain = head("");
  for (const char* header : kPrivate) EXPECT_EQ(head(std::string(header) + "\r\n"), plain) << header;
}

TEST_F(UpstreamHead, OtherHeadersTravel) {
  for (const char* header :
       {"User-Agent: sdk/1", "anthropic-beta: a,b", "OpenAI-Organization: o", "x-stainless-lang: js",
        "Idempotency-Key: k", "Accept: text/event-stream", "traceparent: 00-a-b-01"})
    EXPECT_NE(head(std::string(header) + "\r\n").find("\r\n" + std::string(header) + "\r\n"), std::string::npos)
        << header;
}

TEST_F(UpstreamHead, TheVendorsRowWinsButForTheApiVersion) {
  provider_.headers = {{"anthropic-version", "2023-06-01"}, {"X-Title", "row"}};
  const std::string defaults = head("x-title: client\r\n", "/v1/messages");
  EXPECT_NE(defaults.find("anthropic-version: 2023-06-01\r\n"), std::string::npos);
  EXPECT_NE(defaults.find("X-Title: row\r\n"), std::string::npos);
  EXPECT_EQ(defaults.find("client"), std::string::npos);
  const std::string own = head("Anthropic-Version: 2099-01-01\r\n", "/v1/messages");
  EXPECT_NE(own.find("Anthropic-Version: 2099-01-01\r\n"), std::string::npos);
  EXPECT_EQ(own.find("2023-06-01"), std::string::npos);
}

}  // namespace
}  // namespace tollgate::gateway
