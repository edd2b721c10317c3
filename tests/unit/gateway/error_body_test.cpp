// Errors in the callers' forms, and the table of surfaces.
#include "gateway/error_body.h"

#include <gtest/gtest.h>

#include <set>

#include "core/json.h"
#include "core/sse.h"
#include "gateway/surface.h"

namespace tollgate::gateway {
namespace {

Error error_of(int status) { return Error{.status = status, .code = "some_code", .message = "it \"broke\"\nhere"}; }

std::string text_at(std::string_view json, std::initializer_list<std::string_view> path) {
  JsonReader reader;
  auto root = reader.parse(json);
  EXPECT_TRUE(root) << json;
  if (!root) return {};
  JsonValue value = *root;
  for (std::string_view key : path) value = value[key];
  return std::string(value.as_string().value_or("(absent)"));
}

TEST(ErrorBody, OpenAiForm) {
  const std::string body = error_body(ApiFamily::openai, error_of(429));
  EXPECT_EQ(text_at(body, {"error", "type"}), "rate_limit_error");
  EXPECT_EQ(text_at(body, {"error", "code"}), "some_code");
  EXPECT_EQ(text_at(body, {"error", "message"}), "it \"broke\"\nhere");
  for (auto [status, type] : {std::pair{400, "invalid_request_error"},
                              {401, "authentication_error"},
                              {403, "permission_error"},
                              {404, "not_found_error"},
                              {500, "server_error"},
                              {504, "server_error"}})
    EXPECT_EQ(text_at(error_body(ApiFamily::openai, error_of(status)), {"error", "type"}), type) << status;
}

TEST(ErrorBody, AnthropicForm) {
  const std::string body = error_body(ApiFamily::anthropic, error_of(529));
  EXPECT_EQ(text_at(body, {"type"}), "error");
  EXPECT_EQ(text_at(body, {"error", "type"}), "overloaded_error");
  EXPECT_EQ(text_at(body, {"error", "message"}), "it \"broke\"\nhere");
  for (auto [status, type] : {std::pair{400, "invalid_request_error"},
                              {401, "authentication_error"},
                              {413, "request_too_large"},
                              {429, "rate_limit_error"},
                              {503, "overloaded_error"},
                              {502, "api_error"}})
    EXPECT_EQ(text_at(error_body(ApiFamily::anthropic, error_of(status)), {"error", "type"}), type) << status;
}

TEST(ErrorEvent, IsOneWholeEventOfTheSurface) {
  for (const Surface& surface : surfaces()) {
    const std::string text = error_event(surface, error_of(502));
    SseScanner scanner;
    scanner.feed(text);
    SseEvent event;
    ASSERT_TRUE(scanner.next(event)) << surface.name;
    const bool named = surface.family == ApiFamily::anthropic || surface.id == SurfaceId::responses;
    EXPECT_EQ(event.event, named ? "error" : "") << surface.name;
    const std::string data(event.data);
    if (surface.id == SurfaceId::responses) {
      EXPECT_EQ(text_at(data, {"type"}), "error");
      EXPECT_EQ(text_at(data, {"message"}), "it \"broke\"\nhere");
    } else {
      EXPECT_EQ(text_at(data, {"error", "message"}), "it \"broke\"\nhere") << surface.name;
    }
    EXPECT_FALSE(scanner.next(event)) << surface.name;
    // Behind the event Google's callers get the same as a bare text.
    EXPECT_EQ(scanner.partial_bytes() > 0, surface.family == ApiFamily::google) << surface.name;
  }
}

}  // namespace
}  // namespace tollgate::gateway
