// JSON Schemas as this API's structured output and strict tools take them. Pure. Thread rule: anywhere.
#pragma once

#include <string>
#include <string_view>

#include "core/json.h"

namespace tollgate::gateway::claude {

// The schema with every object closed (additionalProperties false), and what the API refuses (bounds, lengths, most
// formats) moved into the description, where the model reads it. The text itself when it is no JSON.
std::string closed_schema(std::string_view schema);
// True when the schema also meets what strict mode demands elsewhere: every object closed, every property required.
bool is_strict_schema(JsonValue schema);

}  // namespace tollgate::gateway::claude
