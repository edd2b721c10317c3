// Sums and gathered parts of the simulated devices. A rank leaves what it brings and goes on with the others' work
// until they have brought theirs; sums are made in the order of the ranks. Thread rule: collective.h's.
#include <atomic>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "local_backend/cuda/collective.h"
#include "local_backend/cuda/gpu.h"
#include "tests/support/simulated_gpu/simulated_runtime.h"

namespace tollgate::local::gpu {
namespace {

class SimulatedCollective final : public Collective {
 public:
  explicit SimulatedCollective(std::span<Device* const> devices)
      : devices_(devices.begin(), devices.end()), calls_(devices.size()) {}

  Result<void> all_reduce(int rank, Stream& stream, float* values, std::size_t count) override {
    return add(rank, stream, [this, rank, values, count] {
      meet(rank, 'r', {values, values + count}, [&](const Meeting& meeting) {
        std::memset(values, 0, count * sizeof(float));
        for (const std::vector<float>& brought : meeting.brought)
          for (std::size_t i = 0; i < count; ++i) values[i] += brought[i];
      });
    });
  }

  Result<void> all_gather(int rank, Stream& stream, const float* part, std::size_t count, float* all) override {
    return add(rank, stream, [this, rank, part, count, all] {
      meet(rank, 'g', {part, part + count}, [&](const Meeting& meeting) {
        float* to = all;
        for (const std::vector<float>& brought : meeting.brought) to = std::copy(brought.begin(), brought.end(), to);
      });
    });
  }

  void abort() override { aborted_ = true; }

 private:
  struct Meeting {
    char kind = 0;
    std::size_t count = 0;
    std::vector<std::vector<float>> brought;  // [ranks]
    std::vector<bool> here;                   // [ranks]
    std::size_t gone = 0;
  };

  Result<void> add(int rank, Stream& stream, std::function<void()> work) {
    if (simulated_machine().collective_fails_on == rank)
      return Error{ErrorKind::fatal, 500, "collective_failed",
                   "the simulated NCCL fails on rank " + std::to_string(rank)};
    if (aborted_) return Error{ErrorKind::fatal, 500, "device_lost", "the simulated ranks were given up"};
    enqueue(stream, std::move(work));
    return {};
  }

  // The stream's work, so under the simulated machine's lock but where advance() lets others have a turn.
  template <class Use>
  void meet(int rank, char kind, std::vector<float> brought, const Use& use) {
    const auto mine = static_cast<std::size_t>(rank);
    const std::size_t call = calls_[mine]++;
    Meeting& meeting = meetings_[call];
    if (meeting.brought.empty()) {
      meeting = {kind, brought.size(), std::vector<std::vector<float>>(devices_.size()),
                 std::vector<bool>(devices_.size()), 0};
    }
    if (meeting.kind != kind || meeting.count != brought.size())
      simulation_fails("two ranks' collective calls do not match");
    meeting.brought[mine] = std::move(brought);
    meeting.here[mine] = true;
    for (std::size_t other = 0; other < devices_.size(); ++other) {
      for (Patience patience; !meeting.here[other] && !aborted_;) {
        if (!patience.advance(devices_[other]->compute().impl()))
          simulation_fails("a rank waits for another's collective call");
      }
    }
    if (aborted_) return devices_[mine]->compute().note(1);
    use(meeting);
    if (++meeting.gone == devices_.size()) meetings_.erase(call);
  }

  std::vector<Device*> devices_;
  std::vector<std::size_t> calls_;           // that each rank has made
  std::map<std::size_t, Meeting> meetings_;  // that not all have left
  std::atomic<bool> aborted_ = false;
};

}  // namespace

Result<std::unique_ptr<Collective>> open_collective(std::span<Device* const> devices) {
  if (!simulated_machine().has_collective)
    return Error{ErrorKind::client_fault, 400, "no_collective", "the simulated machine has no NCCL"};
  return std::unique_ptr<Collective>(std::make_unique<SimulatedCollective>(devices));
}

}  // namespace tollgate::local::gpu
