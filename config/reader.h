// Reader: fills the configuration structs from a YAML tree. Reports every wrong type, bound, word, reference and
// unknown key with its place, and goes on. Also remembers where each value stood, for checks across sections. Thread
// rule: one owner.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/describe.h"
#include "config/load.h"
#include "config/yaml_tree.h"

namespace tollgate::config {

struct ReadOptions {
  bool references = true;  // resolve ${VAR} and file:; the shipped rows are kept as they are written
  bool marks = true;       // remember places
  std::string base_dir;    // where relative paths start
};

class Reader : public Visitor {
 public:
  // Diagnostics are appended to `result`. The tree must outlive the reader.
  Reader(const YamlTree& tree, std::string file, ReadOptions options, LoadResult& result);

  // A description of the whole file runs between these two; finish() reports unknown keys.
  void start();
  void finish() { leave(); }
  // Fills `value` from the node given, instead of from start() to finish(): for files that are one list.
  template <class T>
  void read_map(const YamlNode& node, std::string path, T& value) {
    push(&node, std::move(path));
    describe(*this, value);
    leave();
  }

  // Place of the value at a path such as "models.smart.targets.0", or of its nearest section.
  Mark where(std::string path) const;
  bool written(const std::string& path) const { return marks_.contains(path); }
  bool has_error_at(Mark mark) const;
  void error(Mark mark, std::string message);
  void warn(Mark mark, std::string message);

  void text(Field field, std::string& value, Words allowed) override;
  void secret(Field field, std::string& value) override;
  void flag(Field field, bool& value) override;
  void integer(Field field, std::int64_t& value, Bounds bounds, std::string_view zero_word) override;
  void bytes(Field field, std::int64_t& value, Bounds bounds) override;
  void duration(Field field, Millis& value, Bounds bounds_ms) override;
  void list(Field field, std::vector<std::string>& value, Words allowed) override;
  void dictionary(Field field, std::map<std::string, std::string>& value, bool sensitive) override;
  void lists(Field field, std::map<std::string, std::vector<std::string>>& value) override;
  void money(Field field, std::optional<Money>& value) override;
  void factors(Field field, std::map<std::string, Factor>& value) override;
  void time(Field field, std::optional<std::int64_t>& us) override;
  void minutes(Field field, std::optional<std::int64_t>& value) override;
  void later(Field field) override;
  bool enter(Field field, std::string* shorthand) override;
  std::size_t enter_list(Field field, std::size_t have, bool single) override;
  std::vector<std::string> enter_map(Field field, std::vector<std::string> have) override;
  bool enter_item(std::size_t index, std::string_view name) override;
  void leave() override;
  bool reading() const override { return true; }
  void problem(std::string_view key, const std::string& message) override;
  void caution(std::string_view key, const std::string& message) override;
  int line() const override;

 private:
  struct Frame {
    const YamlNode* node = nullptr;  // nullptr: the section is absent
    std::string path;
    std::vector<std::string_view> known;  // keys asked for
    bool fixed_keys = true;               // keys that nobody asked for are errors
    bool single = false;                  // a list written as its only element
  };
  void push(const YamlNode* node, std::string path, bool fixed_keys = true);
  const YamlNode* take(Field field);  // value of that key in the current section, nullptr when absent
  const YamlNode* take_scalar(Field field);
  bool scalar_text(const YamlNode& node, const std::string& path, std::string& out, bool secret);
  bool reference_text(const YamlNode& node, const std::string& path, std::string& out);
  bool string_list(const YamlNode& node, const std::string& path, std::vector<std::string>& out);
  template <class Parse>
  void number(Field field, std::int64_t& value, Bounds bounds, const char* expected, Parse parse,
              std::string (*format)(std::int64_t));
  std::string path_of(std::string_view key) const;
  Mark mark_of(std::string_view key) const;
  void remember(const std::string& path, Mark mark);
  void unknown_keys(const Frame& frame);

  const YamlTree& tree_;
  std::string file_;
  ReadOptions options_;
  LoadResult& result_;
  std::vector<Frame> frames_;
  std::map<std::string, Mark> marks_;
};

// Short, printable form of what somebody wrote, for messages.
std::string quoted(std::string_view text);

}  // namespace tollgate::config
