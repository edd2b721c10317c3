#include "gateway/error_body.h"

#include "core/json.h"
#include "core/sse.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {
namespace {

// The error types that the official SDKs and common retry middlewares know, by HTTP status.
std::string_view openai_type(int status) {
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

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

void member(std::string& out, std::string_view key, std::string_view value) {
  out += '"';
  out += key;
  out += "\":\"";
  json_escape(out, value);
  out += '"';
}

}  // namespace

std::string error_body(ApiFamily family, const Error& error) {
  if (family == ApiFamily::google) return gemini().write_error(error);
  std::string out;
  if (family == ApiFamily::anthropic) {
    out += R"({"type":"error","error":{)";
    member(out, "type", anthropic_type(error.status));
    out += ',';
    member(out, "message", error.message);
    out += ',';
    member(out, "code", error.code);
    out += "}}";
    return out;
  }
  out += R"({"error":{)";
  member(out, "message", error.message);
  out += ',';
  member(out, "type", openai_type(error.status));
  out += R"(,"param":null,)";
  member(out, "code", error.code);
  out += "}}";
  return out;
}

std::string error_event(const Surface& surface, const Error& error) {
  std::string out;
  if (surface.id == SurfaceId::responses) {
    std::string data = R"({"type":"error",)";
    member(data, "code", error.code);
    data += ',';
    member(data, "message", error.message);
    data += R"(,"param":null})";
    write_sse_event(out, "error", data);
  } else {
    write_sse_event(out, surface.family == ApiFamily::anthropic ? "error" : "", error_body(surface.family, error));
  }
  return out;
}

}  // namespace tollgate::gateway
