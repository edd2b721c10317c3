// Errors of the vendors that speak openai.chat: what they mean, and our own in OpenAI's form. Thread rule: see
// openai_chat.h.
#include <algorithm>
#include <array>
#include <cctype>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

constexpr std::size_t kMaxWords = 600;

struct Said {
  std::string message, code, type;
  std::int64_t number = 0;  // a status inside the body
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

void read_member(std::string_view key, JsonValue value, Said& out) {
  if (key == "message" || key == "msg" || key == "detail" || key == "error") {
    if (value.is_string() && out.message.empty()) out.message = text_or_empty(value);
  } else if (key == "type" || key == "error_type" || key == "status") {
    if (value.is_string()) out.type = text_or_empty(value);
    if (const auto number = value.as_int()) out.number = *number;
  } else if (key == "code" || key == "status_code") {
    if (value.is_string()) out.code = text_or_empty(value);
    if (const auto number = value.as_int()) out.number = *number;
  }
}

// OpenRouter puts the vendor's own words into metadata.raw; FastAPI lists what it did not like under detail.
void read_inner(std::string_view key, JsonValue value, Said& out) {
  if (key == "metadata") {
    if (const auto raw = value["raw"].as_string()) out.message += (out.message.empty() ? "" : ": ") + std::string(*raw);
    if (const auto type = value["error_type"].as_string()) out.type = *type;
  } else if (key == "innererror") {
    if (const auto code = value["code"].as_string(); code && out.code.empty()) out.code = *code;
  } else if (key == "detail" && value.is_array()) {
    const JsonValue first = value.at(0);
    if (out.message.empty()) out.message = first.is_string() ? text_or_empty(first) : text_or_empty(first["msg"]);
  }
}

Said read_body(JsonValue body) {
  Said out;
  if (body.is_array()) body = body.at(0);  // Google sends a list of one
  const JsonValue inner = body["error"];
  const JsonValue error = inner.is_object() ? inner : body;
  error.members([&](std::string_view key, JsonValue value) { read_member(key, value, out); });
  error.members([&](std::string_view key, JsonValue value) { read_inner(key, value, out); });
  return out;
}

struct Sign {
  std::string_view word;  // in the code, the type or the message, all in small letters
  ErrorKind kind;
};
// The first sign found decides; without one the status does.
constexpr std::array kSigns{
    Sign{"insufficient_quota", ErrorKind::retry_elsewhere},
    Sign{"insufficient balance", ErrorKind::retry_elsewhere},
    Sign{"insufficient credits", ErrorKind::retry_elsewhere},
    Sign{"credit balance", ErrorKind::retry_elsewhere},
    Sign{"billing details", ErrorKind::retry_elsewhere},
    Sign{"billing_hard_limit", ErrorKind::retry_elsewhere},
    Sign{"billing_not_active", ErrorKind::retry_elsewhere},
    Sign{"context_length_exceeded", ErrorKind::retry_elsewhere},
    Sign{"context_window_exceeded", ErrorKind::retry_elsewhere},
    Sign{"context length", ErrorKind::retry_elsewhere},
    Sign{"context window", ErrorKind::retry_elsewhere},
    Sign{"context size", ErrorKind::retry_elsewhere},
    Sign{"too_many_prompt_tokens", ErrorKind::retry_elsewhere},
    Sign{"model_not_found", ErrorKind::retry_elsewhere},
    Sign{"deploymentnotfound", ErrorKind::retry_elsewhere},
    Sign{"model not found", ErrorKind::retry_elsewhere},
    Sign{"model_not_available", ErrorKind::retry_elsewhere},
    Sign{"model_decommissioned", ErrorKind::retry_elsewhere},
    Sign{"content_filter", ErrorKind::client_fault},
    Sign{"content management policy", ErrorKind::client_fault},
    Sign{"content_policy_violation", ErrorKind::client_fault},
    Sign{"invalid_api_key", ErrorKind::auth},
    Sign{"authentication_error", ErrorKind::auth},
    Sign{"permission_error", ErrorKind::auth},
    Sign{"rate_limit", ErrorKind::limited},
    Sign{"rate-limited", ErrorKind::limited},
    Sign{"too_many_requests", ErrorKind::limited},
    Sign{"overloaded", ErrorKind::retry_same},
    Sign{"tool_use_failed", ErrorKind::retry_same},  // Groq: the model's call was broken, the next may not be
    Sign{"server_error", ErrorKind::retry_same},
};

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::auth;
    case 402:
    case 404:
    case 410:
    case 501:
      return ErrorKind::retry_elsewhere;
    case 408:
    case 409:
    case 425:
      return ErrorKind::retry_same;
    case 429:
      return ErrorKind::limited;
    default:
      return status >= 400 && status < 500 ? ErrorKind::client_fault : ErrorKind::retry_same;
  }
}

Error make_error(int status, Said said) {
  // A stream or a reply with status 200 tells its status inside, if anywhere.
  if (status < 400 && said.number >= 400 && said.number < 600) status = static_cast<int>(said.number);
  if (status < 400) status = 502;
  Error error{.kind = kind_of_status(status), .status = status};
  const std::string words = lower(said.code + " " + said.type + " " + said.message);
  const auto sign = std::find_if(kSigns.begin(), kSigns.end(),
                                 [&](const Sign& one) { return words.find(one.word) != std::string::npos; });
  if (sign != kSigns.end()) error.kind = sign->kind;
  error.code = !said.code.empty() ? std::move(said.code) : std::move(said.type);
  error.message = std::move(said.message);
  if (error.message.empty()) error.message = error.code.empty() ? "the vendor gave no reason" : error.code;
  if (error.code.empty()) error.code = "upstream_error";
  return error;
}

std::string_view type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

// A page of HTML or a line of text that some proxy put in the vendor's place.
std::string plain_words(std::string_view body) {
  std::string out;
  bool tag = false;
  for (const char c : body.substr(0, 4 * kMaxWords)) {
    if (c == '<') tag = true;
    const bool space = static_cast<unsigned char>(c) <= ' ' || tag;
    if (!space) out += c;
    if (space && !out.empty() && out.back() != ' ') out += ' ';
    if (c == '>') tag = false;
    if (out.size() >= kMaxWords) break;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

bool is_error(JsonValue body) {
  if (body.is_array()) body = body.at(0);
  const JsonValue error = body["error"];
  if (error.is_object() || (error.is_string() && !error.as_string()->empty())) return true;
  if (body["choices"].present()) return false;
  return body["object"].as_string() == "error" || body["detail"].present() || body["message"].is_string();
}

Error read_error(int status, JsonValue body) { return make_error(status, read_body(body)); }

Error read_error(int status, std::string_view body) {
  const auto root = parse(body);
  if (root && !root->is_string()) return read_error(status, *root);
  return make_error(status, {.message = root ? text_or_empty(*root) : plain_words(body)});
}

std::string write_error(const Error& error) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("error").begin_object();
  writer.member("message", error.message).member("type", type_of(error.status));
  writer.key("param").null().member("code", error.code);
  writer.end_object().end_object();
  return out;
}

}  // namespace tollgate::gateway::oai
