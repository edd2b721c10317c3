// Writes a GGUF model of a real one's shape with random weights, as fast as the disk takes it: for checks and speed,
// not for answers. It has no vocabulary. usage: random_model OUT mini|tiny|1b|8b q8_0|q4_0|q4_k|f16
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {
namespace {

struct Shape {
  std::string_view name;
  std::uint32_t width, ffn, layers, heads, kv_heads, dim, vocabulary, context;
};
constexpr Shape kShapes[] = {
    {"mini", 128, 192, 2, 2, 1, 64, 512, 2048},
    {"tiny", 256, 768, 4, 4, 2, 64, 4096, 8192},
    {"1b", 2048, 8192, 16, 32, 8, 64, 128256, 131072},
    {"8b", 4096, 14336, 32, 32, 8, 128, 128256, 131072},
};

constexpr std::size_t kPatternBlocks = 40009;  // a prime, so that rows of any length begin elsewhere in it

struct Tensor {
  std::string name;
  std::uint64_t columns, rows;  // rows 0: a vector
};

std::vector<Tensor> tensors_of(const Shape& shape) {
  const std::uint64_t width = shape.width, q = std::uint64_t{shape.heads} * shape.dim,
                      kv = std::uint64_t{shape.kv_heads} * shape.dim;
  std::vector<Tensor> all{{"token_embd.weight", width, shape.vocabulary},
                          {"output_norm.weight", width, 0},
                          {"output.weight", width, shape.vocabulary}};
  for (std::uint32_t i = 0; i < shape.layers; ++i) {
    const std::string at = "blk." + std::to_string(i) + ".";
    for (const Tensor& tensor : {Tensor{"attn_norm", width, 0},
                                 {"attn_q", width, q},
                                 {"attn_k", width, kv},
                                 {"attn_v", width, kv},
                                 {"attn_output", q, width},
                                 {"ffn_norm", width, 0},
                                 {"ffn_gate", width, shape.ffn},
                                 {"ffn_up", width, shape.ffn},
                                 {"ffn_down", shape.ffn, width}})
      all.push_back({at + tensor.name + ".weight", tensor.columns, tensor.rows});
  }
  return all;
}

// Blocks of `type` that stand for normally distributed numbers of that deviation.
std::vector<std::byte> pattern(TensorType type, float deviation, std::mt19937& random) {
  const TensorTypeInfo& info = *tensor_type_info(type);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(info.elements * std::max<std::size_t>(kPatternBlocks / info.elements, 1));
  for (float& value : values) value = normal(random);
  std::vector<std::byte> blocks(tensor_bytes(type, values.size()));
  if (!quantize(type, values.data(), blocks.data(), values.size())) blocks.clear();
  return blocks;
}

Result<void> write_matrix(GgufWriter& writer, std::span<const std::byte> blocks, std::size_t bytes,
                          std::size_t block_bytes, std::mt19937& random) {
  while (bytes > 0) {
    const std::size_t first = random() % (blocks.size() / block_bytes) * block_bytes;
    const std::size_t count = std::min(bytes, blocks.size() - first);
    if (auto done = writer.write(blocks.subspan(first, count)); !done) return done;
    bytes -= count;
  }
  return {};
}

void describe(GgufWriter& writer, const Shape& shape) {
  writer.add_text("general.architecture", "llama");
  writer.add_text("general.name", "random " + std::string(shape.name));
  writer.add_u32("llama.context_length", shape.context);
  writer.add_u32("llama.embedding_length", shape.width);
  writer.add_u32("llama.block_count", shape.layers);
  writer.add_u32("llama.feed_forward_length", shape.ffn);
  writer.add_u32("llama.attention.head_count", shape.heads);
  writer.add_u32("llama.attention.head_count_kv", shape.kv_heads);
  writer.add_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  writer.add_f32("llama.rope.freq_base", 500000.0f);
  writer.add_u32("llama.rope.dimension_count", shape.dim);
  writer.add_u32("llama.vocab_size", shape.vocabulary);
  writer.add_text("tokenizer.ggml.model", "no_vocab");
}

Result<void> write_model(const std::string& path, const Shape& shape, TensorType type) {
  GgufWriter writer(path);
  describe(writer, shape);
  const std::vector<Tensor> tensors = tensors_of(shape);
  for (const Tensor& tensor : tensors)
    writer.add_tensor(tensor.name, tensor.rows == 0 ? TensorType::f32 : type,
                      {tensor.columns, std::max<std::uint64_t>(tensor.rows, 1), 1, 1});
  if (auto done = writer.begin(); !done) return done;
  std::mt19937 random(1);
  // Sums over a row keep their size from layer to layer.
  for (const Tensor& tensor : tensors) {
    Result<void> done;
    if (tensor.rows == 0) {
      const std::vector<float> ones(tensor.columns, 1.0f);
      done = writer.write(std::as_bytes(std::span(ones)));
    } else {
      const auto blocks = pattern(type, 0.8f / std::sqrt(static_cast<float>(tensor.columns)), random);
      done = write_matrix(writer, blocks, tensor_bytes(type, tensor.columns * tensor.rows),
                          tensor_type_info(type)->bytes, random);
    }
    if (!done) return done;
  }
  return writer.finish();
}

int run(int argc, char** argv) {
  const Shape* shape = nullptr;
  for (const Shape& one : kShapes)
    if (argc == 4 && one.name == argv[2]) shape = &one;
  const TensorTypeInfo* type = argc == 4 ? tensor_type_info(argv[3]) : nullptr;
  if (shape == nullptr || type == nullptr) {
    std::fprintf(stderr, "usage: random_model OUT mini|tiny|1b|8b q8_0|q4_0|q4_k|f16\n");
    return 2;
  }
  const auto done = write_model(argv[1], *shape, type->type);
  if (!done) std::fprintf(stderr, "random_model: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}

}  // namespace
}  // namespace tollgate::local

int main(int argc, char** argv) { return tollgate::local::run(argc, argv); }
