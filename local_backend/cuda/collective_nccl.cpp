// Collective on NCCL. Sources: NCCL 2.27, "Creating a Communicator", "Error handling and communicator abort", "Thread
// Safety", "In-place Operations". Each rank's thread makes its own calls, so no group is needed: groups are for one
// thread with several devices. Thread rule: collective.h's.
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "local_backend/cuda/collective.h"
#include "local_backend/cuda/nccl.h"

namespace tollgate::local::gpu {
namespace {

constexpr auto kLongestCall = std::chrono::seconds(5);

class NcclCollective final : public Collective {
 public:
  NcclCollective(const nccl::Functions& functions, std::vector<nccl::Communicator> communicators)
      : f_(functions), communicators_(std::move(communicators)) {}
  NcclCollective(const NcclCollective&) = delete;
  NcclCollective& operator=(const NcclCollective&) = delete;
  ~NcclCollective() override {
    if (aborted_) return;  // which freed them
    for (nccl::Communicator communicator : communicators_) static_cast<void>(f_.comm_destroy(communicator));
  }

  Result<void> all_reduce(int rank, Stream& stream, float* values, std::size_t count) override {
    return call(rank, "ncclAllReduce", [&](nccl::Communicator communicator) {
      return f_.all_reduce(values, values, count, nccl::kFloat, nccl::kSum, communicator, stream.handle());
    });
  }

  Result<void> all_gather(int rank, Stream& stream, const float* part, std::size_t count, float* all) override {
    return call(rank, "ncclAllGather", [&](nccl::Communicator communicator) {
      return f_.all_gather(part, all, count, nccl::kFloat, communicator, stream.handle());
    });
  }

  // A call that is under way elsewhere may itself wait for a rank that never comes: after a while it is cut off.
  void abort() override {
    const std::unique_lock lock(mutex_, kLongestCall);
    if (aborted_) return;
    aborted_ = true;
    for (nccl::Communicator communicator : communicators_) static_cast<void>(f_.comm_abort(communicator));
  }

 private:
  template <class Call>
  Result<void> call(int rank, const char* name, const Call& make) {
    const std::shared_lock lock(mutex_);
    if (aborted_) return lost(rank, name, "another rank has failed");
    nccl::Communicator communicator = communicators_[static_cast<std::size_t>(rank)];
    if (const nccl::Status status = make(communicator); status != 0) return lost(rank, name, words(status));
    // What went wrong since: a device or link that is gone.
    nccl::Status earlier = 0;
    if (const nccl::Status status = f_.comm_get_async_error(communicator, &earlier); status != 0) earlier = status;
    return earlier == 0 ? Result<void>() : lost(rank, name, words(earlier));
  }

  std::string words(nccl::Status status) const {
    return std::string(f_.get_error_string(status)) + " (" + std::to_string(status) + ")";
  }
  static Error lost(int rank, const char* name, const std::string& why) {
    return Error{ErrorKind::fatal, 500, "device_lost",
                 std::string(name) + " fails on rank " + std::to_string(rank) + ": " + why +
                     "; NCCL_DEBUG=WARN in the environment makes it say more"};
  }

  nccl::Functions f_;
  std::vector<nccl::Communicator> communicators_;
  std::shared_timed_mutex mutex_;  // alone: who frees the communicators
  bool aborted_ = false;
};

}  // namespace

Result<std::unique_ptr<Collective>> open_collective(std::span<Device* const> devices) {
  const Result<nccl::Functions> functions = nccl::load();
  if (!functions) return functions.error();
  std::vector<int> ordinals;
  for (const Device* device : devices) ordinals.push_back(device->info().ordinal);
  std::vector<nccl::Communicator> communicators(devices.size());
  nccl::Status status = 0;
  // It may leave another device as the calling thread's, and runtime_cuda.cpp remembers which one that is: so on a
  // thread that ends.
  std::thread([&] {
    status = functions->comm_init_all(communicators.data(), static_cast<int>(ordinals.size()), ordinals.data());
  }).join();
  if (status != 0)
    return Error{ErrorKind::client_fault, 400, "no_collective",
                 std::string("NCCL cannot connect the GPUs: ") + functions->get_error_string(status) + " (" +
                     std::to_string(status) +
                     "); NCCL_DEBUG=WARN in the environment makes it say more. Write one GPU as the model's device to "
                     "do without"};
  return std::unique_ptr<Collective>(std::make_unique<NcclCollective>(*functions, std::move(communicators)));
}

}  // namespace tollgate::local::gpu
