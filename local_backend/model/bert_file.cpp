#include "local_backend/model/bert_file.h"

#include <utility>

namespace tollgate::local {
namespace {

LayerNormWeights read_norm(ModelReader& reader, const std::string& name, std::size_t width) {
  return {reader.vector(name + ".weight", width), reader.vector(name + ".bias", width)};
}

Linear<MatrixView> read_linear(ModelReader& reader, const std::string& name, std::size_t columns, std::size_t rows) {
  return {reader.matrix(name + ".weight", columns, rows), reader.optional_vector(name + ".bias", rows)};
}

BertLayer<MatrixView> read_layer(ModelReader& reader, const std::string& prefix, std::size_t width, std::size_t ffn) {
  BertLayer<MatrixView> layer;
  layer.q = read_linear(reader, prefix + "attn_q", width, width);
  layer.k = read_linear(reader, prefix + "attn_k", width, width);
  layer.v = read_linear(reader, prefix + "attn_v", width, width);
  layer.output = read_linear(reader, prefix + "attn_output", width, width);
  layer.attention_norm = read_norm(reader, prefix + "attn_output_norm", width);
  layer.up = read_linear(reader, prefix + "ffn_up", width, ffn);
  layer.down = read_linear(reader, prefix + "ffn_down", ffn, width);
  layer.output_norm = read_norm(reader, prefix + "layer_output_norm", width);
  return layer;
}

ModelConfig read_config(ModelReader& reader) {
  ModelConfig config;
  config.architecture = reader.architecture();
  config.name = reader.file().text("general.name").value_or("");
  if (config.architecture != kBertArchitecture) {
    reader.fail("unsupported_model", "general.architecture is not bert: no embedder");
    return config;
  }
  const auto bounded = [&](std::string_view key, std::int64_t high) {
    return static_cast<int>(reader.integer(key, 1, high));
  };
  config.layers = bounded("block_count", ModelBounds::kLayers);
  config.width = bounded("embedding_length", ModelBounds::kWidth);
  config.heads = config.kv_heads = bounded("attention.head_count", ModelBounds::kHeads);
  config.ffn = bounded("feed_forward_length", ModelBounds::kFfn);
  config.context = static_cast<std::size_t>(bounded("context_length", ModelBounds::kContext));
  config.norm_eps = reader.number("attention.layer_norm_epsilon", 0, 1, 1e-12);
  config.head_dim = config.width / config.heads;
  if (config.head_dim * config.heads != config.width || config.head_dim > ModelBounds::kHeadDim)
    reader.fail("bad_model_file", "embedding_length does not fit attention.head_count");
  config.vocabulary = reader.vocabulary();
  return config;
}

}  // namespace

Result<BertFile> read_bert(const GgufFile& file) {
  ModelReader reader(file);
  BertFile model;
  model.config = read_config(reader);
  // 0 says "no pooling", which leaves the caller without a vector: the mean then, as sentence-transformers does.
  const std::int64_t pooling = reader.integer("pooling_type", 0, 3, 1);
  model.pooling = pooling == 0 ? Pooling::mean : static_cast<Pooling>(pooling);
  if (reader.failed()) return reader.error();
  const auto width = static_cast<std::size_t>(model.config.width), ffn = static_cast<std::size_t>(model.config.ffn);
  model.weights.tokens = reader.matrix("token_embd.weight", width, model.config.vocabulary);
  model.weights.positions = reader.matrix("position_embd.weight", width, model.config.context);
  if (reader.has_tensor("token_types.weight")) model.weights.segment = reader.first_row("token_types.weight", width);
  model.weights.input_norm = read_norm(reader, "token_embd_norm", width);
  for (int i = 0; i < model.config.layers && !reader.failed(); ++i)
    model.weights.layers.push_back(read_layer(reader, "blk." + std::to_string(i) + ".", width, ffn));
  if (reader.failed()) return reader.error();
  return model;
}

}  // namespace tollgate::local
