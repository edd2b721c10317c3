#include <stdexcept>

#include "callers.h"

namespace tollgate::local::testing {

const UnderTest& under_test() {
  static const UnderTest kCpu{.families = {"llama", "qwen3", "gemma2", "gemma3", "mixtral", "qwen3moe"},
                              .levels = {CpuLevel::scalar, CpuLevel::avx2, CpuLevel::avx512, CpuLevel::avx512_vnni}};
  return kCpu;
}

TinyModel shaped(TinyModel model) { return model; }

std::unique_ptr<Backend> small_backend(const ModelCase& model, std::shared_ptr<const GgufFile> file, std::size_t blocks,
                                       std::size_t max_step_tokens) {
  const auto config = read_model_config(*file);
  CpuBackendOptions options;
  options.level = model.level;
  options.threads = model.level == CpuLevel::scalar ? 1 : 2;
  options.kv = model.kv;
  options.kv_bytes = blocks * KvLayout{model.kv, config->layers, config->kv_heads, config->head_dim}.block_bytes();
  options.max_step_tokens = max_step_tokens;
  auto backend = make_cpu_backend(std::move(file), options);
  if (!backend) throw std::runtime_error(backend.error().message);
  return *std::move(backend);
}

}  // namespace tollgate::local::testing
