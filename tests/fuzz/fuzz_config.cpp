// Any text given to the loader ends in a configuration or in diagnostics with places; what loads can be dumped, and the
// dump of it loads to the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/load.h"

namespace {

// References would make a run depend on the machine's environment and files.
bool has_references(std::string_view text) {
  return text.find("${") != std::string_view::npos || text.find("file:") != std::string_view::npos;
}

// Masked values do not load as what they were.
bool has_secrets(const tollgate::config::Config& config) {
  bool secrets = !config.admin_token.empty() || !config.auth.keys.empty();
  for (const auto& provider : config.providers) {
    secrets = secrets || (provider.configured && (!provider.api_key.empty() || !provider.headers.empty()));
  }
  return secrets;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (has_references(text)) return 0;
  const LoadResult result = load_text(text, "fuzz");
  for (const Diagnostic& error : result.errors) {
    if (error.message.empty() || error.line < 0 || error.column < 0) std::abort();
  }
  std::vector<Diagnostic> errors;
  (void)parse_price_rows(text, "fuzz", errors);
  if (!result.ok() || has_secrets(result.config)) return 0;
  const std::string first = dump(result.config);
  if (first.find("***") != std::string::npos) return 0;
  const LoadResult again = load_text(first, "dump");
  if (!again.ok() || dump(again.config) != first) std::abort();
  return 0;
}
