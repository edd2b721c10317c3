#include "local_backend/kernels/weight_memory.h"

#include <algorithm>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tollgate::local {
namespace {

constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;
// Pages that nobody touches cost nothing, so a slab may be larger than a small model.
constexpr std::size_t kSlab = std::size_t{64} << 20;

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::shared_ptr<std::byte> new_slab(std::size_t bytes) {
  constexpr std::align_val_t kAlign{kHugePage};
  auto* data = static_cast<std::byte*>(::operator new(bytes, kAlign));
#if defined(__linux__)
  ::madvise(data, bytes, MADV_HUGEPAGE);  // a wish: without it everything works, only slower
#endif
  return {data, [](std::byte* p) { ::operator delete(p, std::align_val_t{kHugePage}); }};
}

}  // namespace

std::shared_ptr<std::byte> WeightMemory::take(std::size_t bytes) {
  const std::size_t needed = rounded(bytes, kLine);
  if (needed > size_ - used_) {
    const std::size_t size = rounded(std::max(needed, kSlab), kHugePage);
    slab_ = new_slab(size);
    size_ = size, used_ = 0;
  }
  std::shared_ptr<std::byte> out(slab_, slab_.get() + used_);
  used_ += needed;
  return out;
}

}  // namespace tollgate::local
