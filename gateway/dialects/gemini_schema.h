// The Schema objects of Gemini (OpenAPI 3.0 words: upper-case types, nullable) as JSON Schema. Internal to the dialect.
// Thread rule: pure functions.
#pragma once

#include <string>

#include "core/json.h"

namespace tollgate::gateway::gemini_form {

// JSON Schema text of the same meaning. Keywords that Schema does not define are copied.
std::string json_schema_of(JsonValue schema);

}  // namespace tollgate::gateway::gemini_form
