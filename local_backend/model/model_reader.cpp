#include "local_backend/model/model_reader.h"

#include <algorithm>
#include <cmath>

namespace tollgate::local {
namespace {

std::string shape_text(const Tensor& tensor) {
  std::string text;
  for (const std::uint64_t size : tensor.dims) text += (text.empty() ? "[" : ", ") + std::to_string(size);
  return text + "]";
}

}  // namespace

MatrixView MatrixView::slice(std::size_t first, std::size_t count) const {
  return {type, data + first * tensor_bytes(type, columns), count, columns};
}

ModelReader::ModelReader(const GgufFile& file) : file_(&file) {
  const auto name = file.text("general.architecture");
  if (name)
    architecture_ = *name;
  else
    fail("bad_model_file", "general.architecture is missing");
}

std::int64_t ModelReader::integer(std::string_view key, std::int64_t low, std::int64_t high,
                                  std::optional<std::int64_t> fallback) {
  const std::string full = architecture_ + "." + std::string(key);
  std::optional<std::int64_t> value = file_->integer(full);
  if (!value) {
    // Some files give one value per layer; the engine takes those where all are the same.
    for (const std::int64_t each : file_->integers(full)) {
      if (value && *value != each) return fail("unsupported_model", full + " differs between layers"), low;
      value = each;
    }
  }
  if (!value && fallback) return *fallback;
  if (!value) return fail("bad_model_file", full + " is missing or no integer"), low;
  if (*value < low || *value > high)
    return fail("bad_model_file", full + " is " + std::to_string(*value) + ", not within " + std::to_string(low) +
                                      " and " + std::to_string(high)),
           low;
  return *value;
}

float ModelReader::number(std::string_view key, double low, double high, std::optional<double> fallback) {
  const std::string full = architecture_ + "." + std::string(key);
  const std::optional<double> value = file_->number(full);
  if (!value && fallback) return static_cast<float>(*fallback);
  if (value && *value >= low && *value <= high) return static_cast<float>(*value);
  fail("bad_model_file", full + (value ? " is out of range" : " is missing or no number"));
  return static_cast<float>(low);
}

std::optional<std::string_view> ModelReader::text(std::string_view key) const {
  return file_->text(architecture_ + "." + std::string(key));
}

bool ModelReader::has(std::string_view key) const {
  return file_->number(architecture_ + "." + std::string(key)).has_value();
}

MatrixView ModelReader::matrix(const std::string& name, std::size_t columns, std::size_t rows, std::size_t depth) {
  const Tensor* tensor = file_->tensor(name);
  if (tensor == nullptr) return fail("bad_model_file", "tensor " + name + " is missing"), MatrixView{};
  const auto& dims = tensor->dims;
  if (dims[0] != columns || dims[1] != rows || dims[2] != depth || dims[3] != 1)
    return fail("bad_model_file", "tensor " + name + " has the shape " + shape_text(*tensor) + ", not [" +
                                      std::to_string(columns) + ", " + std::to_string(rows) + ", " +
                                      std::to_string(depth) + ", 1]"),
           MatrixView{};
  return {tensor->type, tensor->data.data(), rows * depth, columns};
}

std::size_t ModelReader::vocabulary() {
  const Tensor* embedding = file_->tensor("token_embd.weight");
  if (embedding == nullptr) return fail("bad_model_file", "tensor token_embd.weight is missing"), 0;
  if (embedding->dims[1] > ModelBounds::kVocabulary)
    return fail("unsupported_model", "a vocabulary of more than 16 million"), 0;
  return embedding->dims[1];
}

std::vector<float> ModelReader::floats(const std::string& name, const MatrixView& row) {
  std::vector<float> values(row.columns);
  dequantize(row.type, row.data, values.data(), values.size());
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); }))
    fail("bad_model_file", "tensor " + name + " has a value that is no number");
  return values;
}

std::vector<float> ModelReader::vector(const std::string& name, std::size_t size) {
  const MatrixView view = matrix(name, size, 1);
  return view.rows == 1 ? floats(name, view) : std::vector<float>();
}

std::vector<float> ModelReader::first_row(const std::string& name, std::size_t columns) {
  const Tensor* tensor = file_->tensor(name);
  const MatrixView view = matrix(name, columns, tensor ? tensor->dims[1] : 1);
  return view.rows > 0 ? floats(name, view.slice(0, 1)) : std::vector<float>();
}

std::vector<float> ModelReader::optional_vector(const std::string& name, std::size_t size) {
  return has_tensor(name) ? vector(name, size) : std::vector<float>();
}

void ModelReader::fail(std::string_view code, const std::string& what) {
  if (!error_) error_ = Error{ErrorKind::client_fault, 400, std::string(code), file_->name() + ": " + what};
}

}  // namespace tollgate::local
