#include "gateway/local/argument_kinds.h"

#include <algorithm>

#include "core/json.h"

namespace tollgate::gateway {
namespace {

constexpr int kMaxNesting = 16;

unsigned kind_of_word(std::string_view type) {
  if (type == "string") return local::kTextArgument;
  if (type == "integer" || type == "number") return local::kNumberArgument;
  if (type == "boolean") return local::kBooleanArgument;
  if (type == "null") return local::kNullArgument;
  if (type == "object") return local::kObjectArgument;
  return type == "array" ? local::kArrayArgument : 0u;
}

unsigned kind_of_value(JsonValue value) {
  if (value.is_string()) return local::kTextArgument;
  if (value.is_number()) return local::kNumberArgument;
  if (value.is_null()) return local::kNullArgument;
  if (value.is_object()) return local::kObjectArgument;
  return value.is_array() ? local::kArrayArgument : local::kBooleanArgument;
}

// 0 as soon as one part of an alternative is not known.
unsigned kinds_in(JsonValue schema, int depth) {
  if (depth > kMaxNesting) return 0;
  const JsonValue type = schema["type"];
  unsigned kinds = 0;
  if (const auto word = type.as_string()) return kind_of_word(*word);
  type.elements([&](JsonValue one) { kinds |= kind_of_word(one.as_string().value_or("")); });
  if (kinds != 0) return kinds;
  if (schema["const"].present()) return kind_of_value(schema["const"]);
  schema["enum"].elements([&](JsonValue one) { kinds |= kind_of_value(one); });
  if (kinds != 0) return kinds;
  bool known = true;
  for (const char* keyword : {"anyOf", "oneOf"})
    schema[keyword].elements([&](JsonValue one) {
      const unsigned some = kinds_in(one, depth + 1);
      known = known && some != 0;
      kinds |= some;
    });
  return known ? kinds : 0;
}

}  // namespace

local::ArgumentKinds argument_kinds(const std::vector<chat::Tool>& tools) {
  return [&tools](std::string_view function, std::string_view argument) -> unsigned {
    const auto tool = std::ranges::find(tools, function, &chat::Tool::name);
    if (tool == tools.end()) return 0;
    JsonReader reader;
    const auto schema = reader.parse(tool->parameters);
    return schema ? kinds_in((*schema)["properties"][argument], 0) : 0;
  };
}

}  // namespace tollgate::gateway
