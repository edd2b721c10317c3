// Errors of Bedrock: {"message"}, told apart by status and by the message's words; the header that names the exception
// is not at hand. Thread rule: pure functions.
#include <array>

#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

// The first that fits. What a model's own interface says stands behind "The model returned the following errors:".
constexpr std::array kRules{
    ErrorRule{0, "overloaded", ErrorKind::retry_elsewhere, "overloaded"},
    ErrorRule{429, "per day", ErrorKind::retry_elsewhere, "quota_exceeded"},
    ErrorRule{429, "not ready", ErrorKind::retry_same, "model_not_ready"},
    ErrorRule{429, "", ErrorKind::limited, "rate_limited"},
    ErrorRule{400, "too long", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{400, "exceeds maximum length", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{400, "input tokens exceed", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{400, "too many input tokens", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{400, "context length", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{400, "context window", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{400, "context limit", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{400, "model identifier is invalid", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{400, "on-demand throughput", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{400, "not supported in this region", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{400, "operation not allowed", ErrorKind::retry_elsewhere, "model_not_allowed"},
    ErrorRule{400, "content filter", ErrorKind::client_fault, "content_filter"},
    ErrorRule{400, "content policy", ErrorKind::client_fault, "content_filter"},
    ErrorRule{400, "security token", ErrorKind::auth, "invalid_api_key"},
    ErrorRule{403, "access to the model", ErrorKind::retry_elsewhere, "model_not_allowed"},
    ErrorRule{403, "model access", ErrorKind::retry_elsewhere, "model_not_allowed"},
    ErrorRule{403, "not authorized", ErrorKind::auth, "permission_denied"},
    ErrorRule{403, "", ErrorKind::auth, "invalid_api_key"},
    ErrorRule{401, "", ErrorKind::auth, "invalid_api_key"},
    ErrorRule{404, "", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{408, "", ErrorKind::retry_same, "upstream_timeout"},
    ErrorRule{413, "", ErrorKind::client_fault, "body_too_large"},
    ErrorRule{424, "", ErrorKind::retry_same, "model_error"},
    ErrorRule{503, "", ErrorKind::retry_elsewhere, "overloaded"},
    ErrorRule{529, "", ErrorKind::retry_elsewhere, "overloaded"},
    ErrorRule{504, "", ErrorKind::retry_same, "upstream_timeout"},
};

struct Exception {
  std::string_view name;
  int status;
};
constexpr std::array kExceptions{
    Exception{"throttlingException", 429},         Exception{"validationException", 400},
    Exception{"internalServerException", 500},     Exception{"modelStreamErrorException", 424},
    Exception{"serviceUnavailableException", 503}, Exception{"modelTimeoutException", 408},
    Exception{"accessDeniedException", 403},       Exception{"resourceNotFoundException", 404}};

std::string message_in(std::string_view body) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root || !root->is_object()) return {};
  for (const std::string_view name : {"message", "Message", "errorMessage", "originalMessage"})
    if (const auto text = (*root)[name].as_string(); text && !text->empty()) return std::string(*text);
  return text_or_empty((*root)["error"]["message"]);
}

}  // namespace

Error read_error(int status, std::string_view body) {
  const bool theirs = status >= 500;
  Error error{.kind = theirs ? ErrorKind::retry_same : ErrorKind::client_fault,
              .status = status,
              .code = theirs ? "server_error" : "invalid_request",
              .message = message_in(body)};
  if (error.message.empty()) error.message = std::string(body.substr(0, 500));
  if (is_blank(error.message)) error.message = "Bedrock answered with status " + std::to_string(status);
  judge_error(kRules, error);
  return error;
}

std::string write_error(const Error& error) {
  std::string out;
  JsonWriter(out).begin_object().member("message", error.message).end_object();
  return out;
}

bool is_exception(std::string_view event) { return event.ends_with("Exception") || event.ends_with("Error"); }

Error stream_error(std::string_view event, std::string_view data) {
  int status = 500;
  for (const Exception& one : kExceptions)
    if (one.name == event) status = one.status;
  Error error = read_error(status, data);
  if (data.empty() || data == "{}") error.message = std::string(event) + " ended the stream";
  return error;
}

std::string_view exception_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::client_fault:
    case ErrorKind::auth:
      return "validationException";
    case ErrorKind::limited:
      return "throttlingException";
    case ErrorKind::retry_same:
      return "modelStreamErrorException";
    case ErrorKind::retry_elsewhere:
      return "serviceUnavailableException";
    case ErrorKind::fatal:
      break;
  }
  return "internalServerException";
}

}  // namespace tollgate::gateway::bedrock
