#include "local_backend/cuda/ranked_backend.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "local_backend/cuda/device_backend.h"
#include "local_backend/cuda/rank_threads.h"

namespace tollgate::local::gpu {
namespace {

// "cuda:0,1 (2 x NVIDIA H200)".
std::string names_of(const std::vector<std::shared_ptr<Device>>& devices) {
  std::string name = "cuda:";
  for (const auto& device : devices)
    name += (device == devices.front() ? "" : ",") + std::to_string(device->info().ordinal);
  return name + " (" + std::to_string(devices.size()) + " x " + devices.front()->info().name + ")";
}

class RankedBackend final : public Backend {
 public:
  RankedBackend(std::vector<std::shared_ptr<Device>> devices, std::unique_ptr<Collective> collective)
      : devices_(std::move(devices)),
        collective_(std::move(collective)),
        backends_(devices_.size()),
        results_(devices_.size()),
        threads_(static_cast<int>(devices_.size())) {}
  ~RankedBackend() override {
    // The library of the collective wants its work done and its devices open.
    (void)threads_.run([this](int rank) { return device(rank).compute().wait(); });
    collective_.reset();
  }

  Result<void> load(const DecoderFile& model, const GgufFile& file, const CudaBackendOptions& options);

  const BackendInfo& info() const override { return info_; }
  bool overlaps() const override { return true; }
  Result<void> step(const StepPlan& plan, StepResult& result) override {
    if (auto done = start(plan); !done) return done;
    return finish(result);
  }
  Result<void> start(const StepPlan& plan) override {
    return on_all([&](int rank) { return backend(rank).start(plan); });
  }
  Result<void> finish(StepResult& result) override {
    auto done = on_all([&](int rank) { return backend(rank).finish(results_[static_cast<std::size_t>(rank)]); });
    if (done) std::swap(result, results_.front());
    return done;
  }
  bool read_block(std::int32_t block, std::span<std::byte> out) const override {
    bool whole = true;
    for (std::size_t rank = 0; rank < backends_.size(); ++rank)
      whole &= backends_[rank]->read_block(block, part_of(out, rank));
    return whole;
  }
  bool write_block(std::int32_t block, std::span<const std::byte> in) override {
    bool whole = true;
    for (std::size_t rank = 0; rank < backends_.size(); ++rank)
      whole &= backends_[rank]->write_block(block, part_of(in, rank));
    return whole;
  }

 private:
  Device& device(int rank) const { return *devices_[static_cast<std::size_t>(rank)]; }
  Backend& backend(int rank) const { return *backends_[static_cast<std::size_t>(rank)]; }
  template <class Byte>
  std::span<Byte> part_of(std::span<Byte> block, std::size_t rank) const {
    const std::size_t bytes = info_.block_bytes / backends_.size(), first = std::min(rank * bytes, block.size());
    return block.subspan(first, std::min(bytes, block.size() - first));
  }
  Result<void> on_all(const std::function<Result<void>(int)>& work);

  std::vector<std::shared_ptr<Device>> devices_;
  std::unique_ptr<Collective> collective_;
  std::vector<std::unique_ptr<Backend>> backends_;
  std::vector<StepResult> results_;
  BackendInfo info_;
  std::optional<Error> lost_;
  RankThreads threads_;
};

Result<void> RankedBackend::load(const DecoderFile& model, const GgufFile& file, const CudaBackendOptions& options) {
  const int ranks = static_cast<int>(devices_.size());
  auto done = on_all([&](int index) -> Result<void> {
    const auto at = static_cast<std::size_t>(index);
    auto made = make_device_backend(devices_[at], shard_of(model, index, ranks), file, options,
                                    {index, ranks, collective_.get()});
    if (!made) return std::move(made).error();
    backends_[at] = *std::move(made);
    return {};
  });
  if (!done) return done;
  info_ = backends_.front()->info();
  info_.device = names_of(devices_);
  info_.block_bytes *= backends_.size();
  info_.fingerprint += "-of-" + std::to_string(ranks);
  for (const auto& each : backends_) info_.blocks = std::min(info_.blocks, each->info().blocks);
  return {};
}

// Plans are refused by all ranks or by none, before anything is begun. After any other error the ranks are no longer at
// the same place: the others must not wait.
Result<void> RankedBackend::on_all(const std::function<Result<void>(int)>& work) {
  if (lost_) return *lost_;
  const std::vector<Result<void>> results = threads_.run([&](int rank) {
    Result<void> done = work(rank);
    if (!done && done.error().code != "bad_plan") collective_->abort();
    return done;
  });
  const Error* cause = nullptr;
  for (const Result<void>& result : results) {
    // What abort() does to the others is not the cause.
    if (!result && (cause == nullptr || cause->code == "device_lost")) cause = &result.error();
  }
  if (cause == nullptr) return {};
  if (cause->code != "bad_plan")
    lost_ = Error{ErrorKind::fatal, 500, "device_lost",
                  "the GPUs that share the model have lost each other (" + cause->message + "); start Tollgate again"};
  return *cause;
}

}  // namespace

Result<std::unique_ptr<Backend>> make_ranked_backend(std::shared_ptr<const GgufFile> file, const DecoderFile& model,
                                                     const CudaBackendOptions& options) {
  const std::vector<int>& ordinals = options.ordinals;
  if (const std::string why = why_not_shared(model, static_cast<int>(ordinals.size())); !why.empty())
    return Error{ErrorKind::client_fault, 400, "unsupported_on_device", file->name() + ": " + why};
  std::vector<std::shared_ptr<Device>> devices;
  std::vector<Device*> pointers;
  for (const int ordinal : ordinals) {
    auto device = Device::open(ordinal);
    if (!device) return std::move(device).error();
    pointers.push_back(device->get());
    devices.push_back(*std::move(device));
  }
  auto collective = open_collective(pointers);
  if (!collective) return std::move(collective).error();
  CudaBackendOptions each = options;
  each.kv_bytes = options.kv_bytes / ordinals.size();
  // NVIDIA's documentation: several GPUs of one process may block each other where recorded work has collectives.
  each.graphs = false;
  auto backend = std::make_unique<RankedBackend>(std::move(devices), *std::move(collective));
  if (auto done = backend->load(model, *file, each); !done) return std::move(done).error();
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace tollgate::local::gpu
