// Devices and memory of runtime.h on the CUDA runtime. It is linked statically and looks for the driver when it is
// first asked, so that the program starts where there is none. Sources: CUDA Runtime API 13.0, "Device Management",
// "Memory Management", "Error Handling".
#include "local_backend/cuda/runtime_cuda.h"

#include <cstdlib>
#include <string_view>

#include "local_backend/cuda/architectures.h"

namespace tollgate::local::gpu {
namespace {

// The build names what it made machine code for.
constexpr std::string_view kBuilt = TOLLGATE_CUDA_ARCHITECTURES;
constexpr int kOverlapSince = 9;  // compute capability of programmatic dependent launch

std::string in_mebibytes(std::size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

std::string version_in_words(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string why_no_devices(int error) {
  int driver = 0;
  // A failed call leaves its error for whoever asks next.
  if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
  static_cast<void>(cudaGetLastError());
  if (driver == 0) return "no NVIDIA driver: `nvidia-smi` must work for whom Tollgate runs as";
  if (error == cudaErrorNoDevice) return "the NVIDIA driver finds no GPU, or CUDA_VISIBLE_DEVICES hides them all";
  if (error == cudaErrorInsufficientDriver)
    return "the NVIDIA driver is too old: it knows CUDA " + version_in_words(driver) +
           ", this program was built with " + version_in_words(CUDART_VERSION);
  return "the NVIDIA driver fails: " + error_in_words(error);
}

DeviceInfo describe(int ordinal) {
  DeviceInfo info;
  info.ordinal = ordinal;
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, ordinal) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    info.name = "a GPU that does not answer";
    return info;
  }
  info.name = properties.name;
  info.major = properties.major;
  info.minor = properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  info.memory = properties.totalGlobalMem;
  info.shared_per_block = properties.sharedMemPerBlockOptin;
  info.l2_bytes = static_cast<std::size_t>(properties.l2CacheSize);
  return info;
}

Error no_device(std::string why) { return Error{ErrorKind::client_fault, 400, "no_device", std::move(why)}; }

Result<std::unique_ptr<Stream>> new_stream(const Device::Impl& device) {
  auto impl = std::make_unique<Stream::Impl>();
  impl->ordinal = device.info.ordinal;
  impl->device = device.name;
  // For finding faults: with TOLLGATE_CUDA_OVERLAP=off every kernel ends before the next one starts.
  const char* overlap = std::getenv("TOLLGATE_CUDA_OVERLAP");
  impl->overlaps = device.info.major >= kOverlapSince && (overlap == nullptr || std::string_view(overlap) != "off");
  // Not the default stream, which would wait for everything else.
  const int error = cudaStreamCreateWithFlags(&impl->stream, cudaStreamNonBlocking);
  if (error != cudaSuccess) return no_device(device.name + " gives no stream: " + error_in_words(error));
  return std::make_unique<Stream>(std::move(impl));
}

}  // namespace

int make_current(int ordinal) {
  thread_local int current = -1;
  if (current == ordinal) return cudaSuccess;
  const int error = cudaSetDevice(ordinal);
  if (error == cudaSuccess) current = ordinal;
  return error;
}

std::string error_in_words(int error) {
  const auto code = static_cast<cudaError_t>(error);
  return std::string(cudaGetErrorName(code)) + " (" + cudaGetErrorString(code) + ")";
}

Error device_lost(const std::string& device, int error) {
  return Error{ErrorKind::fatal, 500, "device_lost",
               device + " failed: " + error_in_words(error) +
                   "; nothing on it can be used until Tollgate is started again. If it comes back, look for Xid in the "
                   "kernel's log (`dmesg`)"};
}

DeviceList list_devices() {
  DeviceList list;
  int count = 0;
  const int error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    static_cast<void>(cudaGetLastError());
    list.why_none = why_no_devices(error == cudaSuccess ? static_cast<int>(cudaErrorNoDevice) : error);
    return list;
  }
  for (int i = 0; i < count; ++i) list.devices.push_back(describe(i));
  return list;
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  // What goes wrong here went wrong before, and the streams tell it.
  device_->select();
  static_cast<void>(cudaDeviceSynchronize());
  static_cast<void>(pinned_ ? cudaFreeHost(data_) : cudaFree(data_));
  static_cast<void>(cudaGetLastError());
}

