// A published model folder as a GGUF file. Thread rule: see convert.h.
#include <algorithm>
#include <cstring>

#include "local_backend/convert/convert.h"
#include "local_backend/convert/import.h"
#include "local_backend/convert/safetensors.h"
#include "local_backend/convert/tensor_sink.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

struct Source {
  std::string name;  // in GGUF
  const SafeTensor* tensor = nullptr;
};

// Rows of one head stand as two halves (first and second components of each rotated pair); GGUF's llama wants each pair
// side by side: row 2i of the result is row i, row 2i+1 is row i + dim/2.
std::vector<std::uint32_t> interleaved_order(std::uint64_t heads, std::uint64_t dim) {
  std::vector<std::uint32_t> out;
  out.reserve(heads * dim);
  for (std::uint64_t head = 0; head < heads; ++head) {
    for (std::uint64_t i = 0; i < dim; ++i) {
      out.push_back(static_cast<std::uint32_t>(head * dim + i / 2 + i % 2 * (dim / 2)));
    }
  }
  return out;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

// {rows, columns} that config.json implies; {0, 0} when it says nothing about the tensor.
std::pair<std::uint64_t, std::uint64_t> expected_shape(const ImportedConfig& config, std::string_view name) {
  const std::uint64_t q = config.heads * config.head_dim, kv = config.kv_heads * config.head_dim;
  if (name == "token_embd.weight" || name == "output.weight") return {config.vocabulary, config.width};
  if (name.ends_with("attn_q.weight")) return {q, config.width};
  if (ends_with_any(name, {"attn_k.weight", "attn_v.weight"})) return {kv, config.width};
  if (name.ends_with("attn_output.weight")) return {config.width, q};
  if (ends_with_any(name, {"ffn_gate.weight", "ffn_up.weight"})) return {config.ffn, config.width};
  if (name.ends_with("ffn_down.weight")) return {config.width, config.ffn};
  if (name.ends_with("attn_q.bias")) return {1, q};
  if (ends_with_any(name, {"attn_k.bias", "attn_v.bias"})) return {1, kv};
  if (ends_with_any(name, {"attn_q_norm.weight", "attn_k_norm.weight"})) return {1, config.head_dim};
  if (name.ends_with("norm.weight")) return {1, config.width};
  return {0, 0};
}

Error bad_tensor(const std::string& folder, std::string_view name, const std::string& what) {
  return bad_model_file(folder, 0, "tensor " + quoted_text(name) + " " + what);
}

class FolderImport {
 public:
  FolderImport(const ModelFolder& folder, ImportedConfig config, const SafeTensors& tensors)
      : folder_(folder), config_(std::move(config)), tensors_(tensors) {}

  Result<std::vector<TensorJob>> jobs();

 private:
  Result<TensorJob> job(const std::string& published, const std::string& name, const SafeTensor& tensor) const;
  Result<void> check_complete(const std::vector<TensorJob>& jobs) const;

  const ModelFolder& folder_;
  ImportedConfig config_;
  const SafeTensors& tensors_;
};

Result<TensorJob> FolderImport::job(const std::string& published, const std::string& name,
                                    const SafeTensor& tensor) const {
  if (!tensor.type)
    return bad_tensor(folder_.path, published, "has the dtype " + tensor.dtype + ", which is no weight");
  if (tensor.shape.empty() || tensor.shape.size() > 2)
    return bad_tensor(folder_.path, published, "is no matrix or vector");
  const bool matrix = tensor.shape.size() == 2;
  Rows rows{*tensor.type, tensor.data.data(), matrix ? tensor.shape[0] : 1, tensor.shape.back(), {}};
  if (const auto [height, width] = expected_shape(config_, name); rows.rows != height || rows.columns != width) {
    return bad_tensor(folder_.path, published,
                      "has the shape " + std::to_string(rows.rows) + " x " + std::to_string(rows.columns) +
                          ", but config.json asks for " + std::to_string(height) + " x " + std::to_string(width));
  }
  const bool key = name.find("attn_k.") != name.npos;
  if (config_.interleaved && (key || name.find("attn_q.") != name.npos)) {
    rows.order = interleaved_order(key ? config_.kv_heads : config_.heads, config_.head_dim);
    // A bias is a column: its rows are its elements.
    if (!matrix) std::swap(rows.rows, rows.columns);
  }
  return TensorJob{name, std::move(rows), matrix ? *tensor.type : TensorType::f32};
}

Result<void> FolderImport::check_complete(const std::vector<TensorJob>& jobs) const {
  const auto has = [&](const std::string& name) {
    return std::ranges::find(jobs, name, &TensorJob::name) != jobs.end();
  };
  std::vector<std::string> wanted{"token_embd.weight", "output_norm.weight"};
  if (!config_.tied) wanted.emplace_back("output.weight");
  for (const std::string& name : wanted) {
    if (!has(name)) return bad_tensor(folder_.path, name, "is missing");
  }
  std::vector<std::size_t> parts(config_.layers);
  for (const TensorJob& job : jobs) {
    if (!job.name.starts_with("blk.")) continue;
    const std::uint64_t layer = std::stoull(job.name.substr(4));  // at most five digits, by imported_name()
    if (layer >= config_.layers)
      return bad_tensor(folder_.path, job.name, "is of a layer that config.json does not count");
    if (job.name.ends_with(".weight") && job.name.find("attn_q_norm") == job.name.npos &&
        job.name.find("attn_k_norm") == job.name.npos) {
      ++parts[layer];
    }
  }
  constexpr std::size_t kParts = 9;  // two norms, four matrices of attention, three of the feed-forward part
  for (std::size_t layer = 0; layer < parts.size(); ++layer) {
    if (parts[layer] != kParts) return bad_tensor(folder_.path, "blk." + std::to_string(layer), "is not complete");
  }
  return {};
}

Result<std::vector<TensorJob>> FolderImport::jobs() {
  std::vector<TensorJob> out;
  for (const auto& [published, tensor] : tensors_) {
    if (is_left_out(published) || (config_.tied && published == "lm_head.weight")) continue;
    const auto name = imported_name(published);
    if (!name) return unsupported_model(folder_.path, "the tensor " + quoted_text(published));
    auto made = job(published, *name, tensor);
    if (!made) return std::move(made).error();
    out.push_back(std::move(made).value());
  }
  if (auto complete = check_complete(out); !complete) return std::move(complete).error();
  return out;
}

}  // namespace

