// Errors of the Responses API and of vendors that speak it: bodies, stream events, and what may be done about them.
#include <algorithm>
#include <array>
#include <string>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_internal.h"

namespace tollgate::gateway::responses {
namespace {

constexpr std::size_t kLongestMessage = 2000;

struct Sign {
  std::string_view word;  // lower case
  ErrorKind kind;
  int status;             // for stream events, which have none
  std::string_view code;  // for vendors that name none
};
// Words of codes and types; the first that fits counts.
constexpr std::array kCodeSigns{
    Sign{"insufficient_quota", ErrorKind::retry_elsewhere, 429, "insufficient_quota"},
    Sign{"billing_hard_limit", ErrorKind::retry_elsewhere, 429, "insufficient_quota"},
    Sign{"rate_limit", ErrorKind::limited, 429, "rate_limit_exceeded"},
    Sign{"too_many_requests", ErrorKind::limited, 429, "rate_limit_exceeded"},
    Sign{"context_length", ErrorKind::client_fault, 400, "context_length_exceeded"},
    Sign{"content_filter", ErrorKind::client_fault, 400, "content_filter"},
    Sign{"content_policy", ErrorKind::client_fault, 400, "content_filter"},
    Sign{"invalid_prompt", ErrorKind::client_fault, 400, "invalid_prompt"},
    Sign{"model_not_found", ErrorKind::retry_elsewhere, 404, "model_not_found"},
    Sign{"deploymentnotfound", ErrorKind::retry_elsewhere, 404, "model_not_found"},
    Sign{"invalid_api_key", ErrorKind::auth, 401, "invalid_api_key"},
    Sign{"authentication", ErrorKind::auth, 401, "invalid_api_key"},
    Sign{"permission", ErrorKind::auth, 403, "permission_denied"},
    Sign{"overloaded", ErrorKind::retry_elsewhere, 503, "overloaded"},
    Sign{"unavailable", ErrorKind::retry_elsewhere, 503, "overloaded"},
    Sign{"server_error", ErrorKind::retry_same, 500, "server_error"},
    Sign{"internal", ErrorKind::retry_same, 500, "server_error"},
    Sign{"timeout", ErrorKind::retry_same, 504, "timeout"},
};
// Words of messages, for vendors whose codes say little.
constexpr std::array kMessageSigns{
    Sign{"exceeded your current quota", ErrorKind::retry_elsewhere, 429, "insufficient_quota"},
    Sign{"insufficient credits", ErrorKind::retry_elsewhere, 402, "insufficient_quota"},
    Sign{"rate limit", ErrorKind::limited, 429, "rate_limit_exceeded"},
    Sign{"too many requests", ErrorKind::limited, 429, "rate_limit_exceeded"},
    Sign{"maximum context length", ErrorKind::client_fault, 400, "context_length_exceeded"},
    Sign{"context window", ErrorKind::client_fault, 400, "context_length_exceeded"},
    Sign{"incorrect api key", ErrorKind::auth, 401, "invalid_api_key"},
    Sign{"is overloaded", ErrorKind::retry_elsewhere, 503, "overloaded"},
};
// What is left of codes and types: the request was refused.
constexpr std::array kWeakSigns{Sign{"invalid_request", ErrorKind::client_fault, 400, "invalid_request"},
                                Sign{"invalid-argument", ErrorKind::client_fault, 400, "invalid_request"},
                                Sign{"invalid_", ErrorKind::client_fault, 400, "invalid_request"}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

ErrorKind kind_of_status(int status) {
  if (status == 401 || status == 403) return ErrorKind::auth;
  if (status == 402 || status == 404) return ErrorKind::retry_elsewhere;
  if (status == 408 || status == 409 || status == 425 || status == 500 || status == 502 || status == 504)
    return ErrorKind::retry_same;
  if (status == 429) return ErrorKind::limited;
  return status >= 500 ? ErrorKind::retry_elsewhere : ErrorKind::client_fault;
}

template <std::size_t N>
const Sign* sign_in(const std::array<Sign, N>& signs, const std::string& text) {
  const auto at = std::find_if(signs.begin(), signs.end(),
                               [&](const Sign& sign) { return text.find(sign.word) != std::string::npos; });
  return at == signs.end() ? nullptr : &*at;
}

// What a body or an event says, wherever the vendor puts it.
struct Words {
  std::string code, type, message;
};

// FastAPI servers answer {"detail": "..."} or {"detail": [{"loc": [...], "msg": "..."}]}.
std::string detail_text(JsonValue detail) {
  if (const auto text = detail.as_string()) return std::string(*text);
  const JsonValue first = detail.at(0);
  std::string place;
  first["loc"].elements([&](JsonValue step) {
    if (!place.empty()) place += '.';
    place += step.as_string() ? std::string(*step.as_string()) : step.number_text();
  });
  return (place.empty() ? "" : place + ": ") + text_or_empty(first["msg"]);
}

void take_member(Words& words, std::string_view key, JsonValue value) {
  if (key == "code" && words.code.empty()) {
    words.code = value.is_number() ? value.number_text() : text_or_empty(value);
  } else if (key == "type" && words.type.empty() && value.as_string() != "error") {
    words.type = text_or_empty(value);
  } else if (key == "message" && words.message.empty()) {
    words.message = text_or_empty(value);
  } else if (key == "detail" && words.message.empty()) {
    words.message = detail_text(value);
  } else if (key == "error" && value.is_string() && words.message.empty()) {
    words.message = text_or_empty(value);
  }
}

Words words_of(JsonValue error, JsonValue outer) {
  Words words;
  const auto take = [&](std::string_view key, JsonValue value) { take_member(words, key, value); };
  if (error.is_object()) error.members(take);
  if (error.is_string()) words.message = text_or_empty(error);
  outer.members(take);
  // OpenRouter keeps what its own vendor said behind a general sentence.
  const JsonValue raw = error["metadata"]["raw"];
  if (raw.is_string()) words.message += ": " + text_or_empty(raw);
  return words;
}

// A vendor's word as a code: "invalid-argument" -> "invalid_argument"; numbers are no words.
std::string code_of(const Words& words, const Sign* sign, ErrorKind kind) {
  const auto is_word = [](std::string_view text) { return !text.empty() && (text[0] < '0' || text[0] > '9'); };
  std::string code = is_word(words.code) ? words.code : std::string();
  if (code.empty() && sign) code = sign->code;
  if (code.empty()) code = words.type;
  if (code.empty()) code = kind == ErrorKind::client_fault ? "invalid_request" : "upstream_error";
  std::replace(code.begin(), code.end(), '-', '_');
  return code.substr(0, 64);
}

// `status` 0: a stream event.
Error classify(int status, Words words) {
  const std::string code = lower(words.code), type = lower(words.type);
  const Sign* sign = sign_in(kCodeSigns, code);
  if (!sign) sign = sign_in(kMessageSigns, lower(words.message));
  if (!sign) sign = sign_in(kCodeSigns, type);
  if (!sign) sign = sign_in(kWeakSigns, code + " " + type);
  Error error;
  error.kind = sign ? sign->kind : (status == 0 ? ErrorKind::retry_same : kind_of_status(status));
  // A status that says more than the words: a server's own fault, or that the credentials are wrong.
  if (status >= 500 && error.kind == ErrorKind::client_fault) error.kind = kind_of_status(status);
  if (status == 401) error.kind = ErrorKind::auth;
  if (status == 429 && error.kind != ErrorKind::retry_elsewhere) error.kind = ErrorKind::limited;
  error.status = status != 0 ? status : (sign ? sign->status : 502);
  error.code = code_of(words, sign, error.kind);
  error.message = std::move(words.message);
  if (error.message.size() > kLongestMessage) error.message.resize(kLongestMessage);
  return error;
}

}  // namespace

Error read_error(int status, std::string_view body) {
  JsonReader reader;
  Words words;
  if (const auto parsed = reader.parse(body); parsed && parsed->is_object()) {
    words = words_of((*parsed)["error"], *parsed);
  } else if (parsed && parsed->is_array()) {
    words = words_of(parsed->at(0)["error"], parsed->at(0));
  } else {
    words.message = body.substr(0, 300);
  }
  if (words.message.empty()) words.message = "the vendor answered with status " + std::to_string(status);
  return classify(status, std::move(words));
}

Error error_of_event(JsonValue error, JsonValue outer) {
  Words words = words_of(error, outer);
  if (words.message.empty()) words.message = "the vendor's reply failed without saying why";
  return classify(0, std::move(words));
}

std::string_view error_type(const Error& error) {
  switch (error.kind) {
    case ErrorKind::client_fault:
      return "invalid_request_error";
    case ErrorKind::auth:
      return error.status == 403 ? "permission_error" : "authentication_error";
    case ErrorKind::limited:
      return "rate_limit_error";
    default:
      return error.status == 429 ? "insufficient_quota" : "server_error";
  }
}

std::string_view response_error_code(const Error& error) {
  constexpr std::array<std::string_view, 20> kCodes{
      "server_error",
      "rate_limit_exceeded",
      "invalid_prompt",
      "data_residency_mismatch",
      "bio_policy",
      "vector_store_timeout",
      "invalid_image",
      "invalid_image_format",
      "invalid_base64_image",
      "invalid_image_url",
      "image_too_large",
      "image_too_small",
      "image_parse_error",
      "image_content_policy_violation",
      "invalid_image_mode",
      "image_file_too_large",
      "unsupported_image_media_type",
      "empty_image_file",
      "failed_to_download_image",
      "image_file_not_found",
  };
  const auto known = std::find(kCodes.begin(), kCodes.end(), error.code);
  if (known != kCodes.end()) return *known;
  if (error.kind == ErrorKind::limited || error.status == 429) return "rate_limit_exceeded";
  return error.kind == ErrorKind::client_fault ? "invalid_prompt" : "server_error";
}

std::string write_error(const Error& error) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("error").begin_object();
  writer.member("message", error.message).member("type", error_type(error));
  writer.key("param").null();
  writer.key("code");
  error.code.empty() ? writer.null() : writer.string(error.code);
  writer.end_object().end_object();
  return out;
}

}  // namespace tollgate::gateway::responses
