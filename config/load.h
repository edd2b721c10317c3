// Loading tollgate.yaml: ${VAR} and file: secrets, the shipped providers.yaml and prices.yaml merged in, all errors at
// once. Thread rule: start-up and reload only, one thread (they read the environment); secrets found are registered
// with redact_secret().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"

namespace tollgate::config {

struct Diagnostic {
  std::string file;
  int line = 0, column = 0;       // 1-based; 0 = whole file
  std::string message;            // may end in "(did you mean ...)"
  std::string to_string() const;  // FILE:LINE:COL: message, or FILE: message
};

struct LoadResult {
  Config config;
  std::vector<Diagnostic> errors;  // empty = usable
  std::vector<Diagnostic> warnings;
  bool ok() const { return errors.empty(); }
};

// Reads a file, or the text of one (`name` stands in diagnostics). Relative tls, ca_file and file: paths start at the
// file's folder.
LoadResult load_file(const std::string& path);
LoadResult load_text(std::string_view yaml, const std::string& name);

// The embedded default configuration: SQLite, in-process stores, the built-in echo vendor, no key needed.
std::string_view default_yaml();
// The shipped rows of config/prices.yaml, parsed anew: a megabyte that a running gateway need not keep.
std::vector<PriceRow> shipped_prices();
// The rows that price this configuration's traffic: its own, then the shipped ones unless it wants none.
std::vector<PriceRow> prices_in_use(const Config& config);
// The shipped vendor rows; keys stand as they are written there ("${OPENAI_API_KEY}"), unresolved.
const std::vector<Provider>& shipped_providers();
// A file in the form of config/prices.yaml. Rows with errors may be incomplete; use none of them then.
std::vector<PriceRow> parse_price_rows(std::string_view yaml, const std::string& name, std::vector<Diagnostic>& errors);

// Effective configuration as YAML, secrets as "***".
std::string dump(const Config& config);

}  // namespace tollgate::config
