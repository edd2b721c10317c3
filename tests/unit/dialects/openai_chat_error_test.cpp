// Errors of the vendors that speak openai.chat, and ours.
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace oai_test;

struct Case {
  int status;
  const char* body;
  ErrorKind kind;
  const char* code;
  const char* message;
};

TEST(OpenAiChatError, EveryFormIsUnderstood) {
  using enum ErrorKind;
  const Case kCases[] = {
      {401, R"({"error":{"message":"Bad key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})",
       auth, "invalid_api_key", "Bad key"},
      {429, R"({"error":{"message":"Slow down","type":"tokens","code":"rate_limit_exceeded"}})", limited,
       "rate_limit_exceeded", "Slow down"},
      {429,
       R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}})",
       retry_elsewhere, "insufficient_quota", "You exceeded your current quota"},
      {400, R"({"error":{"message":"Too long","type":"invalid_request_error","code":"context_length_exceeded"}})",
       retry_elsewhere, "context_length_exceeded", "Too long"},
      {400,
       R"({"error":{"message":"Filtered","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
       client_fault, "content_filter", "Filtered"},
      {404, R"({"error":{"message":"No such model","type":"invalid_request_error","code":"model_not_found"}})",
       retry_elsewhere, "model_not_found", "No such model"},
      {400, R"({"error":{"message":"temperature","type":"invalid_request_error","code":null}})", client_fault,
       "invalid_request_error", "temperature"},
      {400, R"({"error":{"message":"Tool call failed","code":"tool_use_failed"}})", retry_same, "tool_use_failed",
       "Tool call failed"},
      {503, R"({"error":{"message":"The engine is currently overloaded","type":"server_error"}})", retry_same,
       "server_error", "The engine is currently overloaded"},
      {402, R"({"error":{"message":"Insufficient Balance","code":"x"}})", retry_elsewhere, "x", "Insufficient Balance"},
      {429, R"({"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"rate-limited upstream"}}})",
       limited, "upstream_error", "Provider returned error: rate-limited upstream"},
      {400, R"([{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}])", client_fault,
       "INVALID_ARGUMENT", "API key not valid"},
      {404, R"({"error":"model not found"})", retry_elsewhere, "upstream_error", "model not found"},
      {400, R"({"code":400,"message":"Validation","type":"Bad Request"})", client_fault, "Bad Request", "Validation"},
      {400, R"({"object":"error","message":"nope","type":"BadRequestError","code":400})", client_fault,
       "BadRequestError", "nope"},
      {401, R"({"detail":"Invalid API Key"})", auth, "upstream_error", "Invalid API Key"},
      {422, R"({"detail":[{"loc":["body","x"],"msg":"extra fields not permitted","type":"value_error"}]})",
       client_fault, "upstream_error", "extra fields not permitted"},
      {502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", retry_same, "upstream_error",
       "502 Bad Gateway nginx"},
      {500, "", retry_same, "upstream_error", "the vendor gave no reason"},
      {503, "  upstream\n  connect error ", retry_same, "upstream_error", "upstream connect error"},
      {413, "{", client_fault, "upstream_error", "{"},
  };
  for (const Case& one : kCases) {
    const Error error = openai_chat().read_error(one.status, one.body);
    EXPECT_EQ(error.kind, one.kind) << one.body;
    EXPECT_EQ(error.code, one.code) << one.body;
    EXPECT_EQ(error.message, one.message) << one.body;
    EXPECT_EQ(error.status, one.status) << one.body;
  }
}

TEST(OpenAiChatError, AStatusInsideCountsWhereThereIsNoOther) {
  const Error error = openai_chat().read_error(200, R"({"error":{"message":"busy","code":503}})");
  EXPECT_EQ(error.status, 503);
  EXPECT_EQ(error.kind, ErrorKind::retry_same);
  EXPECT_EQ(openai_chat().read_error(200, R"({"error":{"message":"odd"}})").status, 502);
}

TEST(OpenAiChatError, OursHaveOpenAisForm) {
  const auto written = [](int status) {
    return json(openai_chat().write_error({.status = status, .code = "some_code", .message = "a \"b\""}))["error"];
  };
  EXPECT_EQ(written(400)["type"], "invalid_request_error");
  EXPECT_EQ(written(401)["type"], "authentication_error");
  EXPECT_EQ(written(403)["type"], "permission_error");
  EXPECT_EQ(written(404)["type"], "not_found_error");
  EXPECT_EQ(written(429)["type"], "rate_limit_error");
  EXPECT_EQ(written(503)["type"], "server_error");
  EXPECT_EQ(written(400)["code"], "some_code");
  EXPECT_EQ(written(400)["message"], "a \"b\"");
  EXPECT_TRUE(written(400)["param"].is_null());
  const Error back =
      openai_chat().read_error(429, openai_chat().write_error({.status = 429, .code = "c", .message = "m"}));
  EXPECT_EQ(back.kind, ErrorKind::limited);
  EXPECT_EQ(back.code, "c");
}

}  // namespace
}  // namespace tollgate::gateway
