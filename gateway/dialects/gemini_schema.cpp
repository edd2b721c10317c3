#include "gateway/dialects/gemini_schema.h"

#include <algorithm>
#include <array>

#include "core/json_write.h"
#include "gateway/dialects/gemini_parts.h"

namespace tollgate::gateway::gemini_form {
namespace {

constexpr std::array<std::string_view, 6> kLimits{"minItems",  "maxItems",      "minLength",
                                                  "maxLength", "minProperties", "maxProperties"};

std::string lower(std::string_view word) {
  std::string out(word);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void write_schema(JsonWriter& writer, JsonValue schema);

void write_type(JsonWriter& writer, JsonValue type, bool nullable) {
  const auto word = type.as_string();
  if (!word) {
    writer.key("type").value(type);
    return;
  }
  if (*word == "TYPE_UNSPECIFIED") return;
  writer.key("type");
  if (!nullable) {
    writer.string(lower(*word));
  } else {
    writer.begin_array().string(lower(*word)).string("null").end_array();
  }
}

void write_enum(JsonWriter& writer, JsonValue values, bool nullable) {
  writer.key("enum").begin_array();
  bool has_null = false;
  values.elements([&](JsonValue value) {
    has_null = has_null || value.is_null();
    writer.value(value);
  });
  if (nullable && !has_null) writer.null();
  writer.end_array();
}

void write_list(JsonWriter& writer, std::string_view name, JsonValue schemas, bool nullable) {
  writer.key(name).begin_array();
  schemas.elements([&](JsonValue one) { write_schema(writer, one); });
  if (nullable) writer.raw(R"({"type":"null"})");
  writer.end_array();
}

void write_map(JsonWriter& writer, std::string_view name, JsonValue schemas) {
  writer.key(name).begin_object();
  schemas.members([&](std::string_view key, JsonValue one) {
    writer.key(key);
    write_schema(writer, one);
  });
  writer.end_object();
}

// 64-bit counts are strings in protobuf's JSON.
void write_limit(JsonWriter& writer, std::string_view name, JsonValue value) {
  const auto text = value.as_string();
  const bool digits =
      text && !text->empty() && text->size() < 18 && text->find_first_not_of("0123456789") == std::string_view::npos;
  writer.key(name);
  if (digits) {
    writer.raw(text->substr(std::min(text->find_first_not_of('0'), text->size() - 1)));
  } else {
    writer.value(value);
  }
}

void write_reference(JsonWriter& writer, JsonValue value) {
  constexpr std::string_view kOwn = "#/defs/";
  const std::string_view text = value.as_string().value_or("");
  writer.key("$ref").string(text.starts_with(kOwn) ? "#/$defs/" + std::string(text.substr(kOwn.size()))
                                                   : std::string(text));
}

void write_keyword(JsonWriter& writer, std::string_view key, std::string_view name, JsonValue value, bool nullable,
                   bool typed) {
  if (name == "type") {
    write_type(writer, value, nullable);
  } else if (name == "enum" && value.is_array()) {
    write_enum(writer, value, nullable);
  } else if ((name == "anyOf" || name == "oneOf" || name == "allOf" || name == "prefixItems") && value.is_array()) {
    write_list(writer, name, value, nullable && !typed && name == "anyOf");
  } else if ((name == "properties" || name == "defs" || name == "$defs") && value.is_object()) {
    write_map(writer, name == "defs" ? "$defs" : name, value);
  } else if ((name == "items" || name == "additionalProperties") && value.is_object()) {
    writer.key(name);
    write_schema(writer, value);
  } else if (name == "ref") {
    write_reference(writer, value);
  } else if (name == "example") {
    writer.key("examples").begin_array().value(value).end_array();
  } else if (std::find(kLimits.begin(), kLimits.end(), name) != kLimits.end()) {
    write_limit(writer, name, value);
  } else if (name != "nullable" && name != "propertyOrdering" && !(name == "format" && value.as_string() == "enum")) {
    writer.key(name == "additionalProperties" ? name : key).value(value);
  }
}

// Recursion is bounded by the parser's depth limit.
void write_schema(JsonWriter& writer, JsonValue schema) {
  if (!schema.is_object()) {
    writer.value(schema);
    return;
  }
  const bool nullable = schema["nullable"].as_bool() == true;
  const bool typed = schema["type"].is_string();
  std::string scratch;
  writer.begin_object();
  schema.members([&](std::string_view key, JsonValue value) {
    if (value.is_null() && key != "default" && key != "const") return;
    write_keyword(writer, key, camel(key, scratch), value, nullable, typed);
  });
  writer.end_object();
}

}  // namespace

std::string json_schema_of(JsonValue schema) {
  std::string out;
  JsonWriter writer(out);
  write_schema(writer, schema);
  return out;
}

}  // namespace tollgate::gateway::gemini_form
