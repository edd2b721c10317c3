// The schema text as a tree: members in their written order, numbers as they were written, parents known so that a
// message can name a place. Thread rule: immutable after parse.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace tollgate::local {

enum class JsonKind : unsigned char { null, boolean, number, string, array, object };

struct JsonNode {
  JsonKind kind = JsonKind::null;
  bool truth = false;            // of a boolean
  std::string text;              // of a string: its content; of a number: its JSON text
  std::string key;               // its name where the parent is an object
  std::vector<JsonNode*> items;  // elements, or member values (each holds its key)
  const JsonNode* parent = nullptr;

  bool is(JsonKind wanted) const { return kind == wanted; }
  const JsonNode* find(std::string_view name) const;  // a member; null if there is none or this is no object
};

class JsonTree {
 public:
  // Errors: "bad_schema" (no JSON, deeper than `max_depth`). A name that comes twice: the last one counts.
  static Result<std::unique_ptr<JsonTree>> parse(std::string_view text, std::size_t max_depth);
  const JsonNode& root() const { return nodes_.front(); }
  JsonNode& add(JsonNode* parent);

 private:
  std::deque<JsonNode> nodes_;  // never moved
};

// "#/properties/a~1b": where `node` stands in its document.
std::string json_pointer(const JsonNode& node);
// The node that a pointer ("/a/0") names below `root`; null if there is none.
const JsonNode* resolve_pointer(const JsonNode& root, std::string_view pointer);

Error bad_schema(std::string message);
Error unsupported_schema(const JsonNode& where, std::string why);

}  // namespace tollgate::local
