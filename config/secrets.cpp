// References to the environment and to files. Thread rule: see the header.
#include "config/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace tollgate::config {
namespace {

constexpr std::size_t kMaxSecretBytes = 64u << 10;
constexpr std::size_t kMaxExpandedBytes = 1u << 20;

Error invalid(std::string message) { return Error{ErrorKind::fatal, 500, "bad_config", std::move(message)}; }

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 128 || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!ok) return false;
  }
  return true;
}

// `inside` is what stands between ${ and }.
Result<std::string> lookup(std::string_view inside) {
  const std::size_t colon = inside.find(":-");
  const std::string name(inside.substr(0, colon));
  if (!is_name(name)) return invalid("`${...}` needs the name of an environment variable");
  const char* value = std::getenv(name.c_str());
  if (value != nullptr && *value != '\0') return std::string(value);
  if (colon != std::string_view::npos) return std::string(inside.substr(colon + 2));
  return invalid("environment variable " + name + (value == nullptr ? " is not set" : " is empty"));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::string> expand_variables(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t dollar = text.find("${");
    if (dollar == std::string_view::npos) break;
    if (dollar > 0 && text[dollar - 1] == '$') {
      out.append(text.substr(0, dollar - 1)).append("${");
      text.remove_prefix(dollar + 2);
      continue;
    }
    const std::size_t end = text.find('}', dollar);
    if (end == std::string_view::npos) return invalid("`${` without `}`");
    Result<std::string> value = lookup(text.substr(dollar + 2, end - dollar - 2));
    if (!value) return value;
    out.append(text.substr(0, dollar)).append(*value);
    text.remove_prefix(end + 1);
    if (out.size() > kMaxExpandedBytes) return invalid("longer than 1 MiB with its variables");
  }
  out.append(text);
  return out;
}

std::string resolve_path(const std::string& path, const std::string& base_dir) {
  if (path.empty() || path[0] == '/' || base_dir.empty()) return path;
  return base_dir + "/" + path;
}

Result<std::string> read_secret_file(const std::string& path, const std::string& base_dir) {
  const std::string full = resolve_path(path, base_dir);
  // Non-blocking, because opening a pipe would otherwise wait for a writer.
  const Descriptor file(::open(full.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return invalid("cannot read file " + full + ": " + std::strerror(errno));
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return invalid("not a regular file: " + full);
  std::string content(kMaxSecretBytes + 1, '\0');
  std::size_t used = 0;
  while (used < content.size()) {
    const ssize_t n = ::read(file.get(), content.data() + used, content.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return invalid("cannot read file " + full + ": " + std::strerror(errno));
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
  }
  if (used > kMaxSecretBytes) return invalid("larger than 64 KiB: " + full);
  content.resize(used);
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  if (content.empty()) return invalid("empty file: " + full);
  return content;
}

std::string mask_url(std::string_view url, std::string* password) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t start = scheme + 3;
  const std::string_view authority = url.substr(start, url.find_first_of("/?#", start) - start);
  const std::size_t at = authority.rfind('@');
  const std::size_t colon = authority.find(':');
  std::string masked(url);
  if (at != std::string_view::npos && colon < at) {
    if (password != nullptr) *password = std::string(authority.substr(colon + 1, at - colon - 1));
    masked.replace(start + colon + 1, at - colon - 1, "***");
  }
  return masked;
}

}  // namespace tollgate::config
