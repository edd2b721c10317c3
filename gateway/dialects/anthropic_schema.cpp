#include "gateway/dialects/anthropic_schema.h"

#include <algorithm>
#include <array>

#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

// Members that the API refuses, wherever they stand.
constexpr std::array<std::string_view, 22> kRefused{"minimum",           "maximum",
                                                    "exclusiveMinimum",  "exclusiveMaximum",
                                                    "multipleOf",        "minLength",
                                                    "maxLength",         "maxItems",
                                                    "uniqueItems",       "contains",
                                                    "minContains",       "maxContains",
                                                    "prefixItems",       "minProperties",
                                                    "maxProperties",     "propertyNames",
                                                    "patternProperties", "unevaluatedProperties",
                                                    "unevaluatedItems",  "dependentRequired",
                                                    "dependentSchemas",  "not"};
constexpr std::array<std::string_view, 10> kFormats{"date-time", "time", "date", "duration", "email",
                                                    "hostname",  "uri",  "ipv4", "ipv6",     "uuid"};
// Members whose value is a schema, a list of schemas, or an object of schemas.
constexpr std::array<std::string_view, 1> kOne{"items"};
constexpr std::array<std::string_view, 3> kLists{"anyOf", "oneOf", "allOf"};
constexpr std::array<std::string_view, 3> kObjects{"properties", "$defs", "definitions"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool refused(std::string_view name, JsonValue value) {
  if (name == "format") return !among(kFormats, value.as_string().value_or(""));
  if (name == "minItems") return value.as_int().value_or(2) > 1;
  // A map of any keys cannot be said; false is what every object gets anyway.
  if (name == "additionalProperties") return value.is_object();
  return among(kRefused, name);
}

bool is_object_type(JsonValue type) {
  if (type.as_string() == "object") return true;
  bool found = false;
  type.elements([&](JsonValue one) { found = found || one.as_string() == "object"; });
  return found;
}

void write_schema(JsonWriter& writer, JsonValue schema);

void write_member(JsonWriter& writer, std::string_view name, JsonValue value) {
  writer.key(name);
  if (among(kOne, name) && value.is_object()) {
    write_schema(writer, value);
  } else if (among(kLists, name) && value.is_array()) {
    writer.begin_array();
    value.elements([&](JsonValue one) { write_schema(writer, one); });
    writer.end_array();
  } else if (among(kObjects, name) && value.is_object()) {
    writer.begin_object();
    value.members([&](std::string_view key, JsonValue one) {
      writer.key(key);
      write_schema(writer, one);
    });
    writer.end_object();
  } else {
    writer.value(value);
  }
}

void write_schema(JsonWriter& writer, JsonValue schema) {
  if (!schema.is_object()) {
    writer.value(schema);
    return;
  }
  std::string description, moved;
  bool object = false;
  writer.begin_object();
  schema.members([&](std::string_view name, JsonValue value) {
    if (name == "description" && value.is_string()) {
      description = *value.as_string();
    } else if (refused(name, value)) {
      moved += (moved.empty() ? "" : ", ") + std::string(name) + ": " + value.text();
    } else if (name != "additionalProperties") {
      if (name == "type") object = is_object_type(value);
      if (name == "properties") object = true;
      // Only one of the alternatives can match a value that is generated, so any is as good.
      write_member(writer, name == "oneOf" ? "anyOf" : name, value);
    }
  });
  if (!moved.empty()) description += (description.empty() ? "{" : "\n\n{") + moved + "}";
  writer.member_if("description", description);
  if (object) writer.member("additionalProperties", false);
  writer.end_object();
}

bool lists_all(JsonValue required, JsonValue properties) {
  bool all = true;
  properties.members([&](std::string_view name, JsonValue) {
    bool found = false;
    required.elements([&](JsonValue one) { found = found || one.as_string() == name; });
    all = all && found;
  });
  return all;
}

}  // namespace

std::string closed_schema(std::string_view schema) {
  const auto parsed = piece_parser().parse(schema);
  if (!parsed) return std::string(schema);
  std::string out;
  JsonWriter writer(out);
  write_schema(writer, *parsed);
  return out;
}

bool is_strict_schema(JsonValue schema) {
  if (!schema.is_object()) return true;
  bool strict = true;
  const JsonValue properties = schema["properties"];
  if (is_object_type(schema["type"]) || properties.present())
    strict = schema["additionalProperties"].as_bool() == false && lists_all(schema["required"], properties);
  schema.members([&](std::string_view name, JsonValue value) {
    if (among(kOne, name)) strict = strict && is_strict_schema(value);
    if (among(kLists, name)) value.elements([&](JsonValue one) { strict = strict && is_strict_schema(one); });
    if (among(kObjects, name))
      value.members([&](std::string_view, JsonValue one) { strict = strict && is_strict_schema(one); });
  });
  return strict;
}

}  // namespace tollgate::gateway::claude
