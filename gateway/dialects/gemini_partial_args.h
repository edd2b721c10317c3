// Arguments of one function call that come piece by piece (streamFunctionCallArguments of Vertex AI): each piece names
// its place by a JSONPath and holds a value or more of a string. Thread rule: one owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json_write.h"

namespace tollgate::gateway::gemini_form {

class PartialArguments {
 public:
  // One element of partialArgs; a piece whose place cannot be read, or lies out of all bounds, is passed over.
  void add(JsonValue piece);
  // The object that the pieces spell.
  std::string json() const;

 private:
  struct Node {
    enum class Kind : unsigned char { none, object, array, string, scalar } kind = Kind::none;
    std::string name;            // as a member of an object
    std::string text;            // of a string; JSON of a scalar
    std::vector<Node> children;  // of an object or an array
  };
  static Node* step(Node& node, std::string_view& path);
  static Node* member(Node& node, std::string name);
  static void write(JsonWriter& writer, const Node& node);

  Node root_;
  std::size_t nodes_ = 0;
};

}  // namespace tollgate::gateway::gemini_form
