// Errors, whole and in streams, both directions.
#include <gtest/gtest.h>

#include "anthropic_testing.h"

namespace tollgate::gateway {
namespace {

Error read(int status, std::string_view body) { return anthropic().read_error(status, body); }

std::string vendor_error(std::string_view type, std::string_view message) {
  return R"({"type":"error","error":{"type":")" + std::string(type) + R"(","message":")" + std::string(message) +
         R"("},"request_id":"req_1"})";
}

TEST(AnthropicError, KindsByType) {
  const auto kind = [](int status, std::string_view type) { return read(status, vendor_error(type, "words")).kind; };
  EXPECT_EQ(kind(400, "invalid_request_error"), ErrorKind::client_fault);
  EXPECT_EQ(kind(401, "authentication_error"), ErrorKind::auth);
  EXPECT_EQ(kind(402, "billing_error"), ErrorKind::retry_elsewhere);
  EXPECT_EQ(kind(403, "permission_error"), ErrorKind::auth);
  EXPECT_EQ(kind(404, "not_found_error"), ErrorKind::retry_elsewhere);
  EXPECT_EQ(kind(413, "request_too_large"), ErrorKind::client_fault);
  EXPECT_EQ(kind(429, "rate_limit_error"), ErrorKind::limited);
  EXPECT_EQ(kind(500, "api_error"), ErrorKind::retry_same);
  EXPECT_EQ(kind(504, "timeout_error"), ErrorKind::retry_same);
  EXPECT_EQ(kind(529, "overloaded_error"), ErrorKind::retry_same);
  EXPECT_EQ(kind(529, "of_tomorrow"), ErrorKind::retry_same);
  EXPECT_EQ(kind(418, "of_tomorrow"), ErrorKind::client_fault);
  const Error error = read(429, vendor_error("rate_limit_error", "slow down"));
  EXPECT_EQ(error.message, "slow down");
  EXPECT_EQ(error.code, "rate_limit_error");
  EXPECT_EQ(error.status, 429);
}

TEST(AnthropicError, WordsTellMoreThanTypes) {
  const Error context = read(400, vendor_error("invalid_request_error", "prompt is too long: 5 tokens > 4 maximum"));
  EXPECT_EQ(context.code, "context_length_exceeded");
  EXPECT_EQ(context.kind, ErrorKind::client_fault);
  const Error credit = read(400, vendor_error("invalid_request_error", "Your credit balance is too low to use it"));
  EXPECT_EQ(credit.code, "insufficient_quota");
  EXPECT_EQ(credit.kind, ErrorKind::retry_elsewhere);
  EXPECT_EQ(read(400, vendor_error("invalid_request_error", "Output blocked by content filtering policy")).code,
            "content_filter");
  EXPECT_EQ(read(404, vendor_error("not_found_error", "model: claude-none")).code, "model_not_found");
}

TEST(AnthropicError, BodiesOfTheClouds) {
  const Error amazon = read(403, R"({"message":"You don't have access to the model."})");
  EXPECT_EQ(amazon.kind, ErrorKind::auth);
  EXPECT_EQ(amazon.message, "You don't have access to the model.");
  EXPECT_EQ(read(429, R"({"message":"Too many requests"})").kind, ErrorKind::limited);
  EXPECT_EQ(read(400, R"({"message":"The provided model identifier is invalid."})").kind, ErrorKind::retry_elsewhere);
  const Error google =
      read(429, R"([{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}])");
  EXPECT_EQ(google.kind, ErrorKind::limited);
  EXPECT_EQ(google.message, "Quota exceeded");
}

TEST(AnthropicError, AnyTextIsAnswered) {
  EXPECT_EQ(read(502, "<html>bad gateway</html>").message, "<html>bad gateway</html>");
  EXPECT_EQ(read(502, "<html>bad gateway</html>").kind, ErrorKind::retry_same);
  for (const char* body : {"", " \n", "null", "[]", "{}", "5", R"({"error":"x"})", R"({"error":{}})", R"([[]])"}) {
    EXPECT_FALSE(read(500, body).message.empty()) << body;
    EXPECT_EQ(read(500, body).kind, ErrorKind::retry_same) << body;
  }
}

TEST(AnthropicError, Written) {
  const auto type = [](int status) {
    return parsed(anthropic().write_error({.status = status, .message = "m"}))["error"]["type"].get<std::string>();
  };
  EXPECT_EQ(type(400), "invalid_request_error");
  EXPECT_EQ(type(401), "authentication_error");
  EXPECT_EQ(type(403), "permission_error");
  EXPECT_EQ(type(404), "not_found_error");
  EXPECT_EQ(type(413), "request_too_large");
  EXPECT_EQ(type(422), "invalid_request_error");
  EXPECT_EQ(type(429), "rate_limit_error");
  EXPECT_EQ(type(500), "api_error");
  EXPECT_EQ(type(503), "overloaded_error");
  EXPECT_EQ(type(529), "overloaded_error");
  EXPECT_EQ(
      anthropic().write_error({.status = 400, .code = "fidelity_strict", .message = "a \"b\""}),
      R"({"type":"error","error":{"type":"invalid_request_error","message":"a \"b\"","code":"fidelity_strict"}})");
}

TEST(AnthropicError, InTheMiddleOfAStream) {
  const auto events = read_stream(
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n"
      "event: error\ndata: "
      "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
      Framing::sse);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].kind, chat::Event::Kind::error);
  EXPECT_EQ(events[1].error.status, 529);
  EXPECT_EQ(events[1].error.kind, ErrorKind::retry_same);
  EXPECT_EQ(events[1].error.message, "Overloaded");
  const std::string written = write_stream(events, {});
  EXPECT_TRUE(
      written.ends_with("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                        "\"message\":\"Overloaded\"}}\n\n"))
      << written;
}

TEST(AnthropicError, AmazonsExceptions) {
  const auto kind = [](std::string_view name) {
    chat::Events events;
    anthropic().event_reader()->read(name, R"({"message":"words"})", events);
    EXPECT_EQ(events.size(), 1u);
    return events.at(0).error.kind;
  };
  EXPECT_EQ(kind("throttlingException"), ErrorKind::limited);
  EXPECT_EQ(kind("validationException"), ErrorKind::client_fault);
  EXPECT_EQ(kind("serviceUnavailableException"), ErrorKind::retry_same);
  EXPECT_EQ(kind("modelStreamErrorException"), ErrorKind::retry_same);
}

TEST(AnthropicError, RepliesThatAreNone) {
  for (const char* body : {"", "no json", "[]", "{}", R"({"content":5})", R"({"content":[{}]})"}) {
    const auto reply = anthropic().read_reply(body);
    ASSERT_FALSE(reply) << body;
    EXPECT_EQ(reply.error().status, 502) << body;
  }
  const auto reply = anthropic().read_reply(vendor_error("overloaded_error", "Overloaded"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().status, 529);
  EXPECT_FALSE(read_count_reply("{}"));
  EXPECT_FALSE(read_count_reply(R"({"input_tokens":-1})"));
  EXPECT_EQ(*read_count_reply(R"({"input_tokens":12})"), 12);
  EXPECT_EQ(write_count_reply(12), R"({"input_tokens":12})");
}

}  // namespace
}  // namespace tollgate::gateway
