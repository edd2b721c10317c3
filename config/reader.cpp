// Reader: walking the tree, scalars and references. Containers and numbers with units are in reader_values.cpp.
// Thread rule: one owner.
#include "config/reader.h"

#include <algorithm>

#include "config/secrets.h"
#include "config/suggest.h"
#include "core/log.h"
#include "core/text.h"

namespace tollgate::config {
namespace {

// Bounds on the work and the output that a hostile file can cause.
constexpr std::size_t kMaxErrors = 100;
constexpr std::size_t kMaxNames = 5'000;

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out = "`" + std::string(utf8_prefix(text.substr(0, text.find('\n')), kShown));
  return out + (text.size() + 1 > out.size() ? "...`" : "`");
}

Reader::Reader(const YamlTree& tree, std::string file, ReadOptions options, LoadResult& result)
    : tree_(tree), file_(std::move(file)), options_(std::move(options)), result_(result) {}

void Reader::start() {
  if (tree_.root().kind != YamlNode::Kind::map && tree_.root().kind != YamlNode::Kind::null) {
    error(tree_.root().mark, "the file must be a map of keys");
  }
  push(&tree_.root(), "");
}

void Reader::error(Mark mark, std::string message) {
  if (result_.errors.size() > kMaxErrors) return;
  if (result_.errors.size() == kMaxErrors) message = "further errors are not shown";
  result_.errors.push_back({file_, mark.line, mark.column, redacted(message)});
}

bool Reader::has_error_at(Mark mark) const {
  return std::any_of(result_.errors.begin(), result_.errors.end(),
                     [&](const Diagnostic& d) { return d.line == mark.line && d.column == mark.column; });
}

void Reader::warn(Mark mark, std::string message) {
  result_.warnings.push_back({file_, mark.line, mark.column, redacted(message)});
}

Mark Reader::where(std::string path) const {
  while (true) {
    if (const auto found = marks_.find(path); found != marks_.end()) return found->second;
    const std::size_t dot = path.rfind('.');
    if (dot == std::string::npos) return {};
    path.resize(dot);
  }
}

void Reader::remember(const std::string& path, Mark mark) {
  if (options_.marks) marks_.emplace(path, mark);
}

std::string Reader::path_of(std::string_view key) const {
  const std::string& section = frames_.back().path;
  return section.empty() ? std::string(key) : section + "." + std::string(key);
}

void Reader::push(const YamlNode* node, std::string path, bool fixed_keys) {
  const bool map = node != nullptr && node->kind == YamlNode::Kind::map;
  frames_.push_back({node, std::move(path), {}, fixed_keys && map});
}

const YamlNode* Reader::take(Field field) {
  Frame& frame = frames_.back();
  frame.known.push_back(field.name);
  if (frame.node == nullptr || frame.node->kind != YamlNode::Kind::map) return nullptr;
  const YamlNode* value = tree_.find(*frame.node, field.name);
  if (value == nullptr) return nullptr;
  remember(path_of(field.name), value->mark);
  // `key:` with nothing behind it leaves the default.
  return value->kind == YamlNode::Kind::null ? nullptr : value;
}

const YamlNode* Reader::take_scalar(Field field) {
  const YamlNode* node = take(field);
  if (node == nullptr || node->kind == YamlNode::Kind::scalar) return node;
  error(node->mark, path_of(field.name) + ": expected a single value");
  return nullptr;
}

void Reader::unknown_keys(const Frame& frame) {
  if (!frame.fixed_keys) return;
  for (const std::uint32_t index : frame.node->keys) {
    if (result_.errors.size() > kMaxErrors) return;
    const YamlNode& key = tree_.at(index);
    if (std::find(frame.known.begin(), frame.known.end(), key.text) != frame.known.end()) continue;
    const std::string place = frame.path.empty() ? "" : " in " + frame.path;
    error(key.mark, "unknown key " + quoted(key.text) + place + suggestion(key.text, frame.known));
  }
}

void Reader::leave() {
  const Frame frame = std::move(frames_.back());
  frames_.pop_back();
  unknown_keys(frame);
}

// Place of a key's value in the current section, or of the section.
Mark Reader::mark_of(std::string_view key) const {
  const YamlNode* node = frames_.back().node;
  const YamlNode* value = node == nullptr ? nullptr : tree_.find(*node, key);
  if (value != nullptr) return value->mark;
  return node == nullptr ? Mark{} : node->mark;
}

void Reader::problem(std::string_view key, const std::string& message) {
  error(mark_of(key), path_of(key) + ": " + message);
}

void Reader::caution(std::string_view key, const std::string& message) {
  warn(mark_of(key), path_of(key) + ": " + message);
}

int Reader::line() const { return frames_.back().node == nullptr ? 0 : frames_.back().node->mark.line; }

// The text of a secret: ${VAR} inside it, or the content of a file.
bool Reader::reference_text(const YamlNode& node, const std::string& path, std::string& out) {
  constexpr std::string_view kFile = "file:";
  Result<std::string> value = expand_variables(node.text);
  if (value && value->starts_with(kFile)) value = read_secret_file(value->substr(kFile.size()), options_.base_dir);
  if (!value) {
    error(node.mark, path + ": " + value.error().message);
    return false;
  }
  out = *std::move(value);
  return true;
}

bool Reader::scalar_text(const YamlNode& node, const std::string& path, std::string& out, bool secret) {
  if (node.kind != YamlNode::Kind::scalar) {
    error(node.mark, path + ": expected a text");
    return false;
  }
  if (!options_.references) {
    out = node.text;
    return true;
  }
  if (secret) {
    if (!reference_text(node, path, out)) return false;
    if (out != "none") redact_secret(out);
    return true;
  }
  Result<std::string> value = expand_variables(node.text);
  if (!value) {
    error(node.mark, path + ": " + value.error().message);
    return false;
  }
  out = *std::move(value);
  return true;
}

void Reader::text(Field field, std::string& value, Words allowed) {
  const YamlNode* node = take(field);
  std::string read;
  if (node == nullptr || !scalar_text(*node, path_of(field.name), read, false)) return;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), read) == allowed.end()) {
    std::string words;
    for (const std::string_view word : allowed) words += (words.empty() ? "" : ", ") + std::string(word);
    error(node->mark, path_of(field.name) + ": " + quoted(read) + " is not one of " + words +
                          suggestion(read, {allowed.begin(), allowed.end()}));
    return;
  }
  value = std::move(read);
}

