#include "many_heads.h"

#include <cmath>
#include <map>
#include <random>

#include "../model/wide_heads.h"

namespace tollgate::local {
namespace {

constexpr std::uint64_t kHeads = 8, kKvHeads = 4, kDim = 64, kFfn = 160;

bool named(const TinyTensor& tensor, const char* part) { return tensor.name.find(part) != std::string::npos; }

// What one of the tensor's dimensions becomes.
void reshape(TinyTensor& tensor) {
  const bool matrix = tensor.dims.size() > 1;
  if (named(tensor, ".attn_q.")) tensor.dims[matrix ? 1 : 0] = kHeads * kDim;
  if (named(tensor, ".attn_k.") || named(tensor, ".attn_v.")) tensor.dims[matrix ? 1 : 0] = kKvHeads * kDim;
  if (named(tensor, ".attn_qkv.")) tensor.dims[1] = (kHeads + 2 * kKvHeads) * kDim;
  if (named(tensor, ".attn_output.")) tensor.dims[0] = kHeads * kDim;
  if (!matrix || named(tensor, "_inp") || named(tensor, "norm")) return;
  const std::uint64_t rows = tensor.dims[1];
  if (named(tensor, ".ffn_gate") || named(tensor, ".ffn_up"))
    tensor.dims[1] = named(tensor, ".ffn_up.") && rows == 192 ? 2 * kFfn : kFfn;
  if (named(tensor, ".ffn_down")) tensor.dims[0] = kFfn;
}

}  // namespace

TinyModel with_many_heads(const std::string& family) {
  TinyModel model = with_wide_heads(TinyModel::load(family));
  std::mt19937 random(static_cast<unsigned>(family.size()));
  for (TinyTensor& tensor : model.tensors) {
    const bool vector = tensor.dims.size() == 1;
    if (vector && !named(tensor, "bias")) continue;
    reshape(tensor);
    std::size_t count = 1;
    for (const std::uint64_t dim : tensor.dims) count *= dim;
    const float columns = vector ? 4.0f : static_cast<float>(tensor.dims[0]);
    std::normal_distribution<float> normal(0, 1 / std::sqrt(columns));
    tensor.values.resize(count);
    for (float& value : tensor.values) value = normal(random);
  }
  // Biases that follow the sums over devices, which count once.
  if (family == "llama") {
    std::normal_distribution<float> normal(0, 0.5f);
    for (const char* name : {"blk.0.attn_output.bias", "blk.1.ffn_down.bias"}) {
      TinyTensor& bias = model.tensors.emplace_back(TinyTensor{name, {64}, std::vector<float>(64)});
      for (float& value : bias.values) value = normal(random);
    }
  }
  const std::map<std::string, std::uint64_t> sizes{{"attention.head_count", kHeads},
                                                   {"attention.head_count_kv", kKvHeads},
                                                   {"feed_forward_length", kFfn},
                                                   {"expert_feed_forward_length", kFfn},
                                                   {"expert_shared_feed_forward_length", kFfn}};
  const std::string prefix = model.field("general.architecture").value + ".";
  for (TinyField& field : model.fields) {
    if (!field.key.starts_with(prefix)) continue;
    const auto size = sizes.find(field.key.substr(prefix.size()));
    if (size != sizes.end()) field.value = std::to_string(size->second);
  }
  return model;
}

}  // namespace tollgate::local
