#include "gateway/endpoint.h"

#include "config/template.h"
#include "core/percent.h"

namespace tollgate::gateway {
namespace {

// Vertex writes versions as model@date and takes them so; a colon begins a method there.
constexpr std::string_view kPlainInModel = "@";

void append_with_model(std::string& out, std::string_view text, std::string_view model) {
  while (true) {
    const std::size_t at = text.find(config::kModelPlaceholder);
    out.append(text.substr(0, at));
    if (at == std::string_view::npos) return;
    append_percent_encoded(out, model, kPlainInModel);
    text.remove_prefix(at + config::kModelPlaceholder.size());
  }
}

const std::string* own_path(const config::Provider& provider, const std::string& name) {
  const auto found = provider.paths.find(name);
  return found == provider.paths.end() ? nullptr : &found->second;
}

}  // namespace

std::string_view path_template(const config::Provider& provider, std::string_view surface, bool stream,
                               std::string_view usual, std::string_view usual_stream) {
  if (!provider.paths.empty()) {
    if (stream)
      if (const std::string* path = own_path(provider, std::string(surface) + "_stream")) return *path;
    if (!stream || usual_stream.empty())
      if (const std::string* path = own_path(provider, std::string(surface))) return *path;
  }
  return stream && !usual_stream.empty() ? usual_stream : usual;
}

std::string request_target(std::string_view path_prefix, std::string_view path_template,
                           const config::Provider& provider, std::string_view model, std::string_view extra_query) {
  std::string out;
  out.reserve(path_prefix.size() + path_template.size() + model.size() + extra_query.size() + 16);
  if (path_template.starts_with("//")) {
    path_template.remove_prefix(1);
  } else {
    append_with_model(out, path_prefix, model);
  }
  // Templates of the row itself come filled; the usual ones could name a placeholder too.
  const Result<std::string> filled = config::fill_template(path_template, provider, true);
  append_with_model(out, filled ? std::string_view(*filled) : path_template, model);
  while (extra_query.starts_with('?') || extra_query.starts_with('&')) extra_query.remove_prefix(1);
  if (extra_query.empty()) return out;
  out += out.find('?') == std::string::npos ? '?' : '&';
  return out.append(extra_query);
}

}  // namespace tollgate::gateway
