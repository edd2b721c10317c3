// A whole file in the address space, read-only. Thread rule: immutable after opening.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "core/result.h"

namespace tollgate::local {

class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  // Regular files with something in them only. A file that is cut while it is mapped kills the process: model files are
  // replaced by renaming, never written in place. Errors: those of model_file_error.h.
  static Result<MappedFile> open(const std::string& path);

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), data_ ? size_ : 0}; }

 private:
  MappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tollgate::local
