// config.json as GGUF metadata. Keys of the one: the published folders of llama, mistral, qwen2 and qwen3; of the
// other: ggml/docs/gguf.md. Thread rule: pure functions.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "local_backend/convert/import.h"
#include "local_backend/gguf/mapped_file.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMaxConfig = 4u << 20, kMaxTokenizer = 128u << 20;  // bytes
constexpr std::int64_t kMaxNumber = 1 << 28;                              // of widths, tokens and layers
constexpr double kPi = 3.14159265358979323846;

Result<Json> read_optional(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Json();
  return read_json_file(path.string(), kMaxConfig);
}

Error bad_config(const ModelFolder& folder, std::string_view key, std::string_view what) {
  return bad_model_file(folder.path + "/config.json", 0, std::string(key) + " " + std::string(what));
}

// A positive number of sane size; `fallback` 0 = the key must exist.
Result<std::uint64_t> count(const ModelFolder& folder, std::string_view key, std::uint64_t fallback = 0) {
  const Json* found = member(folder.config, key);
  if ((!found || found->is_null()) && fallback > 0) return fallback;
  const auto value = integer_member(folder.config, key);
  if (!value || *value <= 0 || *value > kMaxNumber) return bad_config(folder, key, "is no positive integer");
  return static_cast<std::uint64_t>(*value);
}

// The base may stand among rope's other parameters in newer folders.
double rope_base(const Json& config) {
  if (const auto base = number_member(config, "rope_theta")) return *base;
  const Json* rope = member(config, "rope_parameters");
  const auto base = rope ? number_member(*rope, "rope_theta") : std::nullopt;
  return base.value_or(10000.0);
}

std::string rope_kind(const Json& scaling) {
  for (const char* key : {"rope_type", "type"}) {
    if (const std::string* kind = text_member(scaling, key)) return *kind;
  }
  return "default";
}

// Empty when the scaling can be said in GGUF.
std::string rope_problem(const Json& scaling) {
  if (scaling.is_null()) return {};
  const std::string kind = rope_kind(scaling);
  if (kind == "default") return {};
  if (kind != "linear" && kind != "yarn" && kind != "llama3")
    return "rope_scaling of another kind than linear, yarn, llama3";
  const auto factor = number_member(scaling, "factor");
  if (!factor || !(*factor >= 1) || *factor > 1e6) return "rope_scaling without a factor";
  if (kind == "linear") return {};
  const auto original = number_member(scaling, "original_max_position_embeddings");
  if (kind == "yarn" && !original) return {};
  if (!original || !(*original >= 1) || *original > 1e9) return "rope_scaling without original_max_position_embeddings";
  if (kind == "yarn") return {};
  const auto low = number_member(scaling, "low_freq_factor"), high = number_member(scaling, "high_freq_factor");
  if (!low || !high || !(*low > 0) || !(*high > *low) || *high > 1e6)
    return "rope_scaling without its two freq factors";
  return {};
}

Result<std::string> architecture_of(const ModelFolder& folder) {
  const std::string* type = text_member(folder.config, "model_type");
  if (!type) return bad_config(folder, "model_type", "is missing");
  if (*type == "llama" || *type == "mistral") return std::string("llama");
  if (*type == "qwen2" || *type == "qwen3") return *type;
  return unsupported_model(folder.path, "model_type " + quoted_text(*type));
}

Result<void> read_sizes(const ModelFolder& folder, ImportedConfig& out) {
  const struct {
    std::string_view key;
    std::uint64_t* to;
  } wanted[] = {{"num_hidden_layers", &out.layers},        {"hidden_size", &out.width},
                {"intermediate_size", &out.ffn},           {"num_attention_heads", &out.heads},
                {"max_position_embeddings", &out.context}, {"vocab_size", &out.vocabulary}};
  for (const auto& [key, to] : wanted) {
    auto value = count(folder, key);
    if (!value) return std::move(value).error();
    *to = *value;
  }
  auto kv_heads = count(folder, "num_key_value_heads", out.heads);
  if (!kv_heads) return std::move(kv_heads).error();
  auto head_dim = count(folder, "head_dim", std::max<std::uint64_t>(1, out.width / out.heads));
  if (!head_dim) return std::move(head_dim).error();
  out.kv_heads = *kv_heads;
  out.head_dim = *head_dim;
  out.has_head_dim = out.head_dim * out.heads != out.width;
  if (out.heads % out.kv_heads != 0) return bad_config(folder, "num_key_value_heads", "does not divide the heads");
  if (out.head_dim % 2 != 0) return bad_config(folder, "head_dim", "is odd");
  return {};
}

void write_rope(const ImportedConfig& config, GgufWriter& writer) {
  const std::string prefix = config.architecture + ".rope.";
  writer.add_u32(prefix + "dimension_count", static_cast<std::uint32_t>(config.head_dim));
  writer.add_f32(prefix + "freq_base", static_cast<float>(config.rope_base));
  const std::string kind = rope_kind(config.rope_scaling);
  if (kind != "linear" && kind != "yarn") return;
  writer.add_text(prefix + "scaling.type", kind);
  writer.add_f32(prefix + "scaling.factor", static_cast<float>(*number_member(config.rope_scaling, "factor")));
  const auto original = number_member(config.rope_scaling, "original_max_position_embeddings");
  if (kind == "yarn" && original) {
    writer.add_u32(prefix + "scaling.original_context_length", static_cast<std::uint32_t>(*original));
  }
}

