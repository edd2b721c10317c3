// A decoder model on a CUDA device behind the Backend interface: steps are started and finished apart, up to two at a
// time, and steps of one token for each of many sequences are recorded once and replayed. Thread rule: see backend.h;
// the back end may be made on another thread than the one that then uses it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "local_backend/backend.h"
#include "local_backend/gguf/gguf_file.h"

namespace tollgate::local::gpu {

struct CudaBackendOptions {
  std::vector<int> ordinals{0};  // of the device, or of 2, 4 or 8 that share the model
  bool fp8_kv = false;           // keys and values as e4m3 bytes instead of halves
  std::size_t kv_bytes =
      0;  // of the block pool, of all devices together; 0 = what is left of the device's memory, with a tenth kept free
  std::size_t max_step_tokens = 2048;
  std::size_t context = 0;    // of the longest sequence; 0 = the model's
  bool fp8_products = false;  // prompts are multiplied in 8 bits: faster, coarser
  bool exact = false;         // the same bits however steps are cut; slower for long prompts
  bool keep_logits = false;
  bool graphs = true;          // replays recorded steps; several devices do without
  bool record_at_load = true;  // all sizes of them; else each when it is first needed
};

// Errors: those of read_decoder(), Device::open() and Device::allocate(); status 400, code "unsupported_on_device" for
// a model that the kernels do not take or the devices cannot share, "no_collective" where NCCL is not to be found;
// status 507, code "out_of_device_memory" when not even one context's keys and values fit. The messages say what to do.
Result<std::unique_ptr<Backend>> make_cuda_backend(std::shared_ptr<const GgufFile> file,
                                                   const CudaBackendOptions& options = {});

}  // namespace tollgate::local::gpu
