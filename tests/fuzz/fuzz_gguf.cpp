// Any bytes as a GGUF file: what opens must answer every question about itself without leaving its bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "local_backend/gguf/gguf_file.h"

namespace {

using tollgate::local::GgufFile;
using tollgate::local::Tensor;

void require(bool holds) {
  if (!holds) std::abort();
}

void touch_pair(const GgufFile& file, const GgufFile::Pair& pair) {
  require(file.pair(pair.key) == &pair);
  std::size_t answers = 0;
  if (const auto text = file.text(pair.key)) {
    require(text->size() == pair.value.size());
    ++answers;
  }
  if (file.number(pair.key) || file.flag(pair.key)) ++answers;
  if (file.integer(pair.key)) require(file.number(pair.key).has_value());
  require(pair.array ? answers == 0 : answers == 1);
  const auto texts = file.texts(pair.key);
  std::size_t bytes = 0;
  for (const auto text : texts) bytes += 8 + text.size();
  require(texts.empty() || (texts.size() == pair.count && bytes == pair.value.size()));
  const auto integers = file.integers(pair.key);
  const auto numbers = file.numbers(pair.key);
  require(integers.empty() || integers.size() == pair.count);
  require(numbers.empty() || numbers.size() == pair.count);
}

void touch_tensor(const GgufFile& file, const Tensor& tensor, std::span<const std::byte> all) {
  require(file.tensor(tensor.name) == &tensor);
  require(tensor.data.size() == tensor_bytes(tensor.type, tensor.elements()));
  require(tensor.data.data() >= all.data() && tensor.data.data() + tensor.data.size() <= all.data() + all.size());
  std::vector<float> row(tensor.columns());
  const std::size_t row_bytes = tensor_bytes(tensor.type, row.size());
  const std::uint64_t rows = std::min<std::uint64_t>(tensor.rows(), 4);
  for (std::uint64_t i = 0; i < rows; ++i) {
    dequantize(tensor.type, tensor.data.data() + (tensor.rows() - 1 - i) * row_bytes, row.data(), row.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto opened = GgufFile::parse(bytes, "fuzz");
  if (!opened) {
    require(opened.error().code == "bad_model_file" && opened.error().message.starts_with("fuzz: offset "));
    return 0;
  }
  const GgufFile& file = **opened;
  for (const GgufFile::Pair& pair : file.pairs()) touch_pair(file, pair);
  for (const Tensor& tensor : file.tensors()) touch_tensor(file, tensor, bytes);
  return 0;
}
