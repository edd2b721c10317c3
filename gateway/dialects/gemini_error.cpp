// Errors of Google's APIs (google.rpc.Status), both ways. Thread rule: a parser per thread.
#include <algorithm>
#include <array>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_reply.h"

namespace tollgate::gateway::gemini_form {
namespace {

struct StatusRow {
  std::string_view name;
  int http;
  ErrorKind kind;
  std::string_view code;
};
// google.rpc.Code; the first row of an HTTP status is the one written for it.
constexpr std::array kStatuses{
    StatusRow{"INVALID_ARGUMENT", 400, ErrorKind::client_fault, "invalid_request"},
    StatusRow{"FAILED_PRECONDITION", 400, ErrorKind::client_fault, "failed_precondition"},
    StatusRow{"OUT_OF_RANGE", 400, ErrorKind::client_fault, "invalid_request"},
    StatusRow{"UNAUTHENTICATED", 401, ErrorKind::auth, "invalid_api_key"},
    StatusRow{"PERMISSION_DENIED", 403, ErrorKind::auth, "permission_denied"},
    StatusRow{"NOT_FOUND", 404, ErrorKind::retry_elsewhere, "model_not_found"},
    StatusRow{"ABORTED", 409, ErrorKind::retry_same, "aborted"},
    StatusRow{"ALREADY_EXISTS", 409, ErrorKind::client_fault, "already_exists"},
    StatusRow{"RESOURCE_EXHAUSTED", 429, ErrorKind::limited, "rate_limited"},
    StatusRow{"CANCELLED", 499, ErrorKind::retry_same, "cancelled"},
    StatusRow{"INTERNAL", 500, ErrorKind::retry_same, "server_error"},
    StatusRow{"UNKNOWN", 500, ErrorKind::retry_same, "server_error"},
    StatusRow{"DATA_LOSS", 500, ErrorKind::retry_same, "server_error"},
    StatusRow{"UNIMPLEMENTED", 501, ErrorKind::retry_elsewhere, "unsupported"},
    StatusRow{"UNAVAILABLE", 503, ErrorKind::retry_same, "overloaded"},
    StatusRow{"DEADLINE_EXCEEDED", 504, ErrorKind::retry_same, "timeout"},
};

const StatusRow* status_named(std::string_view name) {
  for (const StatusRow& row : kStatuses)
    if (row.name == name) return &row;
  return nullptr;
}

const StatusRow& status_for(int http) {
  for (const StatusRow& row : kStatuses)
    if (row.http == http) return row;
  return *status_named(http < 500 ? "INVALID_ARGUMENT" : http == 502 || http == 529 ? "UNAVAILABLE" : "INTERNAL");
}

bool says(std::string_view text, std::string_view words) {
  return std::search(text.begin(), text.end(), words.begin(), words.end(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         }) != text.end();
}

// "34.4s" of a RetryInfo.
std::chrono::milliseconds duration_of(std::string_view text) {
  if (!text.ends_with('s') || text.size() > 16) return {};
  std::int64_t millis = 0, unit = 1000;
  bool fraction = false;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c == '.' && !fraction) {
      fraction = true;
    } else if (c < '0' || c > '9') {
      return {};
    } else if (!fraction) {
      millis = millis * 10 + (c - '0') * 1000;
    } else {
      millis += (c - '0') * (unit /= 10);
    }
  }
  return std::chrono::milliseconds(std::min<std::int64_t>(millis, 86'400'000));
}

// What the status leaves open, the vendor says in details and words.
void refine(JsonValue details, Error& error) {
  details.elements([&](JsonValue detail) {
    const std::string_view reason = detail["reason"].as_string().value_or("");
    if (reason.starts_with("API_KEY") || reason == "ACCESS_TOKEN_EXPIRED") {
      error.kind = ErrorKind::auth;
      error.code = "invalid_api_key";
    }
    const auto wait = duration_of(detail["retryDelay"].as_string().value_or(""));
    if (wait.count() > 0) error.retry_after = wait;
    detail["violations"].elements([&](JsonValue violation) {
      if (violation["quotaId"].as_string().value_or("").find("PerDay") != std::string_view::npos)
        error.code = "quota_exceeded";
    });
  });
  if (error.kind != ErrorKind::client_fault) {
    if (error.kind == ErrorKind::retry_same && says(error.message, "overloaded")) error.code = "overloaded";
    return;
  }
  if (says(error.message, "api key not valid") || says(error.message, "api key expired")) {
    error.kind = ErrorKind::auth;
    error.code = "invalid_api_key";
  } else if (says(error.message, "exceeds the maximum number of tokens") || says(error.message, "input token count")) {
    error.code = "context_length_exceeded";
  } else if (says(error.message, "location is not supported")) {
    error.kind = ErrorKind::retry_elsewhere;
    error.code = "unsupported_location";
  } else if (says(error.message, "billing")) {
    error.kind = ErrorKind::auth;
    error.code = "billing_disabled";
  }
}

std::string shouted(std::string_view code) {
  std::string out(code);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

void write_details(JsonWriter& writer, const Error& error) {
  writer.key("details").begin_array();
  if (!error.code.empty()) {
    writer.begin_object().member("@type", "type.googleapis.com/google.rpc.ErrorInfo");
    writer.member("reason", shouted(error.code)).member("domain", "tollgate").end_object();
  }
  if (error.retry_after.count() > 0) {
    const std::int64_t millis = error.retry_after.count();
    std::string delay = std::to_string(millis / 1000);
    if (const std::int64_t rest = millis % 1000; rest != 0) delay += "." + std::to_string(1000 + rest).substr(1);
    writer.begin_object().member("@type", "type.googleapis.com/google.rpc.RetryInfo");
    writer.member("retryDelay", delay + "s").end_object();
  }
  writer.end_array();
}

}  // namespace

Error read_fault(int status, std::string_view body) {
  thread_local JsonReader reader;
  const auto parsed = reader.parse(body);
  JsonValue root = parsed ? *parsed : JsonValue{};
  if (root.is_array()) root = root.at(0);  // as an element of a stream that had not begun
  JsonValue fault = root["error"];
  if (!fault.is_object()) fault = root;
  const auto said = static_cast<int>(std::clamp<std::int64_t>(fault["code"].as_int().value_or(0), 0, 599));
  const StatusRow* named = status_named(fault["status"].as_string().value_or(""));
  Error error;
  error.status = status >= 400 ? status : said >= 400 ? said : named ? named->http : 500;
  const StatusRow& row = named ? *named : status_for(error.status);
  error.kind = row.kind;
  error.code = row.code;
  error.message = text_or_empty(fault["message"]);
  if (error.message.empty()) error.message = text_or_empty(root["error"]);
  if (error.message.empty()) error.message = std::string(body.substr(0, 500));
  if (error.message.empty()) error.message = "the vendor answered with status " + std::to_string(error.status);
  refine(fault["details"], error);
  return error;
}

std::string write_fault(const Error& error) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("error").begin_object();
  writer.member("code", error.status).member("message", std::string_view(error.message));
  writer.member("status", status_for(error.status).name);
  write_details(writer, error);
  writer.end_object().end_object();
  return out;
}

}  // namespace tollgate::gateway::gemini_form
