// Writes the reference of configuration keys. Thread rule: pure.
#include "config/reference.h"

#include <algorithm>

#include "config/describe.h"
#include "config/units.h"

namespace tollgate::config {
namespace {

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string words(Words allowed) {
  std::string text;
  for (const std::string_view word : allowed) text += (text.empty() ? "" : ", ") + code(word);
  return text;
}

std::string range(Bounds bounds, std::string (*format)(std::int64_t)) {
  if (bounds.max == INT64_MAX) return format(bounds.min) + " or more";
  return format(bounds.min) + " to " + format(bounds.max);
}

std::string plain(std::int64_t value) { return std::to_string(value); }

class Documenter : public Visitor {
 public:
  std::string take() { return top_ + sections_; }

  void text(Field f, std::string& value, Words allowed) override {
    row(f, allowed.empty() ? "text" : words(allowed), value.empty() ? "" : code(value));
  }
  void secret(Field f, std::string&) override { row(f, "secret", ""); }
  void flag(Field f, bool& value) override { row(f, "`true`, `false`", code(value ? "true" : "false")); }
  void integer(Field f, std::int64_t& value, Bounds bounds, std::string_view zero_word) override {
    const bool word = !zero_word.empty();
    row(f, (word ? code(zero_word) + ", " : "") + range(bounds, &plain),
        code(word && value == 0 ? std::string(zero_word) : plain(value)));
  }
  void bytes(Field f, std::int64_t& value, Bounds bounds) override {
    row(f, "size, " + range(bounds, &format_bytes), code(format_bytes(value)));
  }
  void duration(Field f, Millis& value, Bounds bounds) override {
    row(f, "duration, " + range(bounds, &format_duration), code(format_duration(value.count())));
  }
  void list(Field f, std::vector<std::string>&, Words allowed) override {
    row(f, allowed.empty() ? "list of texts" : "list of " + words(allowed), "");
  }
  void dictionary(Field f, std::map<std::string, std::string>& value, bool) override {
    std::string defaults;
    for (const auto& [name, text] : value) defaults += (defaults.empty() ? "" : ", ") + name + ": " + text;
    row(f, "map of texts", defaults.empty() ? "" : code("{" + defaults + "}"));
  }
  void lists(Field f, std::map<std::string, std::vector<std::string>>&) override { row(f, "map of lists", ""); }
  void money(Field f, std::optional<Money>&) override { row(f, "decimal", ""); }
  void factors(Field f, std::map<std::string, Factor>&) override { row(f, "map of decimals", ""); }
  void time(Field f, std::optional<std::int64_t>&) override { row(f, "date", ""); }
  void minutes(Field f, std::optional<std::int64_t>&) override { row(f, "time of day", ""); }
  void later(Field f) override {
    row(f, "empty", "", " Not available in this version; anything but empty gives a warning.");
  }
  bool enter(Field f, std::string*) override { return open(f, ""), true; }
  // Price rows have a page of their own.
  std::size_t enter_list(Field f, std::size_t, bool) override {
    const bool here = f.name != "prices";
    open(f, "[]", here ? "" : " A list.");
    return here ? 1 : 0;
  }
  std::vector<std::string> enter_map(Field f, std::vector<std::string>) override {
    open(f, ".NAME");
    return {"NAME"};
  }
  bool enter_item(std::size_t, std::string_view) override {
    path_.push_back(path_.back());
    return true;
  }
  void leave() override { path_.pop_back(); }

 private:
  static std::string head() { return "| key | value | default | meaning |\n|---|---|---|---|\n"; }

  void open(Field f, const char* suffix, const std::string& more = "") {
    const std::string path = path_.empty() ? std::string(f.name) : path_.back() + "." + std::string(f.name);
    if (path_.empty()) {
      sections_ += "\n### " + code(f.name) + "\n\n" + std::string(f.doc) + more + "\n";
      fresh_ = true;
    } else {
      row(f, *suffix == '[' ? "list" : "map", "");
    }
    path_.push_back(path + suffix);
  }
  void row(Field f, const std::string& value, const std::string& standard, const char* more = "") {
    std::string& out = path_.empty() ? top_ : sections_;
    const std::string path = path_.empty() ? std::string(f.name) : path_.back() + "." + std::string(f.name);
    if (out.empty() || (fresh_ && !path_.empty())) out += (out.empty() ? "" : "\n") + head();
    if (!path_.empty()) fresh_ = false;
    out += "| " + code(path) + " | " + value + " | " + standard + " | " + std::string(f.doc) + more + " |\n";
  }

  std::string top_, sections_;
  std::vector<std::string> path_;
  bool fresh_ = false;  // a section has begun and its table has not
};

}  // namespace

std::string reference_markdown() {
  Config defaults;
  Documenter documenter;
  describe(documenter, defaults);
  return documenter.take();
}

}  // namespace tollgate::config
