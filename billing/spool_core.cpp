// What the parts of one spool share: directory, lock, list of segments, bound in bytes, syncing. Owner: billing.
// Thread rule: safe on any thread.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>

#include "billing/spool_segment.h"
#include "core/clock.h"
#include "core/log.h"

namespace tollgate::billing {
namespace {

Error spool_error(int status, const char* code, std::string message) {
  return Error{ErrorKind::fatal, status, code, std::move(message)};
}

// "SSSSSSSSSSSSSSSS-NNNNNNNN.seg" or ".carry".
std::optional<SegmentPtr> segment_from_name(const std::string& directory, const std::string& name) {
  const bool carry = name.size() == 31 && name.ends_with(".carry");
  if (!carry && !(name.size() == 29 && name.ends_with(".seg"))) return std::nullopt;
  std::uint64_t sequence = 0;
  std::uint32_t salt = 0;
  const char* p = name.data();
  if (std::from_chars(p, p + 16, sequence, 16).ptr != p + 16 || p[16] != '-') return std::nullopt;
  if (std::from_chars(p + 17, p + 25, salt, 16).ptr != p + 25) return std::nullopt;
  return std::make_shared<Segment>(directory, sequence, salt, carry);
}

}  // namespace

std::uint32_t random_salt() {
  std::uint32_t salt = 0;
  if (::getrandom(&salt, sizeof salt, 0) != sizeof salt) salt = static_cast<std::uint32_t>(steady_ns());
  return salt;
}

std::int64_t steady_ns() { return SteadyClock::now().time_since_epoch().count(); }

SpoolCore::SpoolCore(const SpoolOptions& wanted) : options(wanted) {}

SpoolCore::~SpoolCore() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
  if (directory_fd_ >= 0) ::close(directory_fd_);
}

Result<void> SpoolCore::lock_directory() {
  const std::string& directory = options.directory;
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), failed);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return spool_error(500, "spool_io",
                       fmt::format("cannot create spool directory {}: {}", directory, std::strerror(errno)));
  directory_fd_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  lock_fd_ = ::open((directory + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (directory_fd_ < 0 || lock_fd_ < 0)
    return spool_error(500, "spool_io",
                       fmt::format("cannot write in spool directory {}: {}", directory, std::strerror(errno)));
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0)
    return spool_error(
        500, "spool_locked",
        fmt::format("spool directory {} is in use by another process; give each its own state_dir", directory));
  return {};
}

Result<std::vector<SegmentPtr>> SpoolCore::start() {
  if (auto locked = lock_directory(); !locked) return locked.error();
  std::vector<SegmentPtr> found;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(options.directory, failed)) {
    auto segment = segment_from_name(options.directory, entry.path().filename().string());
    if (!segment) continue;
    if (!(*segment)->open_existing())
      return spool_error(500, "spool_io", fmt::format("cannot open {}: {}", (*segment)->path(), std::strerror(errno)));
    found.push_back(std::move(*segment));
  }
  if (failed)
    return spool_error(500, "spool_io", fmt::format("cannot list {}: {}", options.directory, failed.message()));
  // Carried opens come first: their settle, if there is one, stands in a segment.
  std::sort(found.begin(), found.end(), [](const SegmentPtr& a, const SegmentPtr& b) {
    return a->carry != b->carry ? a->carry : a->sequence < b->sequence;
  });
  // Numbers grow with the clock, so that a number is not used twice even when all files of a run are gone.
  std::uint64_t next = static_cast<std::uint64_t>(std::max<std::int64_t>(wall_micros(), 1));
  for (const auto& segment : found) {
    next = std::max(next, segment->sequence + 1);
    bytes += segment->size;
    ++segments;
  }
  next_sequence_ = next;
  return found;
}

Error SpoolCore::refuse(const char* code, std::string message) {
  refused_at_ns_.store(steady_ns(), std::memory_order_relaxed);
  log_error("spool cannot take more records, refusing requests", {{"reason", message}});
  Error error{ErrorKind::limited, 503, code, "the cost ledger cannot take more records now: " + std::move(message)};
  error.retry_after = std::chrono::seconds(1);
  return error;
}

Result<SegmentPtr> SpoolCore::allocate(unsigned chain) {
  const std::uint64_t want = options.segment_bytes;
  if (bytes.fetch_add(want) + want > options.max_bytes) {
    bytes -= want;
    return refuse("spool_full", "its spool has reached max_bytes");
  }
  auto segment = std::make_shared<Segment>(options.directory, next_sequence_++, random_salt(), false);
  segment->chain = chain;
  if (!segment->create(want)) {
    bytes -= want;
    const int why = errno;
    const bool space = why == ENOSPC || why == EDQUOT || why == EFBIG;
    return refuse(space ? "spool_full" : "spool_io", fmt::format("no new spool segment: {}", std::strerror(why)));
  }
  ++segments;
  directory_dirty_ = true;
  const std::lock_guard lock(mutex_);
  fresh_.push_back(segment);
  live_.push_back(segment);
  return segment;
}

SegmentPtr SpoolCore::make_carry(std::uint64_t want) {
  auto segment = std::make_shared<Segment>(options.directory, next_sequence_++, random_salt(), true);
  if (!segment->create(want)) return nullptr;
  bytes += want;
  ++segments;
  directory_dirty_ = true;
  return segment;
}

void SpoolCore::remove(const SegmentPtr& segment) {
  ::unlink(segment->path().c_str());
  bytes -= segment->size;
  --segments;
  const std::lock_guard lock(mutex_);
  std::erase(live_, segment);
}

void SpoolCore::give_back(const SegmentPtr& segment, std::uint64_t old_size) { bytes -= old_size - segment->size; }

std::vector<SegmentPtr> SpoolCore::take_fresh() {
  const std::lock_guard lock(mutex_);
  return std::exchange(fresh_, {});
}

void SpoolCore::sync_all() {
  std::vector<SegmentPtr> all;
  {
    const std::lock_guard lock(mutex_);
    all = live_;
  }
  bool good = !directory_dirty_.exchange(false) || ::fsync(directory_fd_) == 0;
  for (const auto& segment : all) good &= segment->sync();
  if (good) return;
  ++io_errors;
  log_error("spool cannot be synced to disk", {{"reason", std::string_view(std::strerror(errno))}});
}

bool SpoolCore::full() const {
  // After a second without a new refusal it counts as free again, or a gateway that gets no traffic for being full
  // would stay full for ever.
  return steady_ns() - refused_at_ns_.load(std::memory_order_relaxed) < 4 * kAllocationRetryNs;
}

}  // namespace tollgate::billing
