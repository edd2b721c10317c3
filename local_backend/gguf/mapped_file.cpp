#include "local_backend/gguf/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

Error trouble(const std::string& path, std::string_view step, int code) {
  return bad_model_file(path, 0, std::string(step) + ": " + std::generic_category().message(code));
}

}  // namespace

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  // Without O_NONBLOCK the opening of a pipe would wait for its other end.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return trouble(path, "cannot open the file", errno);
  struct ::stat status{};
  const bool known = ::fstat(file, &status) == 0;
  void* data = nullptr;
  int problem = known ? 0 : errno;
  const bool plain = known && S_ISREG(status.st_mode) && status.st_size > 0;
  if (plain) {
    data = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, file, 0);
    if (data == MAP_FAILED) problem = errno;
  }
  ::close(file);
  if (problem != 0) return trouble(path, "cannot map the file", problem);
  if (!plain) return bad_model_file(path, 0, "not a regular file, or an empty one");
  return MappedFile(data, static_cast<std::size_t>(status.st_size));
}

}  // namespace tollgate::local
