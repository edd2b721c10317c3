// A segment file: name, header, space on disk, positioned reads and writes. Owner: billing. Thread rule:
// spool_segment.h.
#include "billing/spool_segment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "billing/crc32c.h"

namespace tollgate::billing {
namespace {

constexpr char kMagic[8] = {'T', 'G', 'S', 'P', 'O', 'O', 'L', '1'};

// The header is for people and tools: the reader takes sequence and salt from the name, which no torn page can damage.
void make_header(const Segment& segment, char* out) {
  std::memset(out, 0, kSegmentHeaderBytes);
  std::memcpy(out, kMagic, 8);
  std::memcpy(out + 8, &segment.sequence, 8);
  std::memcpy(out + 16, &segment.salt, 4);
  const std::uint32_t crc = crc32c(0, out, 28);
  std::memcpy(out + 28, &crc, 4);
}

bool write_all(int fd, const char* data, std::size_t size, std::uint64_t offset) {
  while (size > 0) {
    const ssize_t n = ::pwrite(fd, data, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

}  // namespace

Segment::Segment(std::string directory, std::uint64_t sequence_number, std::uint32_t salt_value, bool is_carry)
    : sequence(sequence_number), salt(salt_value), carry(is_carry), directory_(std::move(directory)) {}

Segment::~Segment() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Segment::name() const { return fmt::format("{:016x}-{:08x}.{}", sequence, salt, carry ? "carry" : "seg"); }

bool Segment::create(std::uint64_t bytes) {
  fd_ = ::open(path().c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ < 0) return false;
  char header[kSegmentHeaderBytes];
  make_header(*this, header);
  if (fill(bytes) && write_all(fd_, header, sizeof header, 0)) return size = bytes, true;
  const int why = errno;
  ::unlink(path().c_str());
  ::close(fd_);
  fd_ = -1;
  errno = why;
  return false;
}

bool Segment::fill(std::uint64_t bytes) {
  int rc;
  do {
    rc = ::fallocate(fd_, 0, 0, static_cast<off_t>(bytes));
  } while (rc != 0 && errno == EINTR);
  if (rc == 0) return true;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return false;
  const std::string zeros(256u << 10, '\0');  // a file system without fallocate: take the blocks by writing them
  for (std::uint64_t at = 0; at < bytes; at += zeros.size())
    if (!write_all(fd_, zeros.data(), std::min<std::uint64_t>(zeros.size(), bytes - at), at)) return false;
  return true;
}

bool Segment::open_existing() {
  fd_ = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
  struct stat info{};
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) return false;
  size = static_cast<std::uint64_t>(info.st_size);
  end.store(std::max(size, kSegmentHeaderBytes), std::memory_order_relaxed);
  sealed.store(true, std::memory_order_relaxed);
  return true;
}

bool Segment::write_at(std::uint64_t offset, const char* data, std::size_t bytes) {
  return write_all(fd_, data, bytes, offset);
}

std::size_t Segment::read_at(std::uint64_t offset, char* data, std::size_t bytes) const {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t n = ::pread(fd_, data + done, bytes - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

bool Segment::sync() {
  const std::uint64_t at = end.load(std::memory_order_acquire);
  if (synced.load(std::memory_order_relaxed) == at) return true;
  if (::fdatasync(fd_) != 0) return false;
  synced.store(at, std::memory_order_relaxed);
  return true;
}

void Segment::truncate_to_end() {
  const std::uint64_t at = end.load(std::memory_order_relaxed);
  if (::ftruncate(fd_, static_cast<off_t>(at)) == 0) size = at;
}

void Segment::keep_damage(std::uint64_t begin, std::uint64_t stop) const {
  const int fd = ::open((path() + ".bad").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return;
  char block[4096];
  while (begin < stop) {
    const std::size_t n = read_at(begin, block, std::min<std::uint64_t>(sizeof block, stop - begin));
    if (n == 0 || !write_all(fd, block, n, begin)) break;
    begin += n;
  }
  ::close(fd);
}

}  // namespace tollgate::billing
