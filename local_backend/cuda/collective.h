// Sums and gatherings over the devices that share a model's matrices, what tensor parallel layers need between their
// products. One thread drives all devices. Work is added to each device's compute stream; what a device reads of the
// others is there when its stream comes to it. Thread rule: that of all the devices.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "local_backend/cuda/runtime.h"

namespace tollgate::local::gpu {

class Collective {
 public:
  virtual ~Collective() = default;
  // data[i][count], memory of device i: each becomes the sum of all. The order of additions is the library's, the same
  // for the same count and devices. Errors: status 500, code "collective_failed".
  virtual Result<void> sum(std::span<float* const> data, std::size_t count) = 0;
  // to[i][devices][count] = from[0][count], from[1][count], ... Errors: the same.
  virtual Result<void> gather(std::span<const float* const> from, std::span<float* const> to, std::size_t count) = 0;
};

// NCCL on devices (collective_nccl.cpp), plain loops on the simulated GPU. The devices must outlive what is returned.
// Errors: status 500, code "no_collective": where the library was looked for, or why it does not start.
Result<std::unique_ptr<Collective>> open_collective(std::span<Device* const> devices);

}  // namespace tollgate::local::gpu