void Reader::secret(Field field, std::string& value) {
  if (const YamlNode* node = take(field)) scalar_text(*node, path_of(field.name), value, true);
}

void Reader::later(Field field) {
  const YamlNode* node = take(field);
  if (node == nullptr) return;
  const bool empty = node->kind != YamlNode::Kind::scalar && node->children.empty();
  if (!empty) warn(node->mark, "`" + path_of(field.name) + "` is not available in this version and has no effect");
}

bool Reader::enter(Field field, std::string* shorthand) {
  const YamlNode* node = take(field);
  if (node == nullptr) return false;
  if (node->kind == YamlNode::Kind::scalar && shorthand != nullptr) {
    scalar_text(*node, path_of(field.name), *shorthand, false);
    return false;
  }
  if (node->kind != YamlNode::Kind::map) {
    error(node->mark, path_of(field.name) + ": expected a map of keys");
    return false;
  }
  push(node, path_of(field.name));
  return true;
}

std::size_t Reader::enter_list(Field field, std::size_t, bool single) {
  const YamlNode* node = take(field);
  const std::string path = path_of(field.name);
  const bool alone = single && node != nullptr && node->kind == YamlNode::Kind::map;
  if (node != nullptr && node->kind != YamlNode::Kind::list && !alone) {
    error(node->mark, path + ": expected a list");
    node = nullptr;
  }
  push(node, path, false);
  frames_.back().single = alone;
  if (node == nullptr) return 0;
  return alone ? 1 : node->children.size();
}

std::vector<std::string> Reader::enter_map(Field field, std::vector<std::string>) {
  const YamlNode* node = take(field);
  if (node != nullptr && node->kind != YamlNode::Kind::map) {
    error(node->mark, path_of(field.name) + ": expected a map of names");
    node = nullptr;
  }
  if (node != nullptr && node->keys.size() > kMaxNames) {
    error(node->mark, path_of(field.name) + ": more than " + std::to_string(kMaxNames) + " entries");
    node = nullptr;
  }
  push(node, path_of(field.name), false);
  std::vector<std::string> names;
  if (node == nullptr) return names;
  for (const std::uint32_t key : node->keys) names.push_back(tree_.at(key).text);
  return names;
}

bool Reader::enter_item(std::size_t index, std::string_view name) {
  const Frame& frame = frames_.back();
  const YamlNode* node = frame.single ? frame.node : &tree_.at(frame.node->children[index]);
  const std::string path = path_of(name.empty() ? std::to_string(index) : std::string(name));
  remember(path, node->mark);
  if (node->kind != YamlNode::Kind::map && node->kind != YamlNode::Kind::null) {
    error(node->mark, path + ": expected a map of keys");
    return false;
  }
  push(node, path);
  return true;
}

}  // namespace tollgate::config
