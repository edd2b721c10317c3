#include "../engine/callers.h"
#include "../model/wide_heads.h"
#include "small_cuda.h"

namespace tollgate::local::testing {

const UnderTest& under_test() {
  static const UnderTest kCuda{
      .families = {"mixtral"}, .levels = {CpuLevel::scalar}, .requests = 3, .all_happen = false, .long_answers = false};
  return kCuda;
}

TinyModel shaped(TinyModel model) { return with_wide_heads(std::move(model)); }

std::unique_ptr<Backend> small_backend(const ModelCase& model, std::shared_ptr<const GgufFile> file, std::size_t blocks,
                                       std::size_t max_step_tokens) {
  const auto config = read_model_config(*file);
  const KvLayout halves{KvType::f16, config->layers, config->kv_heads, config->head_dim};
  gpu::CudaBackendOptions options;
  options.fp8_kv = model.kv == KvType::q8;
  options.kv_bytes = blocks * halves.block_bytes() / (options.fp8_kv ? 2 : 1);
  options.max_step_tokens = max_step_tokens;
  options.exact = true;
  options.record_at_load = false;
  return gpu::cuda_backend(std::move(file), options);
}

}  // namespace tollgate::local::testing
