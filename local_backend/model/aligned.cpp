#include "local_backend/model/aligned.h"

#include <sys/mman.h>

namespace tollgate::local {

Region::Region(std::size_t bytes) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return;
  data_ = static_cast<std::byte*>(data);
  size_ = bytes;
  ::madvise(data, bytes, MADV_HUGEPAGE);
}

Region::~Region() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace tollgate::local
