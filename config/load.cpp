// From a file or text to a checked Config. Thread rule: start-up and reload only.
#include "config/load.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <tuple>

#include "config/check.h"
#include "config/describe.h"
#include "config/reader.h"
#include "config/redis_url.h"
#include "config/secrets.h"
#include "config/settle_providers.h"
#include "config/yaml_tree.h"
#include "core/log.h"

namespace tollgate::config {
namespace {

constexpr const char* kLocal = "local";

// The whole file, or false with errno. Stops just beyond the size that parse_yaml() accepts.
bool read_bounded(const std::string& path, std::string& out) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char part[64 << 10];
  ssize_t n = 0;
  while (out.size() <= kMaxYamlBytes) {
    n = ::read(fd, part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(part, static_cast<std::size_t>(n));
  }
  const int error = errno;
  ::close(fd);
  errno = error;
  return n >= 0;
}

void mark_configured(Config& c, const Reader& reader) {
  const auto mark = [&](const std::string& name) {
    for (Provider& p : c.providers) {
      if (p.name == name) p.configured = true;
    }
  };
  for (Provider& p : c.providers) p.configured = reader.written("providers." + p.name);
  for (const Model& model : c.models) {
    for (const Target& target : model.targets) mark(target.provider);
  }
}

// A row for the local engine; without models its targets are known and refused with a reason.
void add_local(Config& c) {
  bool wanted = !c.local.models.empty();
  for (const Model& model : c.models) {
    for (const Target& target : model.targets) wanted = wanted || target.provider == kLocal;
  }
  if (!wanted || c.find_provider(kLocal) != nullptr) return;
  Provider& local = c.providers.emplace_back();
  local.name = kLocal;
  local.dialect = kLocal;
  local.base_url = "local:";
  local.auth = "none";
  local.usage_flags = {"reported_cost"};
  if (c.local.models.empty()) local.unusable = "no local model is configured: name one under local: models:";
}

bool writable_folder(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path folder(path);
  const bool there = std::filesystem::exists(folder, ignored);
  return ::access((there ? folder : folder.parent_path()).c_str(), W_OK | X_OK) == 0;
}

std::string automatic_state_dir() {
  const std::string system = "/var/lib/tollgate";
  if (writable_folder(system)) return system;
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string(state) + "/tollgate";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/state/tollgate";
  return system;
}

void settle_paths(Config& c, const std::string& base_dir) {
  if (c.state_dir == "auto") c.state_dir = automatic_state_dir();
  for (std::string* path : {&c.tls.cert, &c.tls.key}) *path = resolve_path(*path, base_dir);
  for (LocalModel& model : c.local.models)
    for (std::string* path : {&model.file, &model.chat_template, &model.draft})
      if (*path != kBuiltinModel) *path = resolve_path(*path, base_dir);
}

void register_url_secrets(const Config& c) {
  for (const std::string* url : {&c.ledger.url, &c.store}) {
    std::string password;
    mask_url(*url, &password);
    if (!password.empty()) redact_secret(password);
    if (const auto redis = parse_redis_url(*url); redis && !redis->password.empty()) redact_secret(redis->password);
  }
}

// A built-in default that the user's `allowed` excludes is dropped where nothing asks for it.
void settle_defaults(Config& c, const Reader& reader) {
  Attribution& rules = c.attribution;
  std::erase_if(rules.defaults, [&](const auto& entry) {
    const auto allowed = rules.allowed.find(entry.first);
    const bool written = reader.written("attribution.defaults." + entry.first);
    const bool needed = rules.missing != MissingTags::reject &&
                        std::find(rules.required.begin(), rules.required.end(), entry.first) != rules.required.end();
    return !written && !needed && allowed != rules.allowed.end() &&
           std::find(allowed->second.begin(), allowed->second.end(), entry.second) == allowed->second.end();
  });
}

bool by_place(const Diagnostic& a, const Diagnostic& b) {
  return std::tie(a.line, a.column, a.message) < std::tie(b.line, b.column, b.message);
}

LoadResult load(std::string_view yaml, const std::string& name, const std::string& base_dir) {
  LoadResult result;
  std::vector<YamlProblem> problems;
  const std::optional<YamlTree> tree = parse_yaml(yaml, problems);
  for (const YamlProblem& problem : problems) {
    result.errors.push_back({name, problem.mark.line, problem.mark.column, problem.message});
  }
  if (!tree) return result;
  Config& c = result.config;
  c.path = name;
  c.providers = shipped_providers();
  Reader reader(*tree, name, {.references = true, .marks = true, .base_dir = base_dir}, result);
  reader.start();
  describe(reader, c);
  reader.finish();
  for (PriceRow& row : c.prices) row.file = name;
  add_local(c);
  mark_configured(c, reader);
  settle_defaults(c, reader);
  settle_providers(c, reader, base_dir);
  settle_paths(c, base_dir);
  register_url_secrets(c);
  check(c, reader);
  std::sort(result.errors.begin(), result.errors.end(), by_place);
  std::sort(result.warnings.begin(), result.warnings.end(), by_place);
  return result;
}

}  // namespace

std::string Diagnostic::to_string() const {
  if (line == 0) return file + ": " + message;  // the file as a whole
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message;
}

LoadResult load_file(const std::string& path) {
  std::string text;
  if (!read_bounded(path, text)) {
    LoadResult result;
    result.errors.push_back({path, 0, 0, std::string("cannot read the file: ") + std::strerror(errno)});
    return result;
  }
  const std::size_t slash = path.rfind('/');
  return load(text, path, slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash));
}

LoadResult load_text(std::string_view yaml, const std::string& name) { return load(yaml, name, "."); }

}  // namespace tollgate::config
