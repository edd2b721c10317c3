// A decoder's numbers from the metadata of its file, checked against each other.
#include <cmath>

#include "local_backend/gguf/model_file_error.h"
#include "local_backend/model/decoder_file.h"

namespace tollgate::local {
namespace {

using Bounds = ModelBounds;

int as_int(std::int64_t value) { return static_cast<int>(value); }

void read_sizes(ModelReader& reader, DecoderConfig& config) {
  config.layers = as_int(reader.integer("block_count", 1, Bounds::kLayers));
  config.width = as_int(reader.integer("embedding_length", 1, Bounds::kWidth));
  config.heads = as_int(reader.integer("attention.head_count", 1, Bounds::kHeads));
  config.kv_heads = as_int(reader.integer("attention.head_count_kv", 1, Bounds::kHeads, config.heads));
  config.context = static_cast<std::size_t>(reader.integer("context_length", 1, Bounds::kContext));
  const std::int64_t share = config.width / config.heads;
  config.head_dim = as_int(reader.integer("attention.key_length", 2, Bounds::kHeadDim, share));
  const std::int64_t value_dim = reader.integer("attention.value_length", 2, Bounds::kHeadDim, config.head_dim);
  if (config.head_dim < 2 || config.head_dim > Bounds::kHeadDim)
    reader.fail("unsupported_model", "heads of " + std::to_string(config.head_dim) + " values");
  if (value_dim != config.head_dim) reader.fail("unsupported_model", "keys and values of different length");
  if (config.heads % config.kv_heads != 0)
    reader.fail("bad_model_file", "attention.head_count is no multiple of attention.head_count_kv");
  config.vocabulary = reader.vocabulary();
}

void read_experts(ModelReader& reader, DecoderConfig& config) {
  config.experts = as_int(reader.integer("expert_count", 0, Bounds::kExperts, 0));
  if (config.experts == 0) return;
  config.experts_used = as_int(reader.integer("expert_used_count", 1, config.experts));
  // Files tell the width of an expert by one of several keys; the tensor has the last word.
  if (const Tensor* gate = reader.file().tensor("blk.0.ffn_gate_exps.weight"); gate && gate->dims[1] <= Bounds::kFfn)
    config.expert_ffn = as_int(static_cast<std::int64_t>(gate->dims[1]));
  if (const Tensor* gate = reader.file().tensor("blk.0.ffn_gate_shexp.weight"); gate && gate->dims[1] <= Bounds::kFfn)
    config.shared_expert_ffn = as_int(static_cast<std::int64_t>(gate->dims[1]));
  config.expert_scale = reader.number("expert_weights_scale", 0, 1e3, 1.0);
  if (config.expert_scale == 0) config.expert_scale = 1;  // some files write 0 for "none"
  config.normalises_experts = config.family->normalises_experts;
  const auto told = reader.file().flag(config.architecture + ".expert_weights_norm");
  if (told) config.normalises_experts = *told;
}

void read_attention(ModelReader& reader, DecoderConfig& config) {
  const Architecture& family = *config.family;
  const bool by_width = config.layers == family.width_scaled_layers;
  const double scaled_dim = by_width ? config.width / config.heads : config.head_dim;
  config.attention_scale = reader.number("attention.scale", 0, 1e3, 1 / std::sqrt(scaled_dim));
  config.attention_softcap = reader.number("attn_logit_softcapping", 0, 1e6, family.default_attention_softcap);
  config.logit_softcap = reader.number("final_logit_softcapping", 0, 1e6, family.default_logit_softcap);
  if (family.window_period > 0)
    config.window = as_int(reader.integer("attention.sliding_window", 0, Bounds::kContext, family.default_window));
}

void read_ropes(ModelReader& reader, DecoderConfig& config) {
  const Architecture& family = *config.family;
  config.rope_dims = as_int(reader.integer("rope.dimension_count", 2, Bounds::kHeadDim, config.head_dim));
  if (config.rope_dims > config.head_dim || config.rope_dims % 2 != 0)
    reader.fail("bad_model_file", "rope.dimension_count is odd or larger than a head");
  config.rope_base = reader.number("rope.freq_base", 1.0, 1e12, 10000.0);
  config.rope = read_rope(reader, config.rope_dims, config.rope_base, static_cast<std::int64_t>(config.context));
  if (family.local_rope_base == 0) return;
  const float base = reader.number("rope.freq_base_swa", 1.0, 1e12, family.local_rope_base);
  config.local_rope = plain_rope(config.rope_dims, base);
}

}  // namespace

int DecoderConfig::layer_window(int layer) const {
  const int period = family->window_period;
  if (period == 0) return 0;
  return period == 1 || layer % period != period - 1 ? window : 0;
}

DecoderConfig read_decoder_config(ModelReader& reader) {
  DecoderConfig config;
  config.architecture = reader.architecture();
  config.name = reader.file().text("general.name").value_or("");
  config.family = find_architecture(config.architecture);
  if (config.family == nullptr) {
    reader.fail("unsupported_model", "general.architecture " + quoted_text(config.architecture) + " is not known");
    return config;
  }
  read_sizes(reader, config);
  config.norm_eps = reader.number("attention.layer_norm_rms_epsilon", 0, 1, 1e-5);
  read_experts(reader, config);
  if (config.experts == 0) config.ffn = as_int(reader.integer("feed_forward_length", 1, Bounds::kFfn));
  if (reader.failed()) return config;
  read_attention(reader, config);
  read_ropes(reader, config);
  if (config.family->scales_input) config.input_scale = std::sqrt(static_cast<float>(config.width));
  return config;
}

}  // namespace tollgate::local
