#include "local_backend/engine/devices.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "local_backend/model/cpu_backend.h"
#ifdef TOLLGATE_CUDA
#include "local_backend/cuda/cuda_backend.h"
#endif

namespace tollgate::local {
namespace {

constexpr int kMostDevices = 1024;

Error bad_device(const std::string& name, const std::string& why) {
  return Error{ErrorKind::client_fault, 400, "bad_device", "device " + name + ": " + why};
}

// The numbers of "cuda:0" or "cuda:0,1"; empty: it is no such name.
std::vector<int> ordinals_of(std::string_view name) {
  constexpr std::string_view kPrefix = "cuda:";
  if (!name.starts_with(kPrefix)) return {};
  std::vector<int> ordinals;
  const char* const end = name.data() + name.size();
  for (const char* at = name.data() + kPrefix.size();; ++at) {
    int& ordinal = ordinals.emplace_back();
    const auto [rest, error] = std::from_chars(at, end, ordinal);
    if (error != std::errc() || ordinal < 0 || ordinal >= kMostDevices) return {};
    if (rest == end) return ordinals;
    if (*rest != ',') return {};
    at = rest;
  }
}

Result<ChosenBackend> on_cpu(const std::shared_ptr<const GgufFile>& file, const EngineOptions& options,
                             std::string why) {
  CpuBackendOptions cpu;
  cpu.level = options.level;
  cpu.threads = options.threads;
  cpu.kv = options.kv;
  cpu.kv_bytes = options.kv_bytes;
  cpu.max_step_tokens = options.scheduler.max_step_tokens;
  auto backend = make_cpu_backend(file, cpu);
  if (!backend) return std::move(backend).error();
  return ChosenBackend{*std::move(backend), false, std::move(why)};
}

Result<ChosenBackend> best_of_all(const std::shared_ptr<const GgufFile>& file, const EngineOptions& options,
                                  const CudaFactory* cuda) {
  if (cuda == nullptr) return on_cpu(file, options, {});
  const gpu::DeviceList list = cuda->list();
  std::string why = list.why_none;
  for (const gpu::DeviceInfo& device : list.devices) {
    auto backend = cuda->make(file, options, {device.ordinal});
    if (backend) return ChosenBackend{*std::move(backend), true, {}};
    if (!why.empty()) why += "; ";
    why += "cuda:" + std::to_string(device.ordinal) + ": " + backend.error().message;
  }
  return on_cpu(file, options, std::move(why));
}

}  // namespace

Result<ChosenBackend> choose_backend(const std::shared_ptr<const GgufFile>& file, const EngineOptions& options,
                                     const CudaFactory* cuda) {
  const std::string& name = options.device;
  if (name == "cpu") return on_cpu(file, options, {});
  if (name == "auto") return best_of_all(file, options, cuda);
  const std::vector<int> ordinals = ordinals_of(name);
  if (ordinals.empty())
    return bad_device(name, "write auto, cpu, cuda:0 for the first GPU, or cuda:0,1 for two that share the model");
  if (cuda == nullptr)
    return bad_device(name, "this program was built without CUDA; build it with -DTOLLGATE_CUDA=ON, or write auto");
  const gpu::DeviceList list = cuda->list();
  for (const int ordinal : ordinals) {
    const auto is_wanted = [&](const gpu::DeviceInfo& device) { return device.ordinal == ordinal; };
    if (std::ranges::none_of(list.devices, is_wanted))
      return bad_device(name, list.devices.empty()
                                  ? list.why_none + "; write auto or cpu to do without"
                                  : "there is no GPU " + std::to_string(ordinal) + "; this machine has " +
                                        std::to_string(list.devices.size()) + ", numbered from 0");
  }
  auto backend = cuda->make(file, options, ordinals);
  if (!backend) return std::move(backend).error();
  return ChosenBackend{*std::move(backend), true, {}};
}

#ifdef TOLLGATE_CUDA

const CudaFactory* cuda_factory() {
  static constexpr CudaFactory kFactory{
      .list = gpu::list_devices,
      .make = [](std::shared_ptr<const GgufFile> file, const EngineOptions& options, const std::vector<int>& ordinals) {
        gpu::CudaBackendOptions cuda;
        cuda.ordinals = ordinals;
        cuda.fp8_kv = options.kv == KvType::q8;
        cuda.kv_bytes = options.kv_bytes;
        cuda.max_step_tokens = std::max(options.scheduler.max_step_tokens, cuda.max_step_tokens);
        cuda.context = options.context;
        cuda.exact = options.exact;
        return gpu::make_cuda_backend(std::move(file), cuda);
      }};
  return &kFactory;
}

#else

const CudaFactory* cuda_factory() { return nullptr; }

#endif

}  // namespace tollgate::local
