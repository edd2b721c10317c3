// Weights in safetensors files: one file, or the shards that a folder's index names. Every length is checked before
// use. Format: https://huggingface.co/docs/safetensors (u64 length of a JSON header, the header, the data). Thread
// rule: immutable after opening.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/gguf/mapped_file.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {

struct SafeTensor {
  std::string dtype;                 // as the file says: "BF16"
  std::optional<TensorType> type;    // nullopt for those that are no weights for us (integers, 8-bit floats)
  std::vector<std::uint64_t> shape;  // the last one is contiguous; empty = one value; each at least 1
  std::span<const std::byte> data;   // shape's product times the size of the type
};

using SafeTensors = std::map<std::string, SafeTensor, std::less<>>;  // by name

// The tensors of one file in memory, which must outlive the result. Errors: those of model_file_error.h.
Result<SafeTensors> parse_safetensors(std::span<const std::byte> bytes, const std::string& name);

// model.safetensors of a folder, or the files that model.safetensors.index.json names.
class SafetensorsFolder {
 public:
  static Result<SafetensorsFolder> open(const std::string& folder);
  const SafeTensors& tensors() const { return tensors_; }

 private:
  std::vector<MappedFile> files_;
  SafeTensors tensors_;
};

}  // namespace tollgate::local
