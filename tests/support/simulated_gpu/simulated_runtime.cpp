// runtime.h over host memory. Work of a stream is done when somebody waits for it and no sooner, so that memory that is
// changed too early gives wrong results here as on a device.
#include "tests/support/simulated_gpu/simulated_runtime.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "local_backend/cuda/gpu.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kGuardBytes = 256;  // before and behind every piece of device memory
constexpr int kGuard = 0x5A;

constexpr int kMostIdle = 300'000;  // turns of 100 us

// Whatever threads do, one thing at a time happens on the simulated machine.
std::recursive_mutex machine_mutex;
thread_local int turns = 0;  // of this thread, one within the other

class Turn {
 public:
  Turn() {
    machine_mutex.lock();
    ++turns;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    --turns;
    machine_mutex.unlock();
  }
};

void let_others() {
  const int mine = std::exchange(turns, 0);
  for (int i = 0; i < mine; ++i) machine_mutex.unlock();
  std::this_thread::sleep_for(std::chrono::microseconds(100));
  for (int i = 0; i < mine; ++i) machine_mutex.lock();
  turns = mine;
}

std::string in_mebibytes(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

SimulatedMachine& simulated_machine() {
  static SimulatedMachine machine;
  return machine;
}

struct Event::Impl {
  Stream::Impl* stream = nullptr;
  bool passed = false;
};

struct Graph::Impl {
  std::vector<std::function<void()>> work;
};

struct Stream::Impl {
  Device::Impl* device = nullptr;
  std::deque<std::function<void()>> queue;
  std::shared_ptr<Graph::Impl> capture;  // not null between begin_capture() and end_capture()
  int error = 0;
  bool busy = false;  // in the middle of something, maybe on another thread

  void add(std::function<void()> work) {
    const Turn turn;
    if (capture) {
      capture->work.push_back(std::move(work));
    } else {
      queue.push_back(std::move(work));
    }
  }
  void run_one(Patience& patience) {
    if (!patience.advance(*this)) simulation_fails("a stream waits for work that nobody gives");
  }
  void run_all() {
    const Turn turn;
    for (Patience patience; busy || !queue.empty();) run_one(patience);
  }
};

bool Patience::advance(Stream::Impl& other) {
  const Turn turn;
  if (other.busy || other.queue.empty()) {
    let_others();
    return ++idle_ < kMostIdle;
  }
  idle_ = 0;
  const std::function<void()> work = std::move(other.queue.front());
  other.queue.pop_front();
  other.busy = true;
  work();
  other.busy = false;
  return true;
}

struct Device::Impl {
  DeviceInfo info;
  std::size_t used = 0;
  std::set<std::pair<std::byte*, std::size_t>> pieces;
  Stream::Impl* streams[2] = {};
  std::unique_ptr<Stream> compute, copies;

  void finish() {
    for (Stream::Impl* stream : streams) stream->run_all();
  }
  void check_guards() const {
    for (const auto& [data, bytes] : pieces) {
      for (std::size_t i = 0; i < kGuardBytes; ++i) {
        if (data[-1 - static_cast<std::ptrdiff_t>(i)] != std::byte{kGuard} || data[bytes + i] != std::byte{kGuard})
          simulation_fails("a kernel or copy wrote beside its device memory");
      }
    }
  }
};

DeviceList list_devices() {
  DeviceList list;
  for (int i = 0; i < simulated_machine().devices; ++i) {
    const SimulatedMachine& machine = simulated_machine();
    list.devices.push_back({i, "simulated GPU", 9, 0, machine.multiprocessors, machine.memory, machine.shared_per_block,
                            std::size_t{50} << 20});
  }
  if (list.devices.empty()) list.why_none = "the simulated machine has none";
  return list;
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  const Turn turn;
  device_->impl_->finish();
  if (pinned_) {
    std::free(data_);
    return;
  }
  device_->impl_->check_guards();
  device_->impl_->pieces.erase({data_, bytes_});
  device_->impl_->used -= bytes_;
  std::free(data_ - kGuardBytes);
}

Stream::Stream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::~Stream() = default;

void Stream::copy_in(void* device, const void* host, std::size_t bytes) {
  impl_->add([=] { std::memcpy(device, host, bytes); });
}
void Stream::copy_out(void* host, const void* device, std::size_t bytes) { copy_in(host, device, bytes); }
void Stream::copy_within(void* to, const void* from, std::size_t bytes) {
  impl_->add([=] { std::memmove(to, from, bytes); });
}
void Stream::fill(void* device, std::uint8_t value, std::size_t bytes) {
  impl_->add([=] { std::memset(device, value, bytes); });
}

Event Stream::record() {
  auto event = std::make_shared<Event::Impl>();
  event->stream = impl_.get();
  impl_->add([event] { event->passed = true; });
  return Event(event);
}

void Stream::wait_for(const Event& event) {
  impl_->add([event] {
    for (Patience patience; !event.get()->passed;) event.get()->stream->run_one(patience);
  });
}

Result<void> Stream::wait() {
  const Turn turn;
  impl_->run_all();
  impl_->device->check_guards();
  if (impl_->error != 0) return Error{ErrorKind::fatal, 500, "device_lost", "the simulated GPU failed on request"};
  return {};
}

Result<void> Stream::wait(const Event& event) {
  const Turn turn;
  for (Patience patience; !event.get()->passed;) event.get()->stream->run_one(patience);
  if (impl_->error != 0) return Error{ErrorKind::fatal, 500, "device_lost", "the simulated GPU failed on request"};
  return {};
}

float Stream::milliseconds(const Event&, const Event&) { return 0; }

void Stream::begin_capture() { impl_->capture = std::make_shared<Graph::Impl>(); }
Result<Graph> Stream::end_capture() { return Graph(std::move(impl_->capture)); }
void Stream::launch(const Graph& graph) {
  impl_->add([graph] {
    for (const auto& work : graph.get()->work) work();
  });
}

void* Stream::handle() const { return nullptr; }
bool Stream::overlaps_kernels() const { return false; }
void Stream::note(int error) {
  if (impl_->error == 0) impl_->error = error;
}

void enqueue(Stream& stream, std::function<void()> work) { stream.impl().add(std::move(work)); }

Result<std::unique_ptr<Device>> Device::open(int ordinal) {
  const DeviceList list = list_devices();
  if (ordinal < 0 || ordinal >= static_cast<int>(list.devices.size()))
    return Error{ErrorKind::client_fault, 400, "no_device", "there is no device cuda:" + std::to_string(ordinal)};
  auto impl = std::make_unique<Impl>();
  impl->info = list.devices[static_cast<std::size_t>(ordinal)];
  for (Stream::Impl*& raw : impl->streams) {
    auto stream = std::make_unique<Stream::Impl>();
    stream->device = impl.get();
    raw = stream.get();
    (raw == impl->streams[0] ? impl->compute : impl->copies) = std::make_unique<Stream>(std::move(stream));
  }
  return std::make_unique<Device>(std::move(impl));
}

Device::Device(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Device::~Device() = default;
const DeviceInfo& Device::info() const { return impl_->info; }
std::size_t Device::free_memory() const { return impl_->info.memory - impl_->used; }
Stream& Device::compute() { return *impl_->compute; }
Stream& Device::copies() { return *impl_->copies; }
void Device::select() {}

Result<Memory> Device::allocate(std::size_t bytes, std::string_view what) {
  if (bytes > free_memory())
    return Error{ErrorKind::fatal, 507, "out_of_device_memory",
                 std::string(what) + " needs " + in_mebibytes(bytes) + " of device memory, " +
                     in_mebibytes(free_memory()) + " are free"};
  const std::size_t room = (bytes + 2 * kGuardBytes + 255) / 256 * 256;
  auto* start = static_cast<std::byte*>(std::aligned_alloc(256, room));
  std::memset(start, kGuard, room);
  Memory memory;
  memory.data_ = start + kGuardBytes;
  memory.bytes_ = bytes;
  memory.device_ = this;
  std::memset(memory.data_, 0xFF, bytes);
  impl_->pieces.insert({memory.data_, bytes});
  impl_->used += bytes;
  return memory;
}

Result<Memory> Device::allocate_pinned(std::size_t bytes, std::string_view) {
  Memory memory;
  memory.data_ = static_cast<std::byte*>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  memory.bytes_ = bytes;
  memory.device_ = this;
  memory.pinned_ = true;
  std::memset(memory.data_, 0xFF, bytes);
  return memory;
}

}  // namespace tollgate::local::gpu
