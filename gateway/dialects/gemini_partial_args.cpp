#include "gateway/dialects/gemini_partial_args.h"

#include <algorithm>

namespace tollgate::gateway::gemini_form {
namespace {

constexpr std::size_t kMostSteps = 64;
constexpr std::size_t kMostNodes = 65'536;

// "'name'" or "\"name\"" in front of ']', without its quotes.
bool quoted_name(std::string_view& path, std::string& name) {
  const char quote = path.front();
  std::size_t at = 1;
  for (; at < path.size() && path[at] != quote; ++at) {
    if (path[at] == '\\' && at + 1 < path.size()) ++at;
    name += path[at];
  }
  if (at + 1 >= path.size() || path[at + 1] != ']') return false;
  path.remove_prefix(at + 2);
  return true;
}

}  // namespace

PartialArguments::Node* PartialArguments::member(Node& node, std::string name) {
  if (node.kind == Node::Kind::none) node.kind = Node::Kind::object;
  if (node.kind != Node::Kind::object) return nullptr;
  const auto found =
      std::find_if(node.children.begin(), node.children.end(), [&](const Node& one) { return one.name == name; });
  if (found != node.children.end()) return &*found;
  node.children.emplace_back().name = std::move(name);
  return &node.children.back();
}

// The child that the next step of the path leads to; nullptr where it leads nowhere.
PartialArguments::Node* PartialArguments::step(Node& node, std::string_view& path) {
  const char mark = path.front();
  path.remove_prefix(1);
  if (path.empty()) return nullptr;
  if (mark == '.') {
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    std::string name(path.substr(0, end));
    path.remove_prefix(end);
    return name.empty() ? nullptr : member(node, std::move(name));
  }
  if (mark != '[') return nullptr;
  if (path.front() == '\'' || path.front() == '"') {
    std::string name;
    return quoted_name(path, name) ? member(node, std::move(name)) : nullptr;
  }
  const std::size_t end = path.find(']');
  if (end == 0 || end == std::string_view::npos || end > 6) return nullptr;
  std::size_t index = 0;
  for (const char c : path.substr(0, end)) {
    if (c < '0' || c > '9') return nullptr;
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  path.remove_prefix(end + 1);
  if (node.kind == Node::Kind::none) node.kind = Node::Kind::array;
  // Elements come in order; nothing is left out between them.
  if (node.kind != Node::Kind::array || index > node.children.size()) return nullptr;
  if (index == node.children.size()) node.children.emplace_back();
  return &node.children[index];
}

void PartialArguments::add(JsonValue piece) {
  std::string_view path = piece["jsonPath"].as_string().value_or("");
  root_.kind = Node::Kind::object;
  if (!path.starts_with('$') || nodes_ >= kMostNodes) return;
  path.remove_prefix(1);
  Node* node = &root_;
  for (std::size_t steps = 0; node && !path.empty(); ++steps) {
    if (steps == kMostSteps) return;
    node = step(*node, path);
    ++nodes_;
  }
  if (!node || node == &root_) return;
  if (const auto text = piece["stringValue"].as_string()) {
    if (node->kind != Node::Kind::none && node->kind != Node::Kind::string) return;
    node->kind = Node::Kind::string;
    node->text += *text;
    return;
  }
  if (node->kind != Node::Kind::none) return;
  JsonValue value = piece["numberValue"];
  if (!value.present()) value = piece["boolValue"];
  if (!value.present() && !piece["nullValue"].present()) return;
  node->kind = Node::Kind::scalar;
  node->text = value.present() ? value.text() : "null";
}

void PartialArguments::write(JsonWriter& writer, const Node& node) {
  switch (node.kind) {
    case Node::Kind::object:
      writer.begin_object();
      for (const Node& child : node.children) {
        writer.key(child.name);
        write(writer, child);
      }
      writer.end_object();
      break;
    case Node::Kind::array:
      writer.begin_array();
      for (const Node& child : node.children) write(writer, child);
      writer.end_array();
      break;
    case Node::Kind::string:
      writer.string(node.text);
      break;
    case Node::Kind::scalar:
      writer.raw(node.text);
      break;
    case Node::Kind::none:
      writer.null();
      break;
  }
}

std::string PartialArguments::json() const {
  if (root_.kind == Node::Kind::none) return "{}";
  std::string out;
  JsonWriter writer(out);
  write(writer, root_);
  return out;
}

}  // namespace tollgate::gateway::gemini_form
