// Errors: a vendor's words understood, and ours in this API's form. Thread rule: pure.
#include <array>

#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

struct Type {
  std::string_view name;
  int status;
  ErrorKind kind;
};
// The first row of a status is the one that is written for it.
constexpr std::array kTypes{Type{"invalid_request_error", 400, ErrorKind::client_fault},
                            Type{"authentication_error", 401, ErrorKind::auth},
                            Type{"billing_error", 402, ErrorKind::retry_elsewhere},
                            Type{"permission_error", 403, ErrorKind::auth},
                            Type{"not_found_error", 404, ErrorKind::retry_elsewhere},
                            Type{"request_too_large", 413, ErrorKind::client_fault},
                            Type{"rate_limit_error", 429, ErrorKind::limited},
                            Type{"api_error", 500, ErrorKind::retry_same},
                            Type{"timeout_error", 504, ErrorKind::retry_same},
                            Type{"overloaded_error", 529, ErrorKind::retry_same},
                            Type{"overloaded_error", 503, ErrorKind::retry_same}};

// What a message says that its type does not.
struct Phrase {
  std::string_view words;
  std::string_view code;
  ErrorKind kind;
};
constexpr std::array kPhrases{
    Phrase{"prompt is too long", "context_length_exceeded", ErrorKind::client_fault},
    Phrase{"exceed context limit", "context_length_exceeded", ErrorKind::client_fault},
    Phrase{"Input is too long", "context_length_exceeded", ErrorKind::client_fault},
    Phrase{"credit balance is too low", "insufficient_quota", ErrorKind::retry_elsewhere},
    Phrase{"usage limits", "insufficient_quota", ErrorKind::retry_elsewhere},
    Phrase{"content filtering policy", "content_filter", ErrorKind::client_fault},
    Phrase{"model identifier is invalid", "model_not_found", ErrorKind::retry_elsewhere},
    Phrase{"Could not resolve the foundation model", "model_not_found", ErrorKind::retry_elsewhere},
};

const Type* type_named(std::string_view name) {
  for (const Type& type : kTypes)
    if (type.name == name) return &type;
  return nullptr;
}

const Type& type_of_status(int status) {
  for (const Type& type : kTypes)
    if (type.status == status) return type;
  if (status >= 500) return *type_named("api_error");
  return kTypes.front();
}

ErrorKind kind_of_status(int status) {
  if (status == 408 || status == 409 || status == 424) return ErrorKind::retry_same;
  return type_of_status(status).kind;
}

void read_phrases(Error& error) {
  for (const Phrase& phrase : kPhrases) {
    if (error.message.find(phrase.words) == std::string::npos) continue;
    error.code = phrase.code;
    error.kind = phrase.kind;
    return;
  }
  const bool model = error.code == "not_found_error" && error.message.starts_with("model:");
  if (model) error.code = "model_not_found";
}

// The first of these that is a text.
std::string first_text(JsonValue object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const auto text = object[name].as_string()) return std::string(*text);
  return {};
}

Error plain_error(int status, std::string_view body) {
  constexpr std::size_t kMaxWords = 500;
  Error error{.kind = kind_of_status(status), .status = status, .code = std::string(type_of_status(status).name)};
  error.message = std::string(body.substr(0, kMaxWords));
  if (is_blank(error.message)) error.message = "the vendor answered with status " + std::to_string(status);
  return error;
}

}  // namespace

Error read_error_object(int status, JsonValue error) {
  const std::string type = first_text(error, {"type", "__type"});
  const Type* known = type_named(type);
  // Streams say 200 and then an error; the clouds name no type.
  if (status < 400) status = known ? known->status : 500;
  Error out{.kind = known ? known->kind : kind_of_status(status), .status = status};
  out.code = first_text(error, {"code"});
  if (out.code.empty()) out.code = type.empty() ? std::string(type_of_status(status).name) : type;
  out.message = first_text(error, {"message", "Message", "detail"});
  if (out.message.empty()) out.message = error.present() ? error.text() : "the vendor named no reason";
  read_phrases(out);
  return out;
}

// {"type": "error", "error": {...}} of the vendor; {"error": {...}}, also in an array, of Google's cloud; {"message":
// "..."} of Amazon's.
Error read_error_text(int status, std::string_view body) {
  const auto parsed = body_parser().parse(body);
  if (!parsed) return plain_error(status, body);
  const JsonValue whole = parsed->is_array() ? parsed->at(0) : *parsed;
  if (const JsonValue error = whole["error"]; error.is_object()) return read_error_object(status, error);
  if (const auto text = whole["error"].as_string()) return plain_error(status, *text);
  if (whole.is_object() && whole.size() > 0) return read_error_object(status, whole);
  return plain_error(status, body);
}

std::string error_text(const Error& error) {
  const std::string_view type = type_of_status(error.status).name;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object()
      .member("type", "error")
      .key("error")
      .begin_object()
      .member("type", type)
      .member("message", error.message)
      .member_if("code", error.code == type ? std::string_view{} : std::string_view(error.code))
      .end_object()
      .end_object();
  return out;
}

}  // namespace tollgate::gateway::claude
