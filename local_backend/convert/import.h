// The steps of import_folder(). Internal to convert/. Thread rule: pure functions but for the writer they fill.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/convert/json.h"
#include "local_backend/gguf/gguf_writer.h"

namespace tollgate::local {

// What a folder says besides its weights.
struct ModelFolder {
  std::string path;
  Json config, tokenizer;                    // config.json, tokenizer.json
  Json tokenizer_config, generation_config;  // null when absent
  std::string chat_template;                 // of chat_template.jinja, empty when absent
};
Result<ModelFolder> read_model_folder(const std::string& path);

// Of config.json, checked; also what the weights' conversion needs.
struct ImportedConfig {
  std::string architecture;  // of GGUF: "llama", "qwen2", "qwen3"
  std::uint64_t layers = 0, width = 0, ffn = 0, heads = 0, kv_heads = 0, head_dim = 0, vocabulary = 0, context = 0;
  double norm_eps = 0, rope_base = 0;
  bool tied = false;          // no matrix of its own for the output
  bool interleaved = false;   // GGUF wants the two halves of each rotated head interleaved
  bool has_head_dim = false;  // head_dim is not width / heads
  Json rope_scaling;          // null when none
};
Result<ImportedConfig> read_config(const ModelFolder& folder);
void write_config(const ImportedConfig& config, const ModelFolder& folder, GgufWriter& writer);
// Factors of llama 3's rope scaling, one per pair of dimensions, for the tensor rope_freqs.weight; empty for others.
std::vector<float> rope_factors(const ImportedConfig& config);

// Name in GGUF of a published tensor: "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight". nullopt: unknown.
std::optional<std::string> imported_name(std::string_view name);
// Tensors that only caches need and that GGUF does not have.
bool is_left_out(std::string_view name);

// Vocabulary, merges and special tokens. `vocabulary` = rows of the embedding matrix.
Result<void> write_tokenizer(const ModelFolder& folder, std::uint64_t vocabulary, GgufWriter& writer);

Error unsupported_model(const std::string& path, const std::string& what);

}  // namespace tollgate::local
