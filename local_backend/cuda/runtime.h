// Devices, memory, streams and graphs: what the back end needs of the CUDA runtime and nothing of its types, so that
// the same back end runs on a device (runtime_cuda.cpp) and on the simulated GPU of the tests. Two libraries define
// these functions; a program links one of them.
//
// Errors of asynchronous work are kept by the stream and told by Stream::wait(): status 500, code "device_lost", after
// which nothing on the device may be used again. Thread rule: one thread per device at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace tollgate::local::gpu {

struct DeviceInfo {
  int ordinal = 0;
  std::string name;  // "NVIDIA H200"
  int major = 0, minor = 0;
  int multiprocessors = 0;
  std::size_t memory = 0;            // all of it; what is free: Device::free_memory()
  std::size_t shared_per_block = 0;  // with the opt-in limit
  std::size_t l2_bytes = 0;
};

struct DeviceList {
  std::vector<DeviceInfo> devices;
  std::string why_none;  // when there are none: "no NVIDIA driver", "built without CUDA", ...
};
DeviceList list_devices();

struct Grid {
  unsigned x = 1, y = 1, z = 1;  // blocks
  unsigned threads = 128;        // of a block, whole warps, at most 1,024
  std::size_t shared_bytes = 0;  // of a block
};

class Device;

// Device memory, or host memory that the device can copy from and to without a detour. Freed by the destructor, which
// waits for the device.
class Memory {
 public:
  Memory() = default;
  Memory(Memory&& other) noexcept { *this = static_cast<Memory&&>(other); }
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(device_, other.device_);
    std::swap(pinned_, other.pinned_);
    return *this;
  }
  ~Memory();
  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  template <class Value>
  Value* as() const {
    return reinterpret_cast<Value*>(data_);
  }

 private:
  friend class Device;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  Device* device_ = nullptr;
  bool pinned_ = false;
};

// Recorded work of a stream; the memory that it names must live on.
class Graph {
 public:
  struct Impl;
  Graph() = default;
  explicit Graph(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  explicit operator bool() const { return impl_ != nullptr; }
  Impl* get() const { return impl_.get(); }

 private:
  std::shared_ptr<Impl> impl_;
};

// A point in a stream's work.
class Event {
 public:
  struct Impl;
  Event() = default;
  explicit Event(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  Impl* get() const { return impl_.get(); }

 private:
  std::shared_ptr<Impl> impl_;
};

// Work in order. Nothing given to it is done when a call returns; memory named must stay until it is.
class Stream {
 public:
  struct Impl;
  explicit Stream(std::unique_ptr<Impl> impl);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  void copy_in(void* device, const void* host, std::size_t bytes);
  void copy_out(void* host, const void* device, std::size_t bytes);
  void copy_within(void* to, const void* from, std::size_t bytes);
  void fill(void* device, std::uint8_t value, std::size_t bytes);

  Event record();
  void wait_for(const Event& event);  // of another stream of this device
  // Until all is done. Errors: the first of this stream's.
  Result<void> wait();
  Result<void> wait(const Event& event);  // until the event has passed
  // Milliseconds of device time between two passed events; 0 on the simulated GPU.
  float milliseconds(const Event& from, const Event& to);

  // What comes after begin_capture() is recorded and not done. Until end_capture() the thread neither allocates nor
  // frees nor waits on this device. Errors: code "capture_failed", after which the stream is as good as before; kind
  // retry_same: record again, the kernels will not overlap then; fatal: do without graphs.
  void begin_capture();
  Result<Graph> end_capture();
  void launch(const Graph& graph);

  // For launch() of gpu.h: the runtime's stream, whether kernels may start before their predecessor ends, and a place
  // for a call's error code.
  void* handle() const;
  bool overlaps_kernels() const;
  void note(int error);
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class Device {
 public:
  struct Impl;
  // Errors: status 400, code "no_device": no such device, or one that this build has no kernels for; says why.
  static Result<std::unique_ptr<Device>> open(int ordinal);
  explicit Device(std::unique_ptr<Impl> impl);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  const DeviceInfo& info() const;
  // `what` is named in the error: "the weights". Errors: status 507, code "out_of_device_memory", with what is free.
  Result<Memory> allocate(std::size_t bytes, std::string_view what);
  Result<Memory> allocate_pinned(std::size_t bytes, std::string_view what);
  std::size_t free_memory() const;

  Stream& compute();  // where steps run
  Stream& copies();   // where blocks travel
  // Makes this device the calling thread's.
  void select();

 private:
  friend class Memory;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local::gpu
