// Names of tensors in published folders and in GGUF. Thread rule: pure functions.
#include <algorithm>
#include <array>
#include <utility>

#include "local_backend/convert/import.h"

namespace tollgate::local {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::array<Names, 3> kWhole{{
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"model.norm.weight", "output_norm.weight"},
    {"lm_head.weight", "output.weight"},
}};

// Behind "model.layers.N." and "blk.N.", before ".weight" or ".bias".
constexpr std::array<Names, 11> kOfLayer{{
    {"input_layernorm", "attn_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
}};

template <std::size_t n>
std::optional<std::string_view> look_up(const std::array<Names, n>& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Names::first);
  if (found == table.end()) return std::nullopt;
  return found->second;
}

}  // namespace

std::optional<std::string> imported_name(std::string_view name) {
  if (const auto whole = look_up(kWhole, name)) return std::string(*whole);
  constexpr std::string_view kLayers = "model.layers.";
  if (!name.starts_with(kLayers)) return std::nullopt;
  name.remove_prefix(kLayers.size());
  const std::size_t digits = name.find_first_not_of("0123456789");
  const std::size_t kind_at = name.rfind('.');
  if (digits == 0 || digits > 5 || name[digits] != '.' || kind_at <= digits) return std::nullopt;
  const std::string_view kind = name.substr(kind_at);
  if (kind != ".weight" && kind != ".bias") return std::nullopt;
  const auto part = look_up(kOfLayer, name.substr(digits + 1, kind_at - digits - 1));
  if (!part) return std::nullopt;
  return "blk." + std::string(name.substr(0, digits)) + "." + std::string(*part) + std::string(kind);
}

bool is_left_out(std::string_view name) {
  return name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".attn.masked_bias");
}

}  // namespace tollgate::local
