#include "gateway/pull/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace tollgate::gateway::pull {
namespace {

Error io_failed(const std::string& file, const char* what, int code) {
  std::string message = file + ": cannot " + what + ": " + std::strerror(code);
  if (code == ENOSPC || code == EFBIG || code == EDQUOT)
    message += "; make room and say the same again, it goes on where it stopped";
  return Error{ErrorKind::client_fault, 500, "file_io", std::move(message), {}};
}

// A file's directory entry is on disk only when the directory is.
int sync_folder_of(const std::string& file) {
  std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (folder.empty()) folder = ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int code = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return code;
}

}  // namespace

Error PartFile::failed(const char* what, int code) const { return io_failed(part(), what, code); }

Result<PartFile> PartFile::open(const std::string& final_name) {
  const std::string part = final_name + ".part";
  const int fd = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return io_failed(part, "open", errno);
  PartFile file(final_name, fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    std::string message = part + " is being fetched by another process; wait for it, or name another --out";
    return Error{ErrorKind::client_fault, 409, "part_in_use", std::move(message), {}};
  }
  if (auto taken = file.take_up(); !taken) return std::move(taken).error();
  return file;
}

PartFile::PartFile(PartFile&& other) noexcept
    : final_name_(std::move(other.final_name_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      hashed_(other.hashed_),
      remote_(std::move(other.remote_)),
      sum_(std::move(other.sum_)) {}

PartFile::~PartFile() {
  if (fd_ >= 0) ::close(fd_);
}

// What an earlier run left. Bytes without the note of what they belong to are of no use.
Result<void> PartFile::take_up() {
  std::ifstream in(info());
  std::string total;
  if (std::getline(in, total) && std::getline(in, remote_.validator) && std::getline(in, remote_.sha256)) {
    remote_.total = std::strtoull(total.c_str(), nullptr, 10);
    struct stat status{};
    if (::fstat(fd_, &status) != 0) return failed("look at it", errno);
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (remote_.total == 0 || size_ <= remote_.total) return {};
  }
  return begin(Remote{});
}

bool PartFile::begins_like_gguf() const {
  char magic[4];
  return ::pread(fd_, magic, sizeof magic, 0) == 4 && std::memcmp(magic, "GGUF", 4) == 0;
}

Result<void> PartFile::begin(Remote remote) {
  if (::ftruncate(fd_, 0) != 0) return failed("empty it", errno);
  size_ = hashed_ = 0;
  sum_ = std::make_unique<Sha256Sum>();
  remote_ = std::move(remote);
  std::ofstream out(info(), std::ios::trunc);
  out << remote_.total << '\n' << remote_.validator << '\n' << remote_.sha256 << '\n' << std::flush;
  return out ? Result<void>{} : io_failed(info(), "write", errno);
}

Result<void> PartFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return failed("write", done == 0 ? ENOSPC : errno);
    const auto taken = static_cast<std::size_t>(done);
    if (hashed_ == size_) {
      sum_->add(bytes.substr(0, taken));
      hashed_ += taken;
    }
    size_ += taken;
    bytes.remove_prefix(taken);
  }
  return {};
}

Result<std::string> PartFile::sha256() {
  std::string block(1u << 20, '\0');
  while (hashed_ < size_) {
    const ssize_t got = ::pread(fd_, block.data(), block.size(), static_cast<off_t>(hashed_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failed("read", got == 0 ? EIO : errno);
    sum_->add({block.data(), static_cast<std::size_t>(got)});
    hashed_ += static_cast<std::uint64_t>(got);
  }
  hashed_ = 0;
  return hex(sum_->finish());
}

Result<void> PartFile::publish() {
  if (::fsync(fd_) != 0) return failed("bring it to the disk", errno);
  if (::rename(part().c_str(), final_name_.c_str()) != 0) return failed("give it its name", errno);
  ::unlink(info().c_str());
  if (const int code = sync_folder_of(final_name_); code != 0) return io_failed(final_name_, "sync its folder", code);
  return {};
}

void PartFile::discard() {
  ::unlink(part().c_str());
  ::unlink(info().c_str());
}

std::uint64_t PartFile::room() const {
  struct statvfs status{};
  if (::fstatvfs(fd_, &status) != 0) return ~std::uint64_t{0};
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace tollgate::gateway::pull
