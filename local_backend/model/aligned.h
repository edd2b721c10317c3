// Memory of the engine's own shape: vectors that kernels may read with aligned loads, and large zeroed regions whose
// pages come when they are first touched. Thread rule: plain values.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace tollgate::local {

inline constexpr std::size_t kAlignment = 64;  // a cache line, and the widest vector register

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(kAlignment))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(kAlignment)); }
  bool operator==(const AlignedAllocator&) const { return true; }
};

using Floats = std::vector<float, AlignedAllocator<float>>;
using Bytes = std::vector<std::byte, AlignedAllocator<std::byte>>;

// Anonymous memory of the system, zeroed, in huge pages where it can.
class Region {
 public:
  Region() = default;
  explicit Region(std::size_t bytes);  // empty when the system has none to give
  ~Region();
  Region(Region&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Region& operator=(Region&& other) noexcept {
    std::swap(data_, other.data_), std::swap(size_, other.size_);
    return *this;
  }
  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tollgate::local
