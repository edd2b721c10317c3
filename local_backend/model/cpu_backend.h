// A decoder model on the CPU behind the Backend interface, and the hyperparameters that every back end shares.
// Architectures are rows of a table (model/architectures.cpp): which norms, biases, activation, rope and window a layer
// has. Thread rule: see backend.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "local_backend/backend.h"
#include "local_backend/gguf/gguf_file.h"
#include "local_backend/kernels/kernels.h"

namespace tollgate::local {

// What the metadata says, checked against the tensors' shapes.
struct ModelConfig {
  std::string architecture;  // general.architecture
  std::string name;
  int layers = 0, width = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0;
  std::size_t vocabulary = 0, context = 0;
  float norm_eps = 1e-5f;
  float rope_base = 10000.0f;
  int rope_dims = 0;
  int window = 0;  // sliding window in tokens, 0 = none; which layers have it is the architecture's
  int experts = 0, experts_used = 0, expert_ffn = 0, shared_expert_ffn = 0;
};
// Errors: status 400, code "bad_model_file" or "unsupported_model", message names file and key or tensor.
Result<ModelConfig> read_model_config(const GgufFile& file);

struct CpuBackendOptions {
  CpuLevel level = best_cpu_level();
  int threads = 0;  // 0 = cores - 1
  KvType kv = KvType::f16;
  std::size_t kv_bytes = 0;  // of the block pool; 0 = enough for one full context, at most 1 GiB
  std::size_t max_step_tokens = 512;
  bool keep_logits = false;  // StepResult::logits
};
Result<std::unique_ptr<Backend>> make_cpu_backend(std::shared_ptr<const GgufFile> file,
                                                  const CpuBackendOptions& options = {});

// A BERT-type embedder.
class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual std::size_t width() const = 0;
  virtual std::size_t context() const = 0;
  // One vector per sequence, pooled and normalised as the file asks. REQUIRES: 1 <= tokens <= context() each.
  virtual Result<std::vector<std::vector<float>>> embed(std::span<const std::vector<Token>> sequences) = 0;
};
Result<std::unique_ptr<Embedder>> make_cpu_embedder(std::shared_ptr<const GgufFile> file,
                                                    const CpuBackendOptions& options = {});

}  // namespace tollgate::local
