#include "config/template.h"

namespace tollgate::config {
namespace {

Error invalid(std::string message, std::string code = "bad_template") {
  return Error{ErrorKind::fatal, 500, std::move(code), std::move(message), {}};
}

struct Value {
  const std::string* text = nullptr;
  std::string_view key;  // which key sets it
};

Value value_of(std::string_view name, const Provider& p) {
  if (name == "region" || name == "region_dash") return {&p.region, "region"};
  if (name == "project") return {&p.project, "project"};
  if (name == "resource") return {&p.resource, "resource"};
  if (name == "api_version") return {&p.api_version, "api_version"};
  return {};
}

}  // namespace

Result<std::string> fill_template(std::string_view text, const Provider& provider, bool keep_model) {
  std::string out;
  while (true) {
    const std::size_t open = text.find('{');
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return invalid("`{` without `}`");
    const std::string_view placeholder = text.substr(open, close + 1 - open);
    const std::string_view name = placeholder.substr(1, placeholder.size() - 2);
    text.remove_prefix(close + 1);
    if (keep_model && placeholder == kModelPlaceholder) {
      out.append(placeholder);
      continue;
    }
    const Value value = value_of(name, provider);
    if (value.text == nullptr) return invalid("unknown placeholder `" + std::string(placeholder) + "`");
    const std::string key(value.key);
    if (value.text->empty()) return invalid("set providers." + provider.name + "." + key, "missing_" + key);
    if (name != "region_dash") {
      out.append(*value.text);
    } else if (*value.text != "global") {
      out.append(*value.text).append("-");
    }
  }
}

}  // namespace tollgate::config
