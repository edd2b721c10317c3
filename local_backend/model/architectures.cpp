// The table of model families: what each has where a layer may differ (docs/formats/models.md).
#include <algorithm>
#include <iterator>

#include "local_backend/model/architecture.h"

namespace tollgate::local {
namespace {

constexpr Architecture kArchitectures[] = {
    // Llama 2 and 3, Mistral, Mixtral, and the many that took their shape.
    {.name = "llama", .rope_pairs = RopePairs::adjacent, .window_period = 1},
    {.name = "qwen2", .qkv_bias = true},
    {.name = "qwen2moe", .qkv_bias = true, .normalises_experts = false},
    {.name = "qwen3", .head_norms = true},
    {.name = "qwen3moe", .head_norms = true},
    {.name = "phi3", .window_period = 1},
    {.name = "gemma", .activation = Activation::gelu, .scales_input = true},
    {.name = "gemma2",
     .activation = Activation::gelu,
     .post_norms = true,
     .scales_input = true,
     .window_period = 2,
     .default_window = 4096,
     .default_attention_softcap = 50.0f,
     .default_logit_softcap = 30.0f,
     .width_scaled_layers = 46},
    {.name = "gemma3",
     .activation = Activation::gelu,
     .head_norms = true,
     .post_norms = true,
     .scales_input = true,
     .window_period = 6,
     .local_rope_base = 10000.0f,
     .width_scaled_layers = 62},
};

}  // namespace

const Architecture* find_architecture(std::string_view name) {
  const auto* found = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                   [&](const Architecture& row) { return row.name == name; });
  return found == std::end(kArchitectures) ? nullptr : found;
}

}  // namespace tollgate::local
