// Errors of vendors that speak the Responses dialect, and ours in its form.
#include <gtest/gtest.h>

#include "core/json_dom.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {
namespace {

TEST(OpenaiResponsesError, IsUnderstoodWhateverTheVendor) {
  struct Case {
    int status;
    const char* body;
    ErrorKind kind;
    const char* code;
    const char* message;
  };
  using enum ErrorKind;
  const Case cases[] = {
      {400, R"({"error":{"message":"bad","type":"invalid_request_error","param":"x","code":null}})", client_fault,
       "invalid_request", "bad"},
      {400, R"({"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}})",
       client_fault, "context_length_exceeded", "too long"},
      {400, R"({"error":{"message":"Your input exceeds the context window of this model."}})", client_fault,
       "context_length_exceeded", "Your input exceeds the context window of this model."},
      {400, R"({"error":{"code":"content_filter","message":"filtered"}})", client_fault, "content_filter", "filtered"},
      {400, R"({"error":{"message":"a value for timeout is wrong","type":"invalid_request_error"}})", client_fault,
       "invalid_request", "a value for timeout is wrong"},
      {400, R"({"error":{"message":"no such model","code":"model_not_found"}})", retry_elsewhere, "model_not_found",
       "no such model"},
      {404, R"({"error":{"code":"DeploymentNotFound","message":"no deployment"}})", retry_elsewhere,
       "DeploymentNotFound", "no deployment"},
      {401, R"({"error":{"message":"who?","type":"invalid_request_error","code":"invalid_api_key"}})", auth,
       "invalid_api_key", "who?"},
      {400, R"({"code":"invalid-argument","error":"Incorrect API key provided."})", auth, "invalid_argument",
       "Incorrect API key provided."},
      {403, R"({"error":{"message":"not yours"}})", auth, "upstream_error", "not yours"},
      {429, R"({"error":{"message":"slow","type":"requests","code":"rate_limit_exceeded"}})", limited,
       "rate_limit_exceeded", "slow"},
      {429, R"({"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}})", retry_elsewhere,
       "insufficient_quota", "pay"},
      {402, R"({"error":{"code":402,"message":"Insufficient credits"}})", retry_elsewhere, "insufficient_quota",
       "Insufficient credits"},
      {500, R"({"error":{"message":"oops","type":"server_error"}})", retry_same, "server_error", "oops"},
      {503, R"({"error":{"message":"busy","code":"server_is_overloaded"}})", retry_elsewhere, "server_is_overloaded",
       "busy"},
      {503, R"({"error":{"message":"odd","type":"invalid_request_error"}})", retry_elsewhere, "invalid_request", "odd"},
      {422, R"({"detail":[{"loc":["body","input",0],"msg":"field required"}]})", client_fault, "invalid_request",
       "body.input.0: field required"},
      {422, R"({"detail":"nope"})", client_fault, "invalid_request", "nope"},
      {400, R"({"error":{"code":400,"message":"Provider returned error","metadata":{"raw":"temperature"}}})",
       client_fault, "invalid_request", "Provider returned error: temperature"},
      {400, R"([{"error":{"message":"in a list"}}])", client_fault, "invalid_request", "in a list"},
      {502, "<html>bad gateway</html>", retry_same, "upstream_error", "<html>bad gateway</html>"},
      {504, "", retry_same, "upstream_error", "the vendor answered with status 504"},
      {529, "{}", retry_elsewhere, "upstream_error", "the vendor answered with status 529"}};
  for (const Case& one : cases) {
    const Error error = openai_responses().read_error(one.status, one.body);
    EXPECT_EQ(error.kind, one.kind) << one.body;
    EXPECT_EQ(error.code, one.code) << one.body;
    EXPECT_EQ(error.message, one.message) << one.body;
    EXPECT_EQ(error.status, one.status);
  }
}

TEST(OpenaiResponsesError, IsWrittenAsOpenaiDoes) {
  const auto written = [](Error error) {
    auto body = parse_json_dom(openai_responses().write_error(error));
    return body ? dump_json(*body) : "";
  };
  EXPECT_EQ(written({.kind = ErrorKind::client_fault, .status = 400, .code = "invalid_request", .message = "no \"x\""}),
            R"({"error":{"message":"no \"x\"","type":"invalid_request_error","param":null,"code":"invalid_request"}})");
  EXPECT_EQ(written({.kind = ErrorKind::auth, .status = 401, .message = "m"}),
            R"({"error":{"message":"m","type":"authentication_error","param":null,"code":null}})");
  EXPECT_NE(written({.kind = ErrorKind::limited, .status = 429}).find("rate_limit_error"), std::string::npos);
  EXPECT_NE(written({.kind = ErrorKind::retry_elsewhere, .status = 503}).find("server_error"), std::string::npos);
}

TEST(OpenaiResponsesError, ComesBackFromItsOwnForm) {
  for (const ErrorKind kind : {ErrorKind::client_fault, ErrorKind::auth, ErrorKind::limited}) {
    const int status = kind == ErrorKind::auth ? 401 : (kind == ErrorKind::limited ? 429 : 400);
    const Error error{.kind = kind, .status = status, .message = "words"};
    const Error again = openai_responses().read_error(status, openai_responses().write_error(error));
    EXPECT_EQ(again.kind, kind);
    EXPECT_EQ(again.message, "words");
  }
}

}  // namespace
}  // namespace tollgate::gateway