Result<ConvertReport> import_folder(const std::string& folder, const std::string& out, const ConvertOptions& options) {
  auto model = read_model_folder(folder);
  if (!model) return std::move(model).error();
  auto config = read_config(*model);
  if (!config) return std::move(config).error();
  auto weights = SafetensorsFolder::open(folder);
  if (!weights) return std::move(weights).error();
  auto jobs = FolderImport(*model, *config, weights->tensors()).jobs();
  if (!jobs) return std::move(jobs).error();
  const std::vector<float> factors = rope_factors(*config);
  if (!factors.empty()) {
    Rows rows{TensorType::f32, reinterpret_cast<const std::byte*>(factors.data()), 1, factors.size(), {}};
    jobs->push_back({"rope_freqs.weight", std::move(rows), TensorType::f32});
  }
  GgufWriter writer(out);
  write_config(*config, *model, writer);
  if (auto written = write_tokenizer(*model, config->vocabulary, writer); !written) return std::move(written).error();
  for (const TensorJob& job : *jobs) {
    const bool column = job.rows.columns == 1;
    const std::uint64_t columns = column ? job.rows.rows : job.rows.columns, rows = column ? 1 : job.rows.rows;
    writer.add_tensor(job.name, job.target, {columns, rows, 1, 1});
  }
  ConvertReport report;
  if (auto done = write_tensors(*jobs, options, writer, report); !done) return std::move(done).error();
  return report;
}

}  // namespace tollgate::local
