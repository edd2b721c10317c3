// A decoder's weights in device memory, in the order that the kernels read. Thread rule: that of the device.
#pragma once

#include <vector>

#include "core/result.h"
#include "local_backend/cuda/kernels.h"
#include "local_backend/cuda/shard.h"

namespace tollgate::local::gpu {

// Matrices that read the same rows: one on top of the other where they are of one format, else each for itself.
struct DeviceStack {
  std::vector<DeviceMatrix> matrices;  // one, or one for each part
  std::vector<int> rows;               // of each part
};

// The same of each expert. All are alike, so there is one table of matrices for each of the stack's.
struct DeviceExperts {
  DeviceStack shape;                          // without pointers
  std::vector<const DeviceMatrix *> experts;  // device memory, [experts]
};

// Absent vectors are null, absent matrices have no rows.
struct DeviceFfn {
  DeviceStack gate_up, down;
  const float *gate_bias = nullptr, *up_bias = nullptr, *down_bias = nullptr;
};

struct DeviceLayer {
  const float *attention_norm = nullptr, *attention_post_norm = nullptr;
  const float *ffn_norm = nullptr, *ffn_post_norm = nullptr;
  const float *q_norm = nullptr, *k_norm = nullptr;
  DeviceStack qkv, output;
  const float *q_bias = nullptr, *k_bias = nullptr, *v_bias = nullptr, *output_bias = nullptr;
  DeviceFfn ffn;  // empty where there are experts
  DeviceStack router, shared_router;
  DeviceExperts expert_gate_up, expert_down;
  DeviceFfn shared_expert;

  bool has_experts() const { return !router.rows.empty(); }
  bool has_shared_expert() const { return !shared_router.rows.empty(); }
};

struct DeviceWeights {
  DeviceMatrix embedding;
  DeviceStack head;  // the embedding where they are tied
  const float *output_norm = nullptr;
  std::vector<DeviceLayer> layers;
  Memory memory;
};

// Reads the file's matrices once, a piece at a time. Errors: status 400, code "unsupported_on_device" for what the
// kernels do not take; those of Device::allocate() and Stream::wait().
Result<DeviceWeights> upload_weights(Device &device, const DecoderWeights<MatrixPart> &weights);

}  // namespace tollgate::local::gpu
