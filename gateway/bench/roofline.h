// What a machine could do at best: the bytes that a step must read and the arithmetic that it must do, over what memory
// and units give. The bytes of weights are those of the file, whatever a back end makes of them. Thread rule: pure
// functions.
#pragma once

#include <cstddef>
#include <optional>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/model/cpu_backend.h"

namespace tollgate::gateway::bench {

// What one step takes of a model, taken apart by what it grows with.
struct ModelWork {
  double layer_bytes = 0, head_bytes = 0;  // weights that every step reads: of the layers, of the output matrix
  double expert_bytes = 0;                 // of all experts of all layers
  double experts = 0, experts_used = 0;    // per layer, and per token
  double layer_flops = 0, head_flops = 0;  // per token, and per token that is drawn
  double kv_bytes = 0;                     // per token of context in all layers
  double attention_flops = 0;              // per token and token of context, in all layers
  double windowed = 0;                     // share of the layers that see the last `window` tokens only
  double window = 0;
};
// `kv_block_bytes`: of one block of the back end, see BackendInfo.
ModelWork work_of(const local::GgufFile& file, const local::ModelConfig& config, std::size_t kv_block_bytes);

// To read and to compute.
struct Work {
  double bytes = 0, flops = 0;
};
// One token for each of `batch` sequences that have `context` tokens each, the new one among them.
Work decode_step(const ModelWork& model, std::size_t batch, double context);
// One prompt, computed `step_tokens` at a time, and the first token of its answer.
Work prefill(const ModelWork& model, std::size_t tokens, std::size_t step_tokens);

// The shortest that so much can take: microseconds. nullopt where the machine's figure is not known.
std::optional<double> memory_us(const Work& work, std::optional<double> gb_per_second);
std::optional<double> compute_us(const Work& work, std::optional<double> tflops);

}  // namespace tollgate::gateway::bench
