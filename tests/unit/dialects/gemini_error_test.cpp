// Errors in Google's form, both ways.
#include <gtest/gtest.h>

#include "gemini_testing.h"

namespace tollgate::gateway {
namespace {

Error read(int status, const std::string& body) { return gemini().read_error(status, body); }

std::string fault(int code, const std::string& status, const std::string& message, const std::string& details = "[]") {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message + R"(","status":")" + status +
         R"(","details":)" + details + "}}";
}

TEST(GeminiError, KindsByStatus) {
  struct Row {
    int code;
    const char* status;
    ErrorKind kind;
    const char* word;
  };
  for (const Row& row : {Row{400, "INVALID_ARGUMENT", ErrorKind::client_fault, "invalid_request"},
                         Row{400, "FAILED_PRECONDITION", ErrorKind::client_fault, "failed_precondition"},
                         Row{401, "UNAUTHENTICATED", ErrorKind::auth, "invalid_api_key"},
                         Row{403, "PERMISSION_DENIED", ErrorKind::auth, "permission_denied"},
                         Row{404, "NOT_FOUND", ErrorKind::retry_elsewhere, "model_not_found"},
                         Row{429, "RESOURCE_EXHAUSTED", ErrorKind::limited, "rate_limited"},
                         Row{500, "INTERNAL", ErrorKind::retry_same, "server_error"},
                         Row{503, "UNAVAILABLE", ErrorKind::retry_same, "overloaded"},
                         Row{504, "DEADLINE_EXCEEDED", ErrorKind::retry_same, "timeout"}}) {
    const Error error = read(row.code, fault(row.code, row.status, "words"));
    EXPECT_EQ(error.kind, row.kind) << row.status;
    EXPECT_EQ(error.code, row.word) << row.status;
    EXPECT_EQ(error.message, "words");
    EXPECT_EQ(error.status, row.code);
    EXPECT_EQ(read(0, fault(row.code, row.status, "words")).status, row.code);
    // The HTTP status alone says the same, but for the two that share one.
    if (std::string_view(row.status) != "FAILED_PRECONDITION") EXPECT_EQ(read(row.code, "oops").kind, row.kind);
  }
}

TEST(GeminiError, WordsAndDetailsTellMore) {
  EXPECT_EQ(read(400, fault(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")).kind,
            ErrorKind::auth);
  EXPECT_EQ(read(400, fault(400, "INVALID_ARGUMENT", "x", R"([{"reason":"API_KEY_INVALID"}])")).code,
            "invalid_api_key");
  EXPECT_EQ(read(400, fault(400, "INVALID_ARGUMENT",
                            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."))
                .code,
            "context_length_exceeded");
  EXPECT_EQ(read(400, fault(400, "FAILED_PRECONDITION", "User location is not supported for the API use.")).kind,
            ErrorKind::retry_elsewhere);
  const Error limited = read(429, fault(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", R"([
      {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"RequestsPerDayPerProject"}]},
      {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"36.25s"}])"));
  EXPECT_EQ(limited.kind, ErrorKind::limited);
  EXPECT_EQ(limited.code, "quota_exceeded");
  EXPECT_EQ(limited.retry_after.count(), 36'250);
  for (const char* delay : {"", "s", "1m", "-1s", "1.2.3s", "99999999999999999999s"})
    EXPECT_EQ(read(429, fault(429, "RESOURCE_EXHAUSTED", "x", R"([{"retryDelay":")" + std::string(delay) + R"("}])"))
                  .retry_after.count(),
              0)
        << delay;
}

TEST(GeminiError, AnyBodyHasWords) {
  EXPECT_EQ(read(502, "<html>Bad Gateway</html>").message, "<html>Bad Gateway</html>");
  EXPECT_EQ(read(500, "").message, "the vendor answered with status 500");
  EXPECT_EQ(read(500, "[]").message, "[]");
  EXPECT_EQ(read(503, R"([{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}])").message, "busy");
  EXPECT_EQ(read(400, R"({"error":"plain"})").message, "plain");
}

TEST(GeminiError, WritesTheStatusForm) {
  const Json written = parsed(gemini().write_error({.kind = ErrorKind::limited,
                                                    .status = 429,
                                                    .code = "budget_exceeded",
                                                    .message = "no \"money\" left",
                                                    .retry_after = std::chrono::milliseconds(1'500)}));
  EXPECT_EQ(written,
            parsed(R"({"error":{"code":429,"message":"no \"money\" left","status":"RESOURCE_EXHAUSTED","details":[
    {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BUDGET_EXCEEDED","domain":"tollgate"},
    {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"}]}})"));
  const auto status = [](int code) {
    return parsed(gemini().write_error({.status = code, .message = "x"}))["error"]["status"].get<std::string>();
  };
  EXPECT_EQ(status(400), "INVALID_ARGUMENT");
  EXPECT_EQ(status(401), "UNAUTHENTICATED");
  EXPECT_EQ(status(403), "PERMISSION_DENIED");
  EXPECT_EQ(status(404), "NOT_FOUND");
  EXPECT_EQ(status(413), "INVALID_ARGUMENT");
  EXPECT_EQ(status(500), "INTERNAL");
  EXPECT_EQ(status(502), "UNAVAILABLE");
  EXPECT_EQ(status(503), "UNAVAILABLE");
  EXPECT_EQ(status(504), "DEADLINE_EXCEEDED");
}

}  // namespace
}  // namespace tollgate::gateway
