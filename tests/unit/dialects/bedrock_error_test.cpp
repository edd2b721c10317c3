// Errors of Bedrock: status and words.
#include "bedrock_testing.h"

namespace tollgate::gateway {
namespace {

struct Case {
  int status;
  const char* message;
  ErrorKind kind;
  const char* code;
};

TEST(BedrockErrors, AreClassified) {
  const Case cases[] = {
      {400, "Malformed input request", ErrorKind::client_fault, "invalid_request"},
      {400, "Input is too long for requested model.", ErrorKind::client_fault, "context_length_exceeded"},
      {400, "The model returned the following errors: prompt is too long: 9 tokens > 8 maximum",
       ErrorKind::client_fault, "context_length_exceeded"},
      {400, "The provided model identifier is invalid.", ErrorKind::retry_elsewhere, "model_not_found"},
      {400, "Output blocked by content filtering policy", ErrorKind::client_fault, "content_filter"},
      {400, "The model returned the following errors: Overloaded", ErrorKind::retry_elsewhere, "overloaded"},
      {401, "no", ErrorKind::auth, "invalid_api_key"},
      {403, "The security token included in the request is invalid.", ErrorKind::auth, "invalid_api_key"},
      {403, "User: x is not authorized to perform: bedrock:InvokeModel", ErrorKind::auth, "permission_denied"},
      {403, "You don't have access to the model with the specified model ID.", ErrorKind::retry_elsewhere,
       "model_not_allowed"},
      {404, "This model version has reached the end of its life.", ErrorKind::retry_elsewhere, "model_not_found"},
      {408, "The model timed out", ErrorKind::retry_same, "upstream_timeout"},
      {424, "The model failed", ErrorKind::retry_same, "model_error"},
      {429, "Too many tokens, please wait before trying again.", ErrorKind::limited, "rate_limited"},
      {429, "Too many tokens per day, please wait before trying again.", ErrorKind::retry_elsewhere, "quota_exceeded"},
      {429, "Model is not ready for inference", ErrorKind::retry_same, "model_not_ready"},
      {500, "oops", ErrorKind::retry_same, "server_error"},
      {503, "Bedrock is unable to process your request.", ErrorKind::retry_elsewhere, "overloaded"},
  };
  for (const Case& one : cases) {
    const Error error = bedrock_converse().read_error(one.status, dump_json(Json{{"message", one.message}}));
    EXPECT_EQ(error.kind, one.kind) << one.message;
    EXPECT_EQ(error.code, one.code) << one.message;
    EXPECT_EQ(error.message, one.message);
    EXPECT_EQ(error.status, one.status);
  }
}

TEST(BedrockErrors, InAnyBody) {
  const Dialect& dialect = bedrock_converse();
  EXPECT_EQ(dialect.read_error(403, R"({"Message":"no"})").message, "no");
  EXPECT_EQ(dialect.read_error(400, "plain").message, "plain");
  EXPECT_EQ(dialect.read_error(502, "<html>").kind, ErrorKind::retry_same);
  EXPECT_FALSE(dialect.read_error(500, "").message.empty());
  EXPECT_FALSE(dialect.read_error(500, R"({"message":7})").message.empty());
  EXPECT_EQ(dialect.write_error({.message = "a \"b\""}), R"({"message":"a \"b\""})");
}

}  // namespace
}  // namespace tollgate::gateway