// What the makers advise for sampling, under the keys that advised_sampling.h reads.
void write_advised_sampling(const Json& generation, GgufWriter& writer) {
  if (!flag_member(generation, "do_sample").value_or(true)) return;
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"temperature", "temp"}, {"top_p", "top_p"}, {"min_p", "min_p"}, {"repetition_penalty", "penalty_repeat"}};
  for (const auto& [theirs, ours] : kNames)
    if (const auto value = number_member(generation, theirs))
      writer.add_f32("general.sampling." + std::string(ours), static_cast<float>(*value));
  const auto top_k = number_member(generation, "top_k");
  if (top_k && *top_k >= 0 && *top_k < 1e6)
    writer.add_u32("general.sampling.top_k", static_cast<std::uint32_t>(*top_k));
}

}  // namespace

Error unsupported_model(const std::string& path, const std::string& what) {
  return Error{ErrorKind::client_fault, 400, "unsupported_model", path + ": " + what + " is not supported"};
}

Result<ModelFolder> read_model_folder(const std::string& path) {
  const std::filesystem::path base(path);
  ModelFolder out;
  out.path = path;
  auto config = read_json_file((base / "config.json").string(), kMaxConfig);
  if (!config) return std::move(config).error();
  auto tokenizer = read_json_file((base / "tokenizer.json").string(), kMaxTokenizer);
  if (!tokenizer) return std::move(tokenizer).error();
  auto tokenizer_config = read_optional(base / "tokenizer_config.json");
  if (!tokenizer_config) return std::move(tokenizer_config).error();
  auto generation_config = read_optional(base / "generation_config.json");
  if (!generation_config) return std::move(generation_config).error();
  out.config = std::move(config).value();
  out.tokenizer = std::move(tokenizer).value();
  out.tokenizer_config = std::move(tokenizer_config).value();
  out.generation_config = std::move(generation_config).value();
  const std::string text_path = (base / "chat_template.jinja").string();
  std::error_code ignored;
  if (std::filesystem::exists(text_path, ignored)) {
    const auto file = MappedFile::open(text_path);
    if (!file) return Error(file.error());
    if (file->bytes().size() > kMaxConfig) return bad_model_file(text_path, 0, "too large for a template");
    out.chat_template.assign(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  }
  return out;
}

Result<ImportedConfig> read_config(const ModelFolder& folder) {
  ImportedConfig out;
  auto architecture = architecture_of(folder);
  if (!architecture) return std::move(architecture).error();
  out.architecture = std::move(architecture).value();
  out.interleaved = out.architecture == "llama";
  if (auto sizes = read_sizes(folder, out); !sizes) return std::move(sizes).error();
  out.norm_eps = number_member(folder.config, "rms_norm_eps").value_or(1e-6);
  out.rope_base = rope_base(folder.config);
  if (!(out.norm_eps > 0 && out.norm_eps < 1)) return bad_config(folder, "rms_norm_eps", "is out of range");
  if (!(out.rope_base > 1 && out.rope_base < 1e12)) return bad_config(folder, "rope_theta", "is out of range");
  out.tied = flag_member(folder.config, "tie_word_embeddings").value_or(false);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (const Json* scaling = member(folder.config, key); scaling && scaling->is_object()) out.rope_scaling = *scaling;
  }
  if (const std::string problem = rope_problem(out.rope_scaling); !problem.empty()) {
    return unsupported_model(folder.path, problem);
  }
  return out;
}

void write_config(const ImportedConfig& config, const ModelFolder& folder, GgufWriter& writer) {
  const auto number = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const std::string prefix = config.architecture + ".";
  writer.add_text("general.architecture", config.architecture);
  const std::filesystem::path path(folder.path);
  writer.add_text("general.name", (path.has_filename() ? path.filename() : path.parent_path().filename()).string());
  writer.add_u32(prefix + "block_count", number(config.layers));
  writer.add_u32(prefix + "context_length", number(config.context));
  writer.add_u32(prefix + "embedding_length", number(config.width));
  writer.add_u32(prefix + "feed_forward_length", number(config.ffn));
  writer.add_u32(prefix + "attention.head_count", number(config.heads));
  writer.add_u32(prefix + "attention.head_count_kv", number(config.kv_heads));
  writer.add_f32(prefix + "attention.layer_norm_rms_epsilon", static_cast<float>(config.norm_eps));
  if (config.has_head_dim) {
    writer.add_u32(prefix + "attention.key_length", number(config.head_dim));
    writer.add_u32(prefix + "attention.value_length", number(config.head_dim));
  }
  writer.add_u32(prefix + "vocab_size", number(config.vocabulary));
  write_rope(config, writer);
  write_advised_sampling(folder.generation_config, writer);
}

std::vector<float> rope_factors(const ImportedConfig& config) {
  if (rope_kind(config.rope_scaling) != "llama3") return {};
  const double factor = *number_member(config.rope_scaling, "factor");
  const double low = *number_member(config.rope_scaling, "low_freq_factor");
  const double high = *number_member(config.rope_scaling, "high_freq_factor");
  const double context = *number_member(config.rope_scaling, "original_max_position_embeddings");
  std::vector<float> out;
  for (std::uint64_t i = 0; i < config.head_dim / 2; ++i) {
    const double exponent = 2 * static_cast<double>(i) / static_cast<double>(config.head_dim);
    const double turns = context / (2 * kPi * std::pow(config.rope_base, exponent));  // of this pair in the old context
    // Slow pairs are stretched by the factor, fast ones not at all, those between in part.
    const double share = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    out.push_back(static_cast<float>(1 / ((1 - share) / factor + share)));
  }
  return out;
}

}  // namespace tollgate::local
