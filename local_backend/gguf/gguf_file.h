// A GGUF file of version 2 or 3, mapped and checked whole before anything is used: a hostile file is an error with the
// place in it, never a crash. Format: the GGUF specification (ggml/docs/gguf.md). Thread rule: immutable after opening.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {

struct Tensor {
  std::string_view name;
  TensorType type = TensorType::f32;
  std::array<std::uint64_t, 4> dims{1, 1, 1, 1};  // dims[0] is contiguous
  std::span<const std::byte> data;                // checked to be tensor_bytes(type, elements()) long

  std::uint64_t columns() const { return dims[0]; }
  std::uint64_t rows() const { return dims[1] * dims[2] * dims[3]; }
  std::uint64_t elements() const { return columns() * rows(); }
};

// Hard limits; a file beyond them is refused. Together they bound the memory that reading a header can take.
struct GgufLimits {
  std::uint64_t max_string = 16u << 20;  // bytes of one string
  std::uint64_t max_array = 64u << 20;   // elements of one array
  std::uint64_t max_pairs = 64u << 10;   // metadata entries
  std::uint64_t max_tensors = 64u << 10;
  std::uint64_t max_alignment = 1u << 20;
};

class GgufFile {
 public:
  // Maps `path` read-only. Errors: status 400, code "bad_model_file", message "PATH: offset N: what is wrong".
  static Result<std::shared_ptr<const GgufFile>> open(const std::string& path, const GgufLimits& limits = {});
  // The same from memory, which must outlive the result; `name` stands in messages.
  static Result<std::shared_ptr<const GgufFile>> parse(std::span<const std::byte> bytes, const std::string& name,
                                                       const GgufLimits& limits = {});
  virtual ~GgufFile() = default;

  std::span<const Tensor> tensors() const { return tensors_; }
  const Tensor* tensor(std::string_view name) const;  // nullptr when absent

  // Metadata by key; nullopt when the key is absent or of another kind. Integers of any width and sign are converted
  // when they fit; numbers include integers.
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  // Arrays, as views into the file (strings) or converted copies (numbers; truth values as integers 0 and 1). Absent,
  // empty and with an element that does not fit look the same. Single numbers are finite, those of arrays need not be.
  std::vector<std::string_view> texts(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;

  struct Pair {
    std::string_view key;
    std::uint32_t type;  // of the format; for arrays the type of the elements
    bool array;
    std::uint64_t count;  // elements of an array, else 1
    std::span<const std::byte> value;
  };
  std::span<const Pair> pairs() const { return pairs_; }  // in the file's order
  const Pair* pair(std::string_view key) const;           // nullptr when absent

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }

 protected:
  GgufFile() = default;
  std::string name_;
  std::uint64_t size_ = 0;
  std::vector<Tensor> tensors_;
  std::vector<Pair> pairs_;
  std::vector<std::uint32_t> tensors_by_name_, pairs_by_key_;  // indices in the order of the names
};

}  // namespace tollgate::local
