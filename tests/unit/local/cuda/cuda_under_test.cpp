#include "../model/under_test.h"
#include "../model/wide_heads.h"
#include "small_cuda.h"

namespace tollgate::local {

std::unique_ptr<Backend> backend_under_test(const std::string& family, KvType kv) {
  gpu::CudaBackendOptions options = gpu::small_options();
  options.fp8_kv = kv == KvType::q8;
  options.exact = true;
  return gpu::cuda_backend(with_wide_heads(TinyModel::load(family)).file(TensorType::q8_0), options);
}

const std::vector<std::string>& families_under_test() {
  static const std::vector<std::string> kNames{"llama", "gemma2", "qwen2moe"};
  return kNames;
}

std::int32_t chunk_stride(KvType kv) { return kv == KvType::f16 ? 20 : 33; }

}  // namespace tollgate::local
