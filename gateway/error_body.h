// Errors in the caller's own form: HTTP bodies and stream events of the OpenAI and Anthropic APIs. Pure.
#pragma once

#include <string>

#include "core/result.h"
#include "gateway/surface.h"

namespace tollgate::gateway {

// JSON body of an error reply, as the SDKs of that family parse it.
std::string error_body(ApiFamily family, const Error& error);
// A complete server-sent event that ends a stream with an error.
std::string error_event(const Surface& surface, const Error& error);

}  // namespace tollgate::gateway
