// Reads hyperparameters and tensors of a model file, checks each against its bounds or shape, and keeps the first thing
// that is wrong; after an error it goes on with harmless values. Inside model/ only. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/gguf/gguf_file.h"

namespace tollgate::local {

// Rows of a matrix inside the file.
struct MatrixView {
  TensorType type = TensorType::f32;
  const std::byte* data = nullptr;
  std::size_t rows = 0, columns = 0;

  MatrixView slice(std::size_t first, std::size_t count) const;  // REQUIRES: first + count <= rows
};

// Bounds of what is believed; they keep every later product of sizes far from overflow.
struct ModelBounds {
  static constexpr std::int64_t kLayers = 1024, kWidth = 1 << 17, kHeads = 1024, kHeadDim = 512, kFfn = 1 << 20;
  static constexpr std::int64_t kVocabulary = 1 << 24, kContext = 1 << 30, kExperts = 1024;
};

class ModelReader {
 public:
  explicit ModelReader(const GgufFile& file);

  const std::string& architecture() const { return architecture_; }
  const GgufFile& file() const { return *file_; }

  // `key` without the architecture's name in front. Values outside [low, high] are errors; so is absence where no
  // `fallback` is given.
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> fallback = std::nullopt);
  float number(std::string_view key, double low, double high, std::optional<double> fallback = std::nullopt);
  std::optional<std::string_view> text(std::string_view key) const;
  bool has(std::string_view key) const;

  // Rows of the token embeddings.
  std::size_t vocabulary();

  bool has_tensor(const std::string& name) const { return file_->tensor(name) != nullptr; }
  // Errors: absent or of another shape. `depth`: of tensors that stack matrices; its rows are then rows * depth.
  MatrixView matrix(const std::string& name, std::size_t columns, std::size_t rows, std::size_t depth = 1);
  // As floats; all must be finite.
  std::vector<float> vector(const std::string& name, std::size_t size);
  // The same of a matrix's first row.
  std::vector<float> first_row(const std::string& name, std::size_t columns);
  // Empty where absent.
  std::vector<float> optional_vector(const std::string& name, std::size_t size);

  void fail(std::string_view code, const std::string& what);
  bool failed() const { return error_.has_value(); }
  Error error() const { return *error_; }  // REQUIRES: failed()

 private:
  std::vector<float> floats(const std::string& name, const MatrixView& row);

  const GgufFile* file_;
  std::string architecture_;
  std::optional<Error> error_;
};

}  // namespace tollgate::local
