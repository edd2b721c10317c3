// The back end of one device, which has all of a model or one rank's part of it. Inside cuda/ only. Thread rule:
// backend.h's.
#pragma once

#include <memory>

#include "local_backend/cuda/collective.h"
#include "local_backend/cuda/cuda_backend.h"
#include "local_backend/cuda/shard.h"

namespace tollgate::local::gpu {

// With several ranks every one gets the same plans; blocks and logits are told by each: its own part of a block, all of
// the logits. Only rank 0 has a fingerprint, that of the file. Errors: as make_cuda_backend().
Result<std::unique_ptr<Backend>> make_device_backend(std::shared_ptr<Device> device, const Shard& model,
                                                     const GgufFile& file, const CudaBackendOptions& options,
                                                     const Rank& rank = {});

}  // namespace tollgate::local::gpu
