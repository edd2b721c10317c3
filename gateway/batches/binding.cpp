#include "gateway/batches/binding.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/json.h"
#include "core/json_write.h"
#include "core/sha256.h"

namespace tollgate::gateway {
namespace {

namespace fs = std::filesystem;

std::string to_json(const BatchBinding& binding) {
  std::string out;
  JsonWriter w(out);
  w.begin_object()
      .member("provider", binding.provider)
      .member("surface", binding.surface)
      .member("batch_id", binding.batch_id)
      .member("endpoint", binding.endpoint)
      .member("request_id", binding.request_id.to_string())
      .member("created_us", binding.created_us)
      .member("team", binding.team)
      .member("feature", binding.feature)
      .member("environment", binding.environment)
      .member("user_id", binding.user_id)
      .member("key_id", binding.key_id)
      .member("quarantined", binding.quarantined)
      .key("tags")
      .begin_object();
  for (const auto& [name, value] : binding.tags) w.member(name, value);
  w.end_object().end_object();
  return out;
}

bool from_json(std::string_view text, BatchBinding& out) {
  JsonReader reader;
  const auto root = reader.parse(text);
  if (!root || !root->is_object()) return false;
  const auto take = [&](const char* name, std::string& into) { into = (*root)[name].as_string().value_or(""); };
  take("provider", out.provider);
  take("surface", out.surface);
  take("batch_id", out.batch_id);
  take("endpoint", out.endpoint);
  take("team", out.team);
  take("feature", out.feature);
  take("environment", out.environment);
  take("user_id", out.user_id);
  take("key_id", out.key_id);
  out.created_us = (*root)["created_us"].as_int().value_or(0);
  out.quarantined = (*root)["quarantined"].as_bool().value_or(false);
  auto id = Id::parse((*root)["request_id"].as_string().value_or(""));
  if (!id || out.provider.empty() || out.batch_id.empty() || out.created_us == 0) return false;
  out.request_id = *id;
  (*root)["tags"].members([&](std::string_view name, JsonValue value) {
    out.tags.emplace_back(name, std::string(value.as_string().value_or("")));
  });
  return true;
}

Error io_error(const std::string& path) {
  return Error{.kind = ErrorKind::fatal,
               .status = 500,
               .code = "batch_store",
               .message = "cannot keep the batch's owner in " + path + ": " + std::strerror(errno)};
}

// Written, synced and closed; false with errno set.
bool write_synced(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  bool well = true;
  while (well && !text.empty()) {
    const ssize_t wrote = ::write(file, text.data(), text.size());
    well = wrote > 0 || (wrote < 0 && errno == EINTR);
    if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  well = well && ::fsync(file) == 0;
  const int problem = errno;
  ::close(file);
  errno = problem;
  return well;
}

bool sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const bool well = ::fsync(folder) == 0;
  ::close(folder);
  return well;
}

}  // namespace

// Vendors' ids are not file names: a digest of them is.
std::string BatchStore::path_of(const BatchBinding& binding) const {
  return directory_ + "/" + sha256_hex(binding.provider + "|" + binding.batch_id).substr(0, 32) + ".json";
}

Result<void> BatchStore::keep(const BatchBinding& binding) const {
  std::error_code ec;
  fs::create_directories(directory_, ec);
  const std::string path = path_of(binding);
  if (fs::exists(path, ec)) return {};
  const std::string draft = path + "." + Id::next().to_string() + ".new";
  if (!write_synced(draft, to_json(binding)) || ::rename(draft.c_str(), path.c_str()) != 0 ||
      !sync_folder(directory_)) {
    const Error error = io_error(path);
    ::unlink(draft.c_str());
    return error;
  }
  return {};
}

std::vector<BatchBinding> BatchStore::load(std::vector<std::string>& damaged) const {
  std::vector<BatchBinding> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(directory_, ec)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    BatchBinding binding;
    if (from_json(text, binding)) {
      found.push_back(std::move(binding));
    } else {
      damaged.push_back(entry.path().string());
    }
  }
  return found;
}

void BatchStore::remove(const BatchBinding& binding) const { ::unlink(path_of(binding).c_str()); }

}  // namespace tollgate::gateway
