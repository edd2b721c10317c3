#include "gateway/bench/roofline.h"

#include <algorithm>
#include <cmath>

#include "local_backend/model/architecture.h"

namespace tollgate::gateway::bench {
namespace {

// Of the tokens that come before and with it, a token sees on average so many.
double seen(const ModelWork& model, double context) {
  const double near = std::min(context, model.window);
  return model.windowed * near + (1 - model.windowed) * context;
}

// The sum of seen() over the tokens of a prompt.
double seen_by_all(const ModelWork& model, double tokens) {
  const double whole = tokens * (tokens + 1) / 2;
  const double near = std::min(tokens, model.window);
  const double windowed = near * (near + 1) / 2 + (tokens - near) * near;
  return model.windowed * windowed + (1 - model.windowed) * whole;
}

// Experts that `tokens` tokens ask for, each its own as if by chance: the share of the weights that must be read.
double expert_share(const ModelWork& model, double tokens) {
  if (model.experts <= 0) return 0;
  return 1 - std::pow(1 - model.experts_used / model.experts, tokens);
}

double weights_read(const ModelWork& model, double tokens) {
  return model.layer_bytes + model.head_bytes + model.expert_bytes * expert_share(model, tokens);
}

double windowed_share(const local::ModelConfig& config) {
  const local::Architecture* family = local::find_architecture(config.architecture);
  if (config.window <= 0 || !family || family->window_period <= 0 || config.layers <= 0) return 0;
  if (family->window_period == 1) return 1;
  const int without = config.layers / family->window_period;
  return static_cast<double>(config.layers - without) / config.layers;
}

}  // namespace

ModelWork work_of(const local::GgufFile& file, const local::ModelConfig& config, std::size_t kv_block_bytes) {
  ModelWork work;
  work.experts = config.experts;
  work.experts_used = config.experts_used;
  const bool own_head = file.tensor("output.weight") != nullptr;
  for (const local::Tensor& tensor : file.tensors()) {
    const auto bytes = static_cast<double>(tensor.data.size());
    const double flops = tensor.rows() > 1 ? 2 * static_cast<double>(tensor.elements()) : 0;  // vectors: next to none
    if (tensor.name == (own_head ? "output.weight" : "token_embd.weight")) {
      work.head_bytes += bytes;
      work.head_flops += flops;
    } else if (tensor.name.find("_exps.") != std::string_view::npos && config.experts > 0) {
      work.expert_bytes += bytes;
      work.layer_flops += flops * work.experts_used / work.experts;
    } else if (tensor.name != "token_embd.weight") {  // of which a step reads a row per token
      work.layer_bytes += bytes;
      work.layer_flops += flops;
    }
  }
  work.kv_bytes = static_cast<double>(kv_block_bytes) / local::kBlockTokens;
  work.attention_flops = 4.0 * config.layers * config.heads * config.head_dim;  // q . k, and the sum of values
  work.windowed = windowed_share(config);
  work.window = config.window;
  return work;
}

Work decode_step(const ModelWork& model, std::size_t batch, double context) {
  const auto rows = static_cast<double>(batch);
  return {.bytes = weights_read(model, rows) + rows * seen(model, context) * model.kv_bytes,
          .flops = rows * (model.layer_flops + model.head_flops + seen(model, context) * model.attention_flops)};
}

Work prefill(const ModelWork& model, std::size_t tokens, std::size_t step_tokens) {
  const auto all = static_cast<double>(tokens);
  Work work{.bytes = 0,
            .flops = all * model.layer_flops + model.head_flops + seen_by_all(model, all) * model.attention_flops};
  for (std::size_t done = 0; done < tokens;) {
    const std::size_t now = std::min(step_tokens, tokens - done);
    done += now;
    work.bytes +=
        weights_read(model, static_cast<double>(now)) + seen(model, static_cast<double>(done)) * model.kv_bytes;
    if (done < tokens) work.bytes -= model.head_bytes;  // nothing is drawn before the end
  }
  return work;
}

std::optional<double> memory_us(const Work& work, std::optional<double> gb_per_second) {
  if (!gb_per_second) return std::nullopt;
  return work.bytes / (*gb_per_second * 1e3);
}

std::optional<double> compute_us(const Work& work, std::optional<double> tflops) {
  if (!tflops) return std::nullopt;
  return work.flops / (*tflops * 1e6);
}

}  // namespace tollgate::gateway::bench
