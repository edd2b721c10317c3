// Errors of Cohere: {"id", "message"}, in words of the message and by status. Thread rule: pure functions.
#include <array>

#include "gateway/dialects/cohere.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::cohere {
namespace {

struct Rule {
  int status;              // 0 = any
  std::string_view words;  // in the message; "" = any
  ErrorKind kind;
  std::string_view code;
};
// The first that fits. 498: the request or the answer holds a text that is on a deny list.
constexpr std::array kRules{
    Rule{0, "too many tokens", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{0, "context length", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{404, "model", ErrorKind::retry_elsewhere, "model_not_found"},
    Rule{404, "", ErrorKind::retry_elsewhere, "not_found"},
    Rule{400, "api token", ErrorKind::auth, "invalid_api_key"},
    Rule{0, "blocked", ErrorKind::client_fault, "content_filter"},
    Rule{498, "", ErrorKind::client_fault, "content_filter"},
    Rule{401, "", ErrorKind::auth, "invalid_api_key"},
    Rule{402, "", ErrorKind::retry_elsewhere, "quota_exceeded"},
    Rule{403, "", ErrorKind::auth, "permission_denied"},
    Rule{429, "/ month", ErrorKind::retry_elsewhere, "quota_exceeded"},
    Rule{429, "", ErrorKind::limited, "rate_limited"},
    Rule{499, "", ErrorKind::retry_same, "request_cancelled"},
    Rule{500, "", ErrorKind::retry_same, "server_error"},
    Rule{501, "", ErrorKind::retry_elsewhere, "not_implemented"},
    Rule{503, "", ErrorKind::retry_elsewhere, "overloaded"},
    Rule{504, "", ErrorKind::retry_same, "upstream_timeout"},
};

}  // namespace

Error read_error(int status, std::string_view body) {
  Error error{.kind = status >= 500 ? ErrorKind::retry_same : ErrorKind::client_fault,
              .status = status,
              .code = status >= 500 ? "server_error" : "invalid_request"};
  JsonReader reader;
  if (const auto root = reader.parse(body); root && root->is_object()) {
    const JsonValue message = (*root)["message"], nested = (*root)["error"];
    error.message = text_or_empty(message.is_string() ? message : nested.is_string() ? nested : nested["message"]);
  }
  if (error.message.empty()) error.message = std::string(body.substr(0, 500));
  if (error.message.empty()) error.message = "Cohere answered with status " + std::to_string(status);
  std::string lower = error.message;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  for (const Rule& rule : kRules) {
    if (rule.status != 0 && rule.status != status) continue;
    if (!rule.words.empty() && lower.find(rule.words) == std::string::npos) continue;
    error.kind = rule.kind;
    error.code = rule.code;
    break;
  }
  return error;
}

std::string write_error(const Error& error) {
  std::string out;
  JsonWriter(out).begin_object().member("id", error.code).member("message", error.message).end_object();
  return out;
}

}  // namespace tollgate::gateway::cohere
