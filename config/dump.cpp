// The effective configuration as YAML that loads again, secrets masked. Empty texts, lists and maps are left out: they
// are the defaults. Thread rule: pure.
#include <algorithm>

#include "config/describe.h"
#include "config/load.h"
#include "config/secrets.h"
#include "config/units.h"
#include "core/log.h"

namespace tollgate::config {
namespace {

constexpr std::string_view kMasked = "***";

// Words that YAML or our own readers would take for something else than a text.
bool needs_quotes(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kWords{"null", "Null", "NULL", "~", "true", "false"};
  if (text.empty() || std::find(kWords.begin(), kWords.end(), text) != kWords.end()) return true;
  const auto plain = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
           c == '_' || c == '-' || c == '+' || c == ':';
  };
  if (!std::all_of(text.begin(), text.end(), plain)) return true;
  return text.front() == '-' || text.front() == ':' || text.back() == ':';
}

std::string scalar(std::string_view text) {
  if (!needs_quotes(text)) return std::string(text);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // A `${` that stands in a loaded value was written `$${`.
    if (c == '$' && text.substr(i, 2) == "${") out += '$';
    if (c < 0x20 || c == 0x7f) {
      out.append("\\x").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<char>(c);
  }
  return out + '"';
}

bool looks_secret(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  for (const std::string_view part : {"auth", "key", "token", "secret", "cookie", "password"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string flow_list(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const std::string& text : list) out += (out.size() > 1 ? ", " : "") + scalar(text);
  return out + "]";
}

class Dumper : public Visitor {
 public:
  std::string take() { return std::move(out_); }

  void text(Field f, std::string& value, Words) override {
    if (!value.empty()) put(f.name, scalar(mask_url(value)));
  }
  void secret(Field f, std::string& value) override {
    if (!value.empty()) put(f.name, value == "none" ? "none" : scalar(kMasked));
  }
  void flag(Field f, bool& value) override { put(f.name, value ? "true" : "false"); }
  void integer(Field f, std::int64_t& value, Bounds, std::string_view zero_word) override {
    put(f.name, value == 0 && !zero_word.empty() ? std::string(zero_word) : std::to_string(value));
  }
  void bytes(Field f, std::int64_t& value, Bounds) override { put(f.name, format_bytes(value)); }
  void duration(Field f, Millis& value, Bounds) override { put(f.name, format_duration(value.count())); }
  void list(Field f, std::vector<std::string>& value, Words) override {
    if (!value.empty()) put(f.name, flow_list(value));
  }
  void dictionary(Field f, std::map<std::string, std::string>& value, bool sensitive) override {
    std::string out;
    for (const auto& [name, text] : value) {
      const bool hidden = sensitive && looks_secret(name);
      out += (out.empty() ? "" : ", ") + scalar(name) + ": " + (hidden ? scalar(kMasked) : scalar(text));
    }
    if (!out.empty()) put(f.name, "{" + out + "}");
  }
  void lists(Field f, std::map<std::string, std::vector<std::string>>& value) override {
    std::string out;
    for (const auto& [name, list] : value) out += (out.empty() ? "" : ", ") + scalar(name) + ": " + flow_list(list);
    if (!out.empty()) put(f.name, "{" + out + "}");
  }
  void money(Field f, std::optional<Money>& value) override {
    if (value) put(f.name, value->to_string());
  }
  void factors(Field f, std::map<std::string, Factor>& value) override {
    std::string out;
    for (const auto& [name, factor] : value)
      out += (out.empty() ? "" : ", ") + scalar(name) + ": " + factor.to_string();
    if (!out.empty()) put(f.name, "{" + out + "}");
  }
  void time(Field f, std::optional<std::int64_t>& us) override {
    if (us) put(f.name, format_time(*us));
  }
  void minutes(Field f, std::optional<std::int64_t>& value) override {
    if (value) put(f.name, "\"" + format_minutes(static_cast<int>(*value)) + "\"");
  }
  void later(Field) override {}
  bool enter(Field f, std::string*) override { return open(f.name), true; }
  std::size_t enter_list(Field f, std::size_t have, bool) override { return open(f.name), have; }
  std::vector<std::string> enter_map(Field f, std::vector<std::string> have) override { return open(f.name), have; }
  bool enter_item(std::size_t, std::string_view name) override {
    open(name.empty() ? "-" : name);
    return true;
  }
  void leave() override {
    open_.pop_back();
    if (written_ > open_.size()) written_ = open_.size();
  }

 private:
  // Heads of sections are written with their first line, so that empty ones do not appear.
  void open(std::string_view name) { open_.emplace_back(name); }
  void put(std::string_view name, const std::string& value) {
    std::string dash;
    for (; written_ < open_.size(); ++written_) {
      const bool item = open_[written_] == "-";
      if (!item) out_ += std::string(2 * written_, ' ') + scalar(open_[written_]) + ":\n";
      dash = item ? "- " : "";
    }
    const std::size_t indent = 2 * (open_.size() - dash.size() / 2);
    out_ += std::string(indent, ' ') + dash + std::string(name) + ": " + value + "\n";
  }

  std::string out_;
  std::vector<std::string> open_;
  std::size_t written_ = 0;  // how many of open_ are in out_
};

}  // namespace

std::string dump(const Config& config) {
  Config copy = config;
  std::string rest;
  std::erase_if(copy.providers, [&](const Provider& provider) {
    if (provider.dialect == "local") return true;  // has no entry; the loader makes it
    if (provider.configured) return false;
    rest += (rest.empty() ? "" : ", ") + provider.name;
    return true;
  });
  for (Provider& provider : copy.providers) {
    if (provider.api_key.empty() && provider.auth == "none") provider.api_key = "none";
    // What a profile holds was not said beside it.
    if (!provider.aws.profile.empty())
      provider.aws = {.profile = provider.aws.profile, .service = provider.aws.service};
  }
  Dumper dumper;
  describe(dumper, copy);
  std::string text = redacted(dumper.take());
  if (!rest.empty()) text += "# Providers known without an entry: " + rest + "\n";
  return text;
}

}  // namespace tollgate::config
