// What the two sources of the CUDA runtime's side share. Included by runtime_cuda*.cpp alone. Thread rule: runtime.h's.
#pragma once

#include <cuda_runtime_api.h>

#include "local_backend/cuda/runtime.h"

namespace tollgate::local::gpu {

// The calling thread's device from now on; nothing where it is already. Returns the runtime's error code.
int make_current(int ordinal);

// "cudaErrorIllegalAddress (an illegal memory access was encountered)".
std::string error_in_words(int error);
// `device` as in "cuda:0 (NVIDIA H200)".
Error device_lost(const std::string& device, int error);

struct Event::Impl {
  cudaEvent_t event = nullptr;
  ~Impl();
};

struct Graph::Impl {
  cudaGraphExec_t executable = nullptr;
  ~Impl();
};

struct Stream::Impl {
  cudaStream_t stream = nullptr;
  int ordinal = 0;
  std::string device;     // for errors
  bool overlaps = false;  // programmatic dependent launch
  bool capturing = false;
  int error = 0;          // the first one; nothing takes it back
  int capture_error = 0;  // of what is being recorded
  ~Impl();

  // Keeps the first error, of the recording while there is one.
  void note(int code);
  Result<void> outcome() const;
};

struct Device::Impl {
  DeviceInfo info;
  std::string name;  // for errors
  std::unique_ptr<Stream> compute, copies;
};

}  // namespace tollgate::local::gpu
