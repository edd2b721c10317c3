// Errors of Cohere: {"id", "message"}, in words of the message and by status. Thread rule: pure functions.
#include <array>

#include "gateway/dialects/cohere.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::cohere {
namespace {

// The first that fits. 498: the request or the answer holds a text that is on a deny list.
constexpr std::array kRules{
    ErrorRule{0, "too many tokens", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{0, "context length", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{404, "model", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{404, "", ErrorKind::retry_elsewhere, "not_found"},
    ErrorRule{400, "api token", ErrorKind::auth, "invalid_api_key"},
    ErrorRule{0, "blocked", ErrorKind::client_fault, "content_filter"},
    ErrorRule{498, "", ErrorKind::client_fault, "content_filter"},
    ErrorRule{401, "", ErrorKind::auth, "invalid_api_key"},
    ErrorRule{402, "", ErrorKind::retry_elsewhere, "quota_exceeded"},
    ErrorRule{403, "", ErrorKind::auth, "permission_denied"},
    ErrorRule{429, "/ month", ErrorKind::retry_elsewhere, "quota_exceeded"},
    ErrorRule{429, "", ErrorKind::limited, "rate_limited"},
    ErrorRule{499, "", ErrorKind::retry_same, "request_cancelled"},
    ErrorRule{500, "", ErrorKind::retry_same, "server_error"},
    ErrorRule{501, "", ErrorKind::retry_elsewhere, "not_implemented"},
    ErrorRule{503, "", ErrorKind::retry_elsewhere, "overloaded"},
    ErrorRule{504, "", ErrorKind::retry_same, "upstream_timeout"},
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
  judge_error(kRules, error);
  return error;
}

std::string write_error(const Error& error) {
  std::string out;
  JsonWriter(out).begin_object().member("id", error.code).member("message", error.message).end_object();
  return out;
}

}  // namespace tollgate::gateway::cohere
