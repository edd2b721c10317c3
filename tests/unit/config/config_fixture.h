// Helpers for configuration tests: loading a text and looking for a diagnostic.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace tollgate::config {

// A configuration that loads, to put one mistake into.
inline constexpr const char* kLab = R"(
auth: {mode: open}
providers:
  lab: {dialect: openai.chat, base_url: "http://127.0.0.1:9901/v1", api_key: none}
models:
  gpt-mock: {targets: [lab/gpt-mock]}
)";

inline LoadResult load_lab(const std::string& more) { return load_text(std::string(kLab) + more, "t.yaml"); }

inline std::string all_text(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += diagnostic.to_string() + "\n";
  return text;
}

inline bool holds(const std::vector<Diagnostic>& diagnostics, std::string_view part) {
  return all_text(diagnostics).find(part) != std::string::npos;
}

// Sets an environment variable for the life of the object; nullptr unsets it.
class ScopedEnv {
 public:
  ScopedEnv(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old, had_ = true;
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  ~ScopedEnv() { had_ ? ::setenv(name_, old_.c_str(), 1) : ::unsetenv(name_); }
  ScopedEnv(const ScopedEnv&) = delete;
  ScopedEnv& operator=(const ScopedEnv&) = delete;

 private:
  const char* name_;
  std::string old_;
  bool had_ = false;
};

}  // namespace tollgate::config
