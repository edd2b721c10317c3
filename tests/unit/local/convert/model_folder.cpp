#include "model_folder.h"

#include <unistd.h>

#include <atomic>
#include <fstream>

#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {

ModelFolderFiles::ModelFolderFiles() {
  static std::atomic<int> number{0};
  folder_ = std::filesystem::temp_directory_path() /
            ("tollgate_model_" + std::to_string(::getpid()) + "_" + std::to_string(number++));
  std::filesystem::create_directory(folder_);
}

ModelFolderFiles::~ModelFolderFiles() { std::filesystem::remove_all(folder_); }

std::string ModelFolderFiles::path(std::string_view name) const {
  return name.empty() ? folder_.string() : (folder_ / name).string();
}

void ModelFolderFiles::write(std::string_view name, std::string_view text) const {
  std::ofstream(path(name), std::ios::binary) << text;
}

std::string safetensors_bytes(const std::string& header, std::string_view data) {
  std::string out(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(out.data(), &length, sizeof(length));
  return out.append(header).append(data);
}

void ModelFolderFiles::write_safetensors(std::string_view name, const std::vector<TinyTensor>& tensors) const {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const TinyTensor& tensor : tensors) {
    std::uint64_t count = 1;
    for (const std::uint64_t dim : tensor.shape) count *= dim;
    const std::size_t begin = data.size();
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto value = static_cast<float>(i);
      const std::uint16_t one = tensor.dtype == "BF16" ? f32_to_bf16(1) : f32_to_f16(1);
      if (tensor.dtype == "F32") {
        data.append(reinterpret_cast<const char*>(&value), 4);
      } else {
        data.append(reinterpret_cast<const char*>(&one), 2);
      }
    }
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  write(name, safetensors_bytes(header.dump(), data));
}

Json ModelFolderFiles::tiny_config(std::string_view model_type) {
  return {{"model_type", model_type},        {"num_hidden_layers", 2},   {"hidden_size", 8},
          {"intermediate_size", 6},          {"num_attention_heads", 2}, {"num_key_value_heads", 1},
          {"max_position_embeddings", 4096}, {"vocab_size", 10},         {"rms_norm_eps", 1e-6},
          {"rope_theta", 500000.0},          {"eos_token_id", 8},        {"tie_word_embeddings", false}};
}

std::vector<TinyTensor> ModelFolderFiles::tiny_tensors(bool with_bias) {
  std::vector<TinyTensor> out{{"model.embed_tokens.weight", {10, 8}, "BF16"},
                              {"model.norm.weight", {8}, "BF16"},
                              {"lm_head.weight", {10, 8}, "F16"}};
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    for (const auto& [name, rows, columns] :
         std::initializer_list<std::tuple<const char*, std::uint64_t, std::uint64_t>>{{"self_attn.q_proj", 8, 8},
                                                                                      {"self_attn.k_proj", 4, 8},
                                                                                      {"self_attn.v_proj", 4, 8},
                                                                                      {"self_attn.o_proj", 8, 8},
                                                                                      {"mlp.gate_proj", 6, 8},
                                                                                      {"mlp.up_proj", 6, 8},
                                                                                      {"mlp.down_proj", 8, 6}}) {
      out.push_back({prefix + name + ".weight", {rows, columns}});
      if (with_bias && (rows == 4 || std::string_view(name) == "self_attn.q_proj")) {
        out.push_back({prefix + name + ".bias", {rows}});
      }
    }
    out.push_back({prefix + "input_layernorm.weight", {8}});
    out.push_back({prefix + "post_attention_layernorm.weight", {8}});
    out.push_back({prefix + "self_attn.rotary_emb.inv_freq", {2}});
  }
  return out;
}

Json ModelFolderFiles::byte_level_tokenizer() {
  const char* cut =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  return {{"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"abc", 4}}},
            {"merges", {"a b", "ab c"}}}},
          {"added_tokens",
           {{{"id", 7}, {"content", "<tool>"}, {"special", false}},
            {{"id", 8}, {"content", "<|end|>"}, {"special", true}}}},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"}, {"pattern", {{"Regex", cut}}}}, {{"type", "ByteLevel"}, {"use_regex", false}}}}}}};
}

Json ModelFolderFiles::pieces_tokenizer() {
  const Json merges = Json::array({Json::array({"a", "b"}), Json::array({"\u2581", "ab"})});
  const Json bos_first =
      Json::array({Json{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, Json{{"Sequence", {{"id", "A"}}}}});
  return {{"model",
           {{"type", "BPE"},
            {"byte_fallback", true},
            {"unk_token", "<unk>"},
            {"vocab",
             {{"<unk>", 0},
              {"<s>", 1},
              {"</s>", 2},
              {"<0x0A>", 3},
              {"\u2581", 4},
              {"a", 5},
              {"b", 6},
              {"ab", 7},
              {"\u2581ab", 8}}},
            {"merges", merges}}},
          {"added_tokens",
           {{{"id", 0}, {"content", "<unk>"}, {"special", true}},
            {{"id", 1}, {"content", "<s>"}, {"special", true}},
            {{"id", 2}, {"content", "</s>"}, {"special", true}}}},
          {"normalizer",
           {{"type", "Sequence"}, {"normalizers", Json::array({Json{{"type", "Prepend"}, {"prepend", "\u2581"}}})}}},
          {"post_processor", {{"type", "TemplateProcessing"}, {"single", bos_first}}}};
}

void ModelFolderFiles::write_model(std::string_view model_type) const {
  const bool pieces = model_type == "llama" || model_type == "mistral";
  write("config.json", tiny_config(model_type).dump());
  write("tokenizer.json", (pieces ? pieces_tokenizer() : byte_level_tokenizer()).dump());
  write_safetensors("model.safetensors", tiny_tensors(model_type == "qwen2"));
}

}  // namespace tollgate::local
