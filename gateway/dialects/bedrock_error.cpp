// Errors of Bedrock: {"message"}, told apart by status and by the message's words; the header that names the exception
// is not at hand. Thread rule: pure functions.
#include <array>

#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

struct Rule {
  int status;              // 0 = any
  std::string_view words;  // in the message, in small letters; "" = any
  ErrorKind kind;
  std::string_view code;
};
// The first that fits. What a model's own interface says stands behind "The model returned the following errors:".
constexpr std::array kRules{
    Rule{0, "overloaded", ErrorKind::retry_elsewhere, "overloaded"},
    Rule{429, "per day", ErrorKind::retry_elsewhere, "quota_exceeded"},
    Rule{429, "not ready", ErrorKind::retry_same, "model_not_ready"},
    Rule{429, "", ErrorKind::limited, "rate_limited"},
    Rule{400, "too long", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{400, "exceeds maximum length", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{400, "input tokens exceed", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{400, "too many input tokens", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{400, "context length", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{400, "context window", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{400, "context limit", ErrorKind::client_fault, "context_length_exceeded"},
    Rule{400, "model identifier is invalid", ErrorKind::retry_elsewhere, "model_not_found"},
    Rule{400, "on-demand throughput", ErrorKind::retry_elsewhere, "model_not_found"},
    Rule{400, "not supported in this region", ErrorKind::retry_elsewhere, "model_not_found"},
    Rule{400, "operation not allowed", ErrorKind::retry_elsewhere, "model_not_allowed"},
    Rule{400, "content filter", ErrorKind::client_fault, "content_filter"},
    Rule{400, "content policy", ErrorKind::client_fault, "content_filter"},
    Rule{400, "security token", ErrorKind::auth, "invalid_api_key"},
    Rule{403, "access to the model", ErrorKind::retry_elsewhere, "model_not_allowed"},
    Rule{403, "model access", ErrorKind::retry_elsewhere, "model_not_allowed"},
    Rule{403, "not authorized", ErrorKind::auth, "permission_denied"},
    Rule{403, "", ErrorKind::auth, "invalid_api_key"},
    Rule{401, "", ErrorKind::auth, "invalid_api_key"},
    Rule{404, "", ErrorKind::retry_elsewhere, "model_not_found"},
    Rule{408, "", ErrorKind::retry_same, "upstream_timeout"},
    Rule{413, "", ErrorKind::client_fault, "body_too_large"},
    Rule{424, "", ErrorKind::retry_same, "model_error"},
    Rule{503, "", ErrorKind::retry_elsewhere, "overloaded"},
    Rule{529, "", ErrorKind::retry_elsewhere, "overloaded"},
    Rule{504, "", ErrorKind::retry_same, "upstream_timeout"},
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

std::string in_small_letters(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
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
  const std::string words = in_small_letters(error.message);
  for (const Rule& rule : kRules) {
    if (rule.status != 0 && rule.status != status) continue;
    if (words.find(rule.words) == std::string::npos) continue;
    error.kind = rule.kind;
    error.code = rule.code;
    break;
  }
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
