// A GGUF file with other tensor types. Which tensor gets which type follows llama.cpp's presets (docs/formats/gguf.md).
// Thread rule: see convert.h.
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "local_backend/convert/convert.h"
#include "local_backend/convert/tensor_sink.h"
#include "local_backend/gguf/gguf_file.h"
#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

// general.file_type of the whole file; the numbers are llama.cpp's.
std::optional<std::uint32_t> file_type_of(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return 0;
    case TensorType::f16:
      return 1;
    case TensorType::q4_0:
      return 2;
    case TensorType::q8_0:
      return 7;
    case TensorType::q5_0:
      return 8;
    case TensorType::q4_k:
      return 15;
    case TensorType::q6_k:
      return 18;
    case TensorType::bf16:
      return 32;
    default:
      return std::nullopt;
  }
}

bool is_float(TensorType type) {
  return type == TensorType::f32 || type == TensorType::f16 || type == TensorType::bf16;
}

// Matrices of the layers and of the vocabulary; not what is small and precious.
bool is_matrix(const Tensor& tensor) {
  if (tensor.rows() == 1 || !tensor.name.ends_with(".weight")) return false;
  for (const std::string_view kept : {"norm", "ffn_gate_inp", "position_embd", "token_types", "rope_freqs"}) {
    if (tensor.name.find(kept) != std::string_view::npos) return false;
  }
  return true;
}

// N of "blk.N.".
std::optional<std::uint64_t> layer_of(std::string_view name) {
  if (!name.starts_with("blk.")) return std::nullopt;
  std::uint64_t layer = 0;
  const auto [end, problem] = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  if (problem != std::errc() || end == name.data() + name.size() || *end != '.') return std::nullopt;
  return layer;
}

class Plan {
 public:
  Plan(const GgufFile& file, TensorType type) : type_(type), tied_(file.tensor("output.weight") == nullptr) {
    for (const Tensor& tensor : file.tensors()) {
      if (const auto layer = layer_of(tensor.name)) layers_ = std::max(layers_, *layer + 1);
    }
  }

  // The type for a tensor; `notes` gets a line where it is not the one that was asked for.
  TensorType type_for(const Tensor& tensor, std::vector<std::string>& notes) const {
    if (!is_matrix(tensor)) return tensor.type;
    const TensorType wanted = is_float(type_) ? type_ : wish(tensor);
    const TensorType out = fitting(wanted, tensor.columns());
    if (out != wanted) {
      notes.push_back(std::string(tensor.name) + ": rows of " + std::to_string(tensor.columns()) + ", so " +
                      std::string(tensor_type_info(out)->name) + " instead of " +
                      std::string(tensor_type_info(wanted)->name));
    }
    return out;
  }

 private:
  TensorType wish(const Tensor& tensor) const {
    const bool output = tensor.name == (tied_ ? "token_embd.weight" : "output.weight");
    if (output && type_ != TensorType::q8_0) return TensorType::q6_k;
    const bool sensitive = tensor.name.ends_with("attn_v.weight") || tensor.name.find("ffn_down") != tensor.name.npos;
    if (type_ == TensorType::q4_k && sensitive && matters_more(layer_of(tensor.name).value_or(0))) {
      return TensorType::q6_k;
    }
    return type_;
  }

  // The first and the last eighth of the layers, and every third in between.
  bool matters_more(std::uint64_t layer) const {
    const std::uint64_t eighth = layers_ / 8;
    return layer < eighth || layer >= 7 * layers_ / 8 || (layer - eighth) % 3 == 2;
  }

  // The next larger type whose blocks divide the row.
  static TensorType fitting(TensorType wanted, std::uint64_t columns) {
    if (columns % tensor_type_info(wanted)->elements == 0) return wanted;
    if (columns % 32 != 0) return TensorType::f16;
    return wanted == TensorType::q4_k ? TensorType::q5_0 : TensorType::q8_0;
  }

  TensorType type_;
  bool tied_;
  std::uint64_t layers_ = 0;
};

Error bad_type(const std::string& message) { return Error{ErrorKind::client_fault, 400, "bad_tensor_type", message}; }

void add_metadata(const GgufFile& from, std::uint32_t file_type, GgufWriter& to) {
  for (const GgufFile::Pair& pair : from.pairs()) {
    if (pair.key != "general.file_type" && pair.key != "general.quantization_version") to.add(pair);
  }
  to.add_u32("general.file_type", file_type);
  to.add_u32("general.quantization_version", 2);  // of the layouts of the q types
}

}  // namespace

Result<ConvertReport> quantize_file(const std::string& in, const std::string& out, TensorType type,
                                    const ConvertOptions& options) {
  const auto file_type = file_type_of(type);
  if (!file_type) return bad_type("this tensor type cannot be written");
  const auto opened = GgufFile::open(in);
  if (!opened) return Error(opened.error());
  const GgufFile& file = **opened;
  const Plan plan(file, type);
  GgufWriter writer(out);
  add_metadata(file, *file_type, writer);
  ConvertReport report;
  std::vector<TensorJob> jobs;
  for (const Tensor& tensor : file.tensors()) {
    const TensorType target = plan.type_for(tensor, report.notes);
    if (target != tensor.type && !is_float(tensor.type)) {
      return bad_type(in + ": tensor " + quoted_text(tensor.name) + " is quantised already, as " +
                      std::string(tensor_type_info(tensor.type)->name));
    }
    writer.add_tensor(tensor.name, target, tensor.dims);
    jobs.push_back(
        {std::string(tensor.name), {tensor.type, tensor.data.data(), tensor.rows(), tensor.columns(), {}}, target});
  }
  if (auto done = write_tensors(jobs, options, writer, report); !done) return std::move(done).error();
  return report;
}

}  // namespace tollgate::local
