#include "wide_heads.h"

namespace tollgate::local {
namespace {

constexpr std::uint64_t kNarrow = 16, kWide = 64;  // values of a head
constexpr std::uint64_t kNarrowFfn = 48, kWideFfn = 64;

bool named(const TinyTensor& tensor, const char* part) { return tensor.name.find(part) != std::string::npos; }

// Groups of `from` rows become groups of `to`, filled up with zeros. A vector's values are rows of one column.
void pad_rows(TinyTensor& tensor, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t columns = tensor.dims.size() > 1 ? tensor.dims[0] : 1;
  std::uint64_t& rows = tensor.dims.back();
  std::vector<float> values;
  for (std::uint64_t first = 0; first < rows; first += from) {
    const auto begin = tensor.values.begin() + static_cast<std::ptrdiff_t>(first * columns);
    values.insert(values.end(), begin, begin + static_cast<std::ptrdiff_t>(from * columns));
    values.resize(values.size() + (to - from) * columns, 0.0f);
  }
  rows = rows / from * to;
  tensor.values = std::move(values);
}

void pad_columns(TinyTensor& tensor, std::uint64_t from, std::uint64_t to) {
  TinyTensor flat{tensor.name, {tensor.values.size()}, std::move(tensor.values)};
  pad_rows(flat, from, to);
  tensor.values = std::move(flat.values);
  tensor.dims[0] = tensor.dims[0] / from * to;
}

void set(TinyModel& model, const std::string& key, TinyField::Kind kind, const std::string& value) {
  TinyField& field = model.field(key);
  field.kind = kind;
  field.value = value;
}

bool has(const TinyModel& model, const std::string& key) {
  for (const TinyField& field : model.fields)
    if (field.key == key) return true;
  return false;
}

}  // namespace

TinyModel with_wide_heads(TinyModel model) {
  const std::string prefix = model.field("general.architecture").value + ".";
  set(model, prefix + "attention.key_length", TinyField::Kind::integer, std::to_string(kWide));
  set(model, prefix + "attention.value_length", TinyField::Kind::integer, std::to_string(kWide));
  if (!has(model, prefix + "rope.dimension_count"))
    set(model, prefix + "rope.dimension_count", TinyField::Kind::integer, std::to_string(kNarrow));
  if (!has(model, prefix + "attention.scale"))
    set(model, prefix + "attention.scale", TinyField::Kind::number, "0.25");  // 1 / sqrt(kNarrow)
  for (TinyTensor& tensor : model.tensors) {
    if (named(tensor, "attn_q_norm") || named(tensor, "attn_k_norm")) {
      // The mean of the squares is over four times as many values.
      for (float& value : tensor.values) value /= 2;
      pad_rows(tensor, kNarrow, kWide);
    } else if (named(tensor, ".attn_q.") || named(tensor, ".attn_k.") || named(tensor, ".attn_v.") ||
               named(tensor, ".attn_qkv.")) {
      pad_rows(tensor, kNarrow, kWide);
    } else if (named(tensor, "attn_output.weight")) {
      pad_columns(tensor, kNarrow, kWide);
    } else if (named(tensor, "ffn_gate_shexp") || named(tensor, "ffn_up_shexp")) {
      pad_rows(tensor, kNarrowFfn, kWideFfn);
    } else if (named(tensor, "ffn_down_shexp")) {
      pad_columns(tensor, kNarrowFfn, kWideFfn);
    }
  }
  return model;
}

}  // namespace tollgate::local
