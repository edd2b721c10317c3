// GGUF bytes by hand: every field can be made wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/gguf/gguf_file.h"

namespace tollgate::local {

class GgufBytes {
 public:
  template <class T>
  GgufBytes& put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  GgufBytes& text(std::string_view value);
  GgufBytes& head(std::uint64_t tensors, std::uint64_t pairs, std::uint32_t version = 3);
  template <class T>
  GgufBytes& pair(std::string_view key, std::uint32_t type, T value) {
    return text(key).put(type).put(value);
  }
  GgufBytes& pair(std::string_view key, std::string_view value);
  GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& dims, TensorType type,
                    std::uint64_t offset);
  GgufBytes& pad(std::size_t alignment = 32);
  GgufBytes& zeros(std::size_t count);

  std::size_t size() const { return bytes_.size(); }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }
  Result<std::shared_ptr<const GgufFile>> parse(const GgufLimits& limits = {}) const;
  std::string problem(const GgufLimits& limits = {}) const;  // the message, empty when the file is good

 private:
  std::string bytes_;
};

}  // namespace tollgate::local
