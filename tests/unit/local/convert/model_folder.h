// A folder under the system's temporary one, with the files of a tiny published model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/convert/json.h"

namespace tollgate::local {

struct TinyTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::string dtype = "F32";
};

class ModelFolderFiles {
 public:
  ModelFolderFiles();
  ~ModelFolderFiles();
  ModelFolderFiles(const ModelFolderFiles&) = delete;
  ModelFolderFiles& operator=(const ModelFolderFiles&) = delete;

  std::string path(std::string_view name = {}) const;
  void write(std::string_view name, std::string_view text) const;
  // Element i of a tensor is i; in BF16 and F16 it is 1.
  void write_safetensors(std::string_view name, const std::vector<TinyTensor>& tensors) const;

  // 2 layers, width 8, 2 heads of 4, 1 KV head, ffn 6, 10 tokens.
  static Json tiny_config(std::string_view model_type);
  static std::vector<TinyTensor> tiny_tensors(bool with_bias);
  static Json byte_level_tokenizer();
  static Json pieces_tokenizer();
  // config.json, tokenizer.json and model.safetensors of the given type.
  void write_model(std::string_view model_type) const;

 private:
  std::filesystem::path folder_;
};

// The bytes of a safetensors file with this header.
std::string safetensors_bytes(const std::string& header, std::string_view data);

}  // namespace tollgate::local
