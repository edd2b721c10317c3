// Poison rows. Owner: billing. Thread rule: the ledger thread.
#include "billing/poison.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "billing/record_json.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"

namespace tollgate::billing {
namespace {

constexpr off_t kRotateBytes = 64 << 20;
constexpr std::size_t kMaxKnown = 100'000;

bool append_line(const std::string& path, const std::string& line) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && info.st_size > kRotateBytes)
    std::rename(path.c_str(), fmt::format("{}.{}", path, wall_micros()).c_str());
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool good = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fdatasync(fd) == 0;
  ::close(fd);
  return good;
}

}  // namespace

bool PoisonFile::add(const CostRecord& record, const std::string& message) {
  if (known_.contains(record.id)) return true;
  std::string line = fmt::format("{{\"at\":{},\"store_message\":\"", wall_micros());
  json_escape(line, message);
  line += "\",\"record\":";
  append_record_json(record, line);
  line += "}\n";
  if (path_.empty() || !append_line(path_, line)) {
    log_error("a cost record that the store refuses could not be put aside", {{"file", path_}});
    return false;
  }
  log_error("the store refuses a cost record, it was put aside",
            {{"id", record.id.to_string()}, {"file", path_}, {"reason", message}});
  if (known_.size() >= kMaxKnown) known_.clear();
  known_.insert(record.id);
  return true;
}

}  // namespace tollgate::billing
