// JSON in and out of templates.
#pragma once

#include <string>
#include <string_view>

#include "local_backend/template/value.h"

namespace tollgate::local::jinja {

// One JSON document as a value. Fails if it is no JSON or nests deeper than 200.
Value value_from_json(Arena& arena, std::string_view json);

// As Python's json.dumps() writes it.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  // one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
std::string json_from_value(Arena& arena, const Value& value, const JsonStyle& style);

}  // namespace tollgate::local::jinja
