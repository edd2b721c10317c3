#include "gateway/error_body.h"

#include "core/json_write.h"
#include "core/sse.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {
std::string error_body(ApiFamily family, const Error& error) {
  if (family == ApiFamily::google) return gemini().write_error(error);
  return (family == ApiFamily::anthropic ? anthropic() : openai_chat()).write_error(error);
}

std::string error_event(const Surface& surface, const Error& error) {
  std::string out;
  if (surface.id == SurfaceId::responses) {
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("type", "error")
        .member("code", error.code)
        .member("message", error.message)
        .key("param")
        .null()
        .end_object();
    write_sse_event(out, "error", data);
    return out;
  }
  const std::string body = error_body(surface.family, error);
  write_sse_event(out, surface.family == ApiFamily::anthropic ? "error" : "", body);
  // Google's SDKs look for a bare JSON text at the end of a stream; newer ones look into events, too.
  if (surface.family == ApiFamily::google) out += body;
  return out;
}

}  // namespace tollgate::gateway
