// YAML text -> a plain tree with the position of every node; the only user of yaml-cpp. Made for hostile input: the
// size, the depth, the number of nodes (aliases expanded) and the encoding are bounded before anything walks the tree.
// Refused, each with its place: more than one document, tags, merge keys, keys that are no plain texts, a key that
// stands twice, invalid UTF-8 and control characters. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::config {

inline constexpr std::size_t kMaxYamlBytes = 4u << 20;
inline constexpr std::size_t kMaxYamlDepth = 32;
inline constexpr std::size_t kMaxYamlNodes = 400'000;  // every alias counts what it stands for

struct Mark {
  int line = 0, column = 0;  // 1-based, 0 = unknown
};

struct YamlNode {
  enum class Kind : unsigned char { null, scalar, list, map };
  Kind kind = Kind::null;
  bool quoted = false;  // scalars: written in quotes or as a block
  Mark mark;
  std::string text;                     // scalars
  std::vector<std::uint32_t> children;  // elements of a list, values of a map
  std::vector<std::uint32_t> keys;      // of a map, parallel to children; always scalars
};

struct YamlProblem {
  Mark mark;
  std::string message;
};

// Nodes refer to each other by index; an alias shares the index of what it stands for, so the tree is a graph without
// cycles.
class YamlTree {
 public:
  const YamlNode& root() const { return nodes_.front(); }
  const YamlNode& at(std::uint32_t index) const { return nodes_[index]; }
  // Value of that key, or nullptr.
  const YamlNode* find(const YamlNode& map, std::string_view key) const;

 private:
  friend class YamlBuilder;
  std::vector<YamlNode> nodes_;
};

// An empty text is an empty map. On any problem nothing but the problems comes back; a text that does not parse has
// one.
std::optional<YamlTree> parse_yaml(std::string_view text, std::vector<YamlProblem>& problems);

}  // namespace tollgate::config
