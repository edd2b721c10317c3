// Builds the tree from yaml-cpp's events, so that bounds act while the text is read and keys keep their positions.
// Thread rule: pure.
#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "core/text.h"

namespace tollgate::config {
namespace {

// Leaves yaml-cpp's parser; caught in parse_yaml.
struct Refused : std::runtime_error {
  Refused(Mark at, const std::string& message) : std::runtime_error(message), mark(at) {}
  Mark mark;
};

// yaml-cpp takes the end of the text for the end of an open quote, which would swallow keys without a word. So the text
// is given a last line that is a comment, unless a quote is open; its control characters cannot stand in the text
// itself.
constexpr std::string_view kLastLine = "\n#\x01 end \x01\n";
constexpr std::string_view kLastWord = "\x01 end \x01";

Mark from(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

}  // namespace

class YamlBuilder : public YAML::EventHandler {
 public:
  explicit YamlBuilder(YamlTree& tree) : nodes_(tree.nodes_) { nodes_.emplace_back(); }
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refused(from(mark), "only one YAML document is allowed in a file");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(open(mark, tag, anchor), YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(open(mark, tag, anchor), YamlNode::Kind::map);
  }
  void OnMapEnd() override { end(); }
  std::vector<YamlProblem> take_problems() { return std::move(problems_); }

 private:
  std::uint32_t open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor);
  void attach(std::uint32_t index, Mark mark);
  void begin(std::uint32_t index, YamlNode::Kind kind);
  void end();
  void close(std::uint32_t index) { weights_[index] = std::max<std::size_t>(weights_[index], 1); }
  void check_keys(const YamlNode& map);
  void count(std::size_t nodes, Mark mark);

  std::vector<YamlNode>& nodes_;
  std::vector<std::size_t> weights_;  // nodes below and including each closed node; 0 while it is open
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> starts_;  // value of total_ when the node on the stack began
  std::unordered_map<YAML::anchor_t, std::uint32_t> anchors_;
  std::vector<YamlProblem> problems_;
  std::size_t total_ = 0;
  int documents_ = 0;
  bool rooted_ = false;
};

void YamlBuilder::count(std::size_t nodes, Mark mark) {
  total_ += nodes;
  if (total_ > kMaxYamlNodes) throw Refused(mark, "too many values (or an alias that repeats too much)");
}

// Hangs a node below the innermost open list or map.
void YamlBuilder::attach(std::uint32_t index, Mark mark) {
  if (stack_.empty()) return;
  YamlNode& parent = nodes_[stack_.back()];
  const bool is_key = parent.kind == YamlNode::Kind::map && parent.keys.size() == parent.children.size();
  if (!is_key) {
    parent.children.push_back(index);
    return;
  }
  if (nodes_[index].kind != YamlNode::Kind::scalar) throw Refused(mark, "a key must be a plain text");
  if (nodes_[index].text == "<<") throw Refused(mark, "merge keys (<<) are not supported");
  parent.keys.push_back(index);
}

std::uint32_t YamlBuilder::open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
  const Mark at = from(mark);
  if (!tag.empty() && tag != "?" && tag != "!") throw Refused(at, "YAML tags (!...) are not supported");
  count(1, at);
  std::uint32_t index = 0;
  if (rooted_) {
    index = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  }
  rooted_ = true;
  nodes_[index].mark = at;
  weights_.resize(nodes_.size());
  if (anchor != YAML::NullAnchor) anchors_[anchor] = index;
  if (tag != "?" && !tag.empty()) nodes_[index].quoted = true;
  return index;
}

void YamlBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const std::uint32_t index = open(mark, "", anchor);
  close(index);
  attach(index, from(mark));
}

void YamlBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& text) {
  const std::uint32_t index = open(mark, tag, anchor);
  if (text.find(kLastWord) != std::string::npos) throw Refused(from(mark), "a quoted text is never closed");
  nodes_[index].kind = YamlNode::Kind::scalar;
  nodes_[index].text = text;
  close(index);
  attach(index, from(mark));
}

void YamlBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) throw Refused(from(mark), "unknown alias");
  const std::size_t weight = weights_[found->second];
  if (weight == 0) throw Refused(from(mark), "an alias inside the value that it stands for");
  count(weight, from(mark));
  attach(found->second, from(mark));
}

void YamlBuilder::begin(std::uint32_t index, YamlNode::Kind kind) {
  nodes_[index].kind = kind;
  attach(index, nodes_[index].mark);
  if (stack_.size() >= kMaxYamlDepth) throw Refused(nodes_[index].mark, "nested too deeply");
  stack_.push_back(index);
  starts_.push_back(total_ - 1);
}

void YamlBuilder::end() {
  const std::uint32_t index = stack_.back();
  weights_[index] = total_ - starts_.back();
  stack_.pop_back();
  starts_.pop_back();
  if (nodes_[index].kind == YamlNode::Kind::map) check_keys(nodes_[index]);
}

void YamlBuilder::check_keys(const YamlNode& map) {
  std::vector<std::uint32_t> order = map.keys;
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    const int compared = nodes_[a].text.compare(nodes_[b].text);
    return compared != 0 ? compared < 0 : a < b;
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const YamlNode& first = nodes_[order[i - 1]];
    const YamlNode& second = nodes_[order[i]];
    if (first.text != second.text) continue;
    problems_.push_back({second.mark, "key `" + std::string(utf8_prefix(second.text, 60)) +
                                          "` stands twice (first in line " + std::to_string(first.mark.line) + ")"});
  }
}

namespace {

// Bytes that YAML text must not hold. yaml-cpp reads some of them as it likes, so they never get there.
std::optional<YamlProblem> bad_bytes(std::string_view text) {
  std::size_t bad = find_invalid_utf8(text);
  const char* reason = "invalid UTF-8";
  for (std::size_t i = 0; i < std::min(bad, text.size()); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
      bad = i;
      reason = "control character";
    }
  }
  if (bad == kUtf8Valid) return std::nullopt;
  const std::string_view before = text.substr(0, bad);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 = 0
  return YamlProblem{{static_cast<int>(line) + 1, static_cast<int>(bad - start) + 1}, reason};
}

}  // namespace

const YamlNode* YamlTree::find(const YamlNode& map, std::string_view key) const {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    if (nodes_[map.keys[i]].text == key) return &nodes_[map.children[i]];
  }
  return nullptr;
}

std::optional<YamlTree> parse_yaml(std::string_view text, std::vector<YamlProblem>& problems) {
  if (text.size() > kMaxYamlBytes) {
    problems.push_back({{}, "the file is larger than 4 MiB"});
    return std::nullopt;
  }
  if (auto problem = bad_bytes(text)) {
    problems.push_back(std::move(*problem));
    return std::nullopt;
  }
  YamlTree tree;
  YamlBuilder builder(tree);
  try {
    std::istringstream stream(std::string(text).append(kLastLine));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    problems = builder.take_problems();
  } catch (const Refused& refused) {
    problems.push_back({refused.mark, refused.what()});
  } catch (const YAML::Exception& error) {
    problems.push_back({from(error.mark), "not valid YAML: " + error.msg});
  } catch (const std::exception& error) {
    problems.push_back({{}, std::string("cannot be read: ") + error.what()});
  }
  if (!problems.empty()) return std::nullopt;
  return tree;
}

}  // namespace tollgate::config
