#include "local_backend/grammar/schema_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tollgate::local {
namespace {

// Receives the events of the parser; false stops it.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(JsonTree& tree, std::size_t max_depth) : tree_(tree), max_depth_(max_depth) {}
  std::string problem;

  bool null() override { return place(JsonKind::null, {}); }
  bool boolean(bool value) override {
    place(JsonKind::boolean, {});
    last_->truth = value;
    return true;
  }
  bool number_integer(number_integer_t value) override { return place(JsonKind::number, std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return place(JsonKind::number, std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return place(JsonKind::number, text); }
  bool string(string_t& value) override { return place(JsonKind::string, std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(JsonKind::object); }
  bool start_array(std::size_t) override { return open(JsonKind::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override { return key_ = std::move(value), true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    problem = error.what();
    return false;
  }

 private:
  bool place(JsonKind kind, std::string text) {
    JsonNode* parent = open_.empty() ? nullptr : open_.back();
    last_ = &tree_.add(parent);
    last_->kind = kind;
    last_->text = std::move(text);
    if (parent == nullptr) return true;
    if (parent->is(JsonKind::object)) {
      last_->key = std::move(key_);
      key_.clear();
    }
    parent->items.push_back(last_);
    return true;
  }
  bool open(JsonKind kind) {
    if (open_.size() >= max_depth_) {
      problem = "nested more than " + std::to_string(max_depth_) + " levels deep";
      return false;
    }
    place(kind, {});
    open_.push_back(last_);
    return true;
  }
  bool close() {
    if (open_.back()->is(JsonKind::object)) drop_repeated(*open_.back());
    open_.pop_back();
    return true;
  }
  static void drop_repeated(JsonNode& object) {
    std::vector<std::pair<std::string_view, std::size_t>> names;
    for (std::size_t i = 0; i < object.items.size(); ++i) names.emplace_back(object.items[i]->key, i);
    std::sort(names.begin(), names.end());
    std::vector<bool> dropped(names.size());
    for (std::size_t i = 1; i < names.size(); ++i)
      if (names[i].first == names[i - 1].first) dropped[names[i - 1].second] = true;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!dropped[i]) object.items[kept++] = object.items[i];
    object.items.resize(kept);
  }

  JsonTree& tree_;
  std::size_t max_depth_;
  std::vector<JsonNode*> open_;
  JsonNode* last_ = nullptr;
  std::string key_;
};

std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool pair = part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
    out += pair ? (part[i + 1] == '0' ? '~' : '/') : part[i];
    i += pair;
  }
  return out;
}

}  // namespace

const JsonNode* JsonNode::find(std::string_view name) const {
  if (kind != JsonKind::object) return nullptr;
  for (const JsonNode* item : items)
    if (item->key == name) return item;
  return nullptr;
}

JsonNode& JsonTree::add(JsonNode* parent) {
  nodes_.emplace_back().parent = parent;
  return nodes_.back();
}

Result<std::unique_ptr<JsonTree>> JsonTree::parse(std::string_view text, std::size_t max_depth) {
  auto tree = std::make_unique<JsonTree>();
  TreeBuilder builder(*tree, max_depth);
  if (!nlohmann::json::sax_parse(text, &builder)) return bad_schema("the schema is no JSON: " + builder.problem);
  return tree;
}

std::string json_pointer(const JsonNode& node) {
  std::vector<std::string> parts;
  for (const JsonNode* at = &node; at->parent != nullptr; at = at->parent) {
    const JsonNode& parent = *at->parent;
    if (parent.is(JsonKind::object)) {
      parts.push_back(escaped(at->key));
    } else {
      parts.push_back(std::to_string(std::find(parent.items.begin(), parent.items.end(), at) - parent.items.begin()));
    }
  }
  std::string out = "#";
  for (std::size_t i = parts.size(); i-- > 0;) out += "/" + parts[i];
  return out;
}

const JsonNode* resolve_pointer(const JsonNode& root, std::string_view pointer) {
  const JsonNode* at = &root;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string name = unescaped(pointer.substr(0, end));
    pointer.remove_prefix(end);
    if (at->is(JsonKind::array)) {
      const bool digits = !name.empty() && name.size() < 8 && name.find_first_not_of("0123456789") == std::string::npos;
      const std::size_t index = digits ? std::stoul(name) : at->items.size();
      at = index < at->items.size() ? at->items[index] : nullptr;
    } else {
      at = at->find(name);
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

Error bad_schema(std::string message) { return Error{ErrorKind::client_fault, 400, "bad_schema", std::move(message)}; }

Error unsupported_schema(const JsonNode& where, std::string why) {
  return Error{ErrorKind::client_fault, 400, "unsupported_schema", json_pointer(where) + ": " + std::move(why)};
}

}  // namespace tollgate::local
