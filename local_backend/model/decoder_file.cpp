#include "local_backend/model/decoder_file.h"

#include <utility>

namespace tollgate::local {
namespace {

using View = MatrixView;

// Names of the tensors of one layer: "blk.3." + name.
class LayerReader {
 public:
  LayerReader(ModelReader& reader, const DecoderConfig& config, int layer)
      : reader_(reader), config_(config), prefix_("blk." + std::to_string(layer) + ".") {}

  DecoderLayer<View> read() {
    DecoderLayer<View> layer;
    read_norms(layer);
    read_attention(layer);
    if (config_.experts > 0)
      read_experts(layer);
    else
      layer.ffn = read_ffn();
    return layer;
  }

 private:
  std::size_t width() const { return static_cast<std::size_t>(config_.width); }
  std::size_t head_dim() const { return static_cast<std::size_t>(config_.head_dim); }
  std::size_t query_rows() const { return head_dim() * static_cast<std::size_t>(config_.heads); }
  std::size_t kv_rows() const { return head_dim() * static_cast<std::size_t>(config_.kv_heads); }

  Linear<View> linear(const std::string& name, std::size_t columns, std::size_t rows) {
    return {reader_.matrix(prefix_ + name + ".weight", columns, rows),
            reader_.optional_vector(prefix_ + name + ".bias", rows)};
  }

  void read_norms(DecoderLayer<View>& layer) {
    const Architecture& family = *config_.family;
    layer.attention_norm = reader_.vector(prefix_ + "attn_norm.weight", width());
    layer.ffn_norm = reader_.vector(prefix_ + "ffn_norm.weight", width());
    if (family.post_norms) {
      layer.attention_post_norm = reader_.vector(prefix_ + "post_attention_norm.weight", width());
      layer.ffn_post_norm = reader_.vector(prefix_ + "post_ffw_norm.weight", width());
    }
    if (family.head_norms) {
      layer.q_norm = reader_.vector(prefix_ + "attn_q_norm.weight", head_dim());
      layer.k_norm = reader_.vector(prefix_ + "attn_k_norm.weight", head_dim());
    }
  }

  void read_attention(DecoderLayer<View>& layer) {
    if (reader_.has_tensor(prefix_ + "attn_qkv.weight")) {
      const Linear<View> fused = linear("attn_qkv", width(), query_rows() + 2 * kv_rows());
      if (reader_.failed()) return;
      layer.q = part(fused, 0, query_rows());
      layer.k = part(fused, query_rows(), kv_rows());
      layer.v = part(fused, query_rows() + kv_rows(), kv_rows());
    } else {
      layer.q = linear("attn_q", width(), query_rows());
      layer.k = linear("attn_k", width(), kv_rows());
      layer.v = linear("attn_v", width(), kv_rows());
    }
    layer.output = linear("attn_output", query_rows(), width());
    if (config_.family->qkv_bias && (layer.q.bias.empty() || layer.k.bias.empty() || layer.v.bias.empty()))
      reader_.fail("bad_model_file", "tensor " + prefix_ + "attn_q.bias or one of its kin is missing");
  }

  GatedFfn<View> read_ffn() {
    const auto ffn = static_cast<std::size_t>(config_.ffn);
    GatedFfn<View> result;
    if (reader_.has_tensor(prefix_ + "ffn_gate.weight")) {
      result.gate = linear("ffn_gate", width(), ffn);
      result.up = linear("ffn_up", width(), ffn);
    } else {
      const Linear<View> fused = linear("ffn_up", width(), 2 * ffn);
      if (reader_.failed()) return result;
      result.gate = part(fused, 0, ffn);
      result.up = part(fused, ffn, ffn);
    }
    result.down = linear("ffn_down", ffn, width());
    return result;
  }

  void read_experts(DecoderLayer<View>& layer) {
    const auto experts = static_cast<std::size_t>(config_.experts);
    const auto ffn = static_cast<std::size_t>(config_.expert_ffn);
    layer.router = reader_.matrix(prefix_ + "ffn_gate_inp.weight", width(), experts);
    const View gate = reader_.matrix(prefix_ + "ffn_gate_exps.weight", width(), ffn, experts);
    const View up = reader_.matrix(prefix_ + "ffn_up_exps.weight", width(), ffn, experts);
    const View down = reader_.matrix(prefix_ + "ffn_down_exps.weight", ffn, width(), experts);
    if (reader_.failed()) return;
    for (std::size_t i = 0; i < experts; ++i)
      layer.experts.push_back({.gate = {gate.slice(i * ffn, ffn), {}},
                               .up = {up.slice(i * ffn, ffn), {}},
                               .down = {down.slice(i * width(), width()), {}}});
    if (config_.shared_expert_ffn > 0) read_shared_expert(layer);
  }

  void read_shared_expert(DecoderLayer<View>& layer) {
    const auto ffn = static_cast<std::size_t>(config_.shared_expert_ffn);
    layer.shared_router = reader_.matrix(prefix_ + "ffn_gate_inp_shexp.weight", width(), 1);
    layer.shared_expert.gate = linear("ffn_gate_shexp", width(), ffn);
    layer.shared_expert.up = linear("ffn_up_shexp", width(), ffn);
    layer.shared_expert.down = linear("ffn_down_shexp", ffn, width());
  }

  static Linear<View> part(const Linear<View>& fused, std::size_t first, std::size_t rows) {
    Linear<View> result{fused.weight.slice(first, rows), {}};
    if (!fused.bias.empty()) {
      const auto from = fused.bias.begin() + static_cast<std::ptrdiff_t>(first);
      result.bias.assign(from, from + static_cast<std::ptrdiff_t>(rows));
    }
    return result;
  }

  ModelReader& reader_;
  const DecoderConfig& config_;
  std::string prefix_;
};

}  // namespace

Result<DecoderFile> read_decoder(const GgufFile& file) {
  ModelReader reader(file);
  DecoderFile model;
  model.config = read_decoder_config(reader);
  if (reader.failed()) return reader.error();
  const auto width = static_cast<std::size_t>(model.config.width);
  model.weights.embedding = reader.matrix("token_embd.weight", width, model.config.vocabulary);
  if (reader.has_tensor("output.weight"))
    model.weights.head = reader.matrix("output.weight", width, model.config.vocabulary);
  model.weights.output_norm = reader.vector("output_norm.weight", width);
  for (int i = 0; i < model.config.layers && !reader.failed(); ++i)
    model.weights.layers.push_back(LayerReader(reader, model.config, i).read());
  if (reader.failed()) return reader.error();
  return model;
}

}  // namespace tollgate::local
