// Where packed matrices lie: one after the other in large slabs of huge pages. A decode step reads every weight once,
// and with small pages looking up their addresses costs as much as the reading. Thread rule: one thread packs.
#pragma once

#include <cstddef>
#include <memory>

namespace tollgate::local {

class WeightMemory {
 public:
  // `bytes` of uninitialised memory, 64-byte aligned. A slab is freed with the last matrix in it, which may outlive
  // this object. Throws std::bad_alloc.
  std::shared_ptr<std::byte> take(std::size_t bytes);

 private:
  std::shared_ptr<std::byte> slab_;
  std::size_t size_ = 0, used_ = 0;
};

}  // namespace tollgate::local
