// One model on several devices of one machine: a back end for each (device_backend.h), all given the same steps, each
// by its own thread. A block of the pool is the ranks' parts one after the other. Inside cuda/ only. Thread rule:
// backend.h's.
#pragma once

#include <memory>

#include "local_backend/cuda/cuda_backend.h"
#include "local_backend/model/decoder_file.h"

namespace tollgate::local::gpu {

// For options.ordinals of 2, 4 or 8 devices; kv_bytes is of all of them together. Errors: as make_cuda_backend(), and
// those of open_collective(). A step that goes wrong on one device ends the work of all: status 500, code
// "device_lost", also for every later step.
Result<std::unique_ptr<Backend>> make_ranked_backend(std::shared_ptr<const GgufFile> file, const DecoderFile& model,
                                                     const CudaBackendOptions& options);

}  // namespace tollgate::local::gpu
