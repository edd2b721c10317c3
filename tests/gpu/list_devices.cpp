// Prints the GPUs that the device code of this build finds, or why there are none.
#include <cstdio>

#include "local_backend/cuda/runtime.h"

int main() {
  const tollgate::local::gpu::DeviceList list = tollgate::local::gpu::list_devices();
  if (list.devices.empty()) std::printf("no device: %s\n", list.why_none.c_str());
  for (const tollgate::local::gpu::DeviceInfo& device : list.devices) {
    const auto opened = tollgate::local::gpu::Device::open(device.ordinal);
    std::printf("cuda:%d %s, compute capability %d.%d, %d multiprocessors, %zu MiB: %s\n", device.ordinal,
                device.name.c_str(), device.major, device.minor, device.multiprocessors, device.memory >> 20,
                opened ? "usable" : opened.error().message.c_str());
  }
  return 0;
}
