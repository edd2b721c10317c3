// Back ends on the simulated GPU, or on device 0, over tiny models.
#pragma once

#include <memory>

#include "../model/tiny_model.h"
#include "local_backend/cuda/cuda_backend.h"

namespace tollgate::local::gpu {

// Room for 16 MiB of keys and values, steps of 512 tokens; recorded when first needed.
CudaBackendOptions small_options();
// Keeps logits. Skips or fails by exception where it cannot be made.
std::unique_ptr<Backend> cuda_backend(std::shared_ptr<const GgufFile> file,
                                      CudaBackendOptions options = small_options());
bool has_device();

}  // namespace tollgate::local::gpu