Result<std::unique_ptr<Device>> Device::open(int ordinal) {
  const DeviceList list = list_devices();
  if (list.devices.empty())
    return no_device("there is no device cuda:" + std::to_string(ordinal) + ": " + list.why_none);
  if (ordinal < 0 || ordinal >= static_cast<int>(list.devices.size()))
    return no_device("there is no device cuda:" + std::to_string(ordinal) +
                     "; the last one is cuda:" + std::to_string(list.devices.size() - 1));
  auto impl = std::make_unique<Impl>();
  impl->info = list.devices[static_cast<std::size_t>(ordinal)];
  impl->name = "cuda:" + std::to_string(ordinal) + " (" + impl->info.name + ")";
  if (!runs_on(kBuilt, impl->info.major, impl->info.minor))
    return no_device(impl->name + " has compute capability " + std::to_string(impl->info.major) + "." +
                     std::to_string(impl->info.minor) + ", this program was built for " +
                     architectures_in_words(kBuilt) +
                     "; build with -DTOLLGATE_CUDA_ARCHITECTURES=native on this machine (8.0 is the least)");
  if (const int error = make_current(ordinal); error != cudaSuccess)
    return no_device(impl->name + " cannot be used: " + error_in_words(error));
  for (std::unique_ptr<Stream>* stream : {&impl->compute, &impl->copies}) {
    auto made = new_stream(*impl);
    if (!made) return made.error();
    *stream = std::move(*made);
  }
  return std::make_unique<Device>(std::move(impl));
}

Device::Device(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Device::~Device() {
  select();
  static_cast<void>(cudaDeviceSynchronize());
  static_cast<void>(cudaGetLastError());
}

const DeviceInfo& Device::info() const { return impl_->info; }
Stream& Device::compute() { return *impl_->compute; }
Stream& Device::copies() { return *impl_->copies; }
void Device::select() { impl_->compute->note(make_current(impl_->info.ordinal)); }

std::size_t Device::free_memory() const {
  std::size_t free = 0, all = 0;
  impl_->compute->note(make_current(impl_->info.ordinal));
  impl_->compute->note(cudaMemGetInfo(&free, &all));
  return free;
}

Result<Memory> Device::allocate(std::size_t bytes, std::string_view what) {
  select();
  Memory memory;
  void* data = nullptr;
  const int error = cudaMalloc(&data, bytes);
  if (error == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    return Error{ErrorKind::fatal, 507, "out_of_device_memory",
                 std::string(what) + " needs " + in_mebibytes(bytes) + " of device memory, " +
                     in_mebibytes(free_memory()) + " are free on " + impl_->name};
  }
  if (error != cudaSuccess) {
    impl_->compute->note(error);
    return device_lost(impl_->name, error);
  }
  memory.data_ = static_cast<std::byte*>(data);
  memory.bytes_ = bytes;
  memory.device_ = this;
  return memory;
}

Result<Memory> Device::allocate_pinned(std::size_t bytes, std::string_view what) {
  select();
  Memory memory;
  void* data = nullptr;
  const int error = cudaHostAlloc(&data, bytes, cudaHostAllocDefault);
  if (error == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    return Error{ErrorKind::fatal, 507, "out_of_device_memory",
                 std::string(what) + " needs " + in_mebibytes(bytes) +
                     " of host memory that cannot be paged out, and the machine has no more to give"};
  }
  if (error != cudaSuccess) {
    impl_->compute->note(error);
    return device_lost(impl_->name, error);
  }
  memory.data_ = static_cast<std::byte*>(data);
  memory.bytes_ = bytes;
  memory.device_ = this;
  memory.pinned_ = true;
  return memory;
}

}  // namespace tollgate::local::gpu
