// Where a model runs: `cpu`, `cuda:0` and so on, `cuda:0,1` for several that share it, or `auto` for the first CUDA
// device that takes it, else the CPU.
// Thread rule: any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/backend.h"
#include "local_backend/cuda/runtime.h"
#include "local_backend/engine/engine.h"
#include "local_backend/gguf/gguf_file.h"

namespace tollgate::local {

// What a program with CUDA has.
struct CudaFactory {
  gpu::DeviceList (*list)() = nullptr;
  Result<std::unique_ptr<Backend>> (*make)(std::shared_ptr<const GgufFile> file, const EngineOptions& options,
                                           const std::vector<int>& ordinals) = nullptr;
};
// nullptr in builds without CUDA.
const CudaFactory* cuda_factory();

struct ChosenBackend {
  std::unique_ptr<Backend> backend;
  bool on_device = false;
  std::string why_cpu;  // where `auto` would have taken a device; empty in builds without CUDA
};
// Errors: status 400, code "bad_device" for what is no device's name or not there; for a device that is asked for by
// name also those of its back end; those of make_cpu_backend().
Result<ChosenBackend> choose_backend(const std::shared_ptr<const GgufFile>& file, const EngineOptions& options,
                                     const CudaFactory* cuda = cuda_factory());

}  // namespace tollgate::local
