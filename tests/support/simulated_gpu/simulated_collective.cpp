// Collective over the simulated devices: the first device's stream waits for all and computes in the order of the
// devices, the others wait for it. Thread rule: that of all the devices.
#include "local_backend/cuda/collective.h"

#include <algorithm>

#include "local_backend/cuda/gpu.h"

namespace tollgate::local::gpu {
namespace {

class SimulatedCollective final : public Collective {
 public:
  explicit SimulatedCollective(std::span<Device* const> devices) : devices_(devices.begin(), devices.end()) {}

  Result<void> sum(std::span<float* const> data, std::size_t count) override {
    const std::vector<float*> all(data.begin(), data.end());
    together([all, count] {
      for (std::size_t i = 0; i < count; ++i) {
        float sum = 0;
        for (const float* one : all) sum += one[i];
        for (float* one : all) one[i] = sum;
      }
    });
    return {};
  }

  Result<void> gather(std::span<const float* const> from, std::span<float* const> to, std::size_t count) override {
    const std::vector<const float*> sources(from.begin(), from.end());
    const std::vector<float*> targets(to.begin(), to.end());
    together([sources, targets, count] {
      for (float* target : targets)
        for (const float* source : sources) target = std::copy_n(source, count, target);
    });
    return {};
  }

 private:
  void together(std::function<void()> work) {
    Stream& first = devices_.front()->compute();
    std::vector<Event> ready;
    for (std::size_t i = 1; i < devices_.size(); ++i) ready.push_back(devices_[i]->compute().record());
    for (const Event& event : ready) first.wait_for(event);
    enqueue(first, std::move(work));
    const Event done = first.record();
    for (std::size_t i = 1; i < devices_.size(); ++i) devices_[i]->compute().wait_for(done);
  }

  std::vector<Device*> devices_;
};

}  // namespace

Result<std::unique_ptr<Collective>> open_collective(std::span<Device* const> devices) {
  return std::unique_ptr<Collective>(std::make_unique<SimulatedCollective>(devices));
}

}  // namespace tollgate::local::gpu
