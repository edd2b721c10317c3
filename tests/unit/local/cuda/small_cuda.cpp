#include "small_cuda.h"

#include <stdexcept>

#include "local_backend/cuda/runtime.h"

namespace tollgate::local::gpu {

CudaBackendOptions small_options() {
  CudaBackendOptions options;
  options.kv_bytes = std::size_t{16} << 20;
  options.max_step_tokens = 512;
  options.keep_logits = true;
  options.record_at_load = false;
  return options;
}

std::unique_ptr<Backend> cuda_backend(std::shared_ptr<const GgufFile> file, CudaBackendOptions options) {
  auto backend = make_cuda_backend(std::move(file), options);
  if (!backend) throw std::runtime_error(backend.error().message);
  return *std::move(backend);
}

bool has_device() { return !list_devices().devices.empty(); }

}  // namespace tollgate::local::gpu
