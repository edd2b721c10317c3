// Collective on NCCL, loaded when it is there; its few calls are declared here, because its headers are not part of the
// toolkit. Source: NCCL 2.28 documentation, "API", "Group Calls"; values of ncclDataType_t and ncclRedOp_t: nccl.h.
// Thread rule: that of all the devices.
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "local_backend/cuda/collective.h"

namespace tollgate::local::gpu {
namespace {

using Status = int;  // 0 = success
using Communicator = struct OpaqueCommunicator*;
constexpr int kFloat = 7, kSum = 0;  // ncclFloat32, ncclSum

struct Functions {
  Status (*init_all)(Communicator*, int count, const int* ordinals);
  Status (*destroy)(Communicator);
  const char* (*error_string)(Status);
  Status (*group_start)();
  Status (*group_end)();
  Status (*all_reduce)(const void* from, void* to, std::size_t count, int type, int operation, Communicator,
                       void* stream);
  Status (*all_gather)(const void* from, void* to, std::size_t count, int type, Communicator, void* stream);
};

Error no_collective(const std::string& why) { return Error{ErrorKind::fatal, 500, "no_collective", why}; }

Result<Functions> load() {
  const char* named = std::getenv("TOLLGATE_NCCL");
  const std::string name = named == nullptr ? "libnccl.so.2" : named;
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return no_collective("several GPUs for one model need NCCL, which is not to be found (" + std::string(dlerror()) +
                         "); install libnccl2, or name the file in TOLLGATE_NCCL");
  Functions functions{};
  std::string lacks;
  const auto want = [&](const char* symbol, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, symbol));
    if (function == nullptr && lacks.empty()) lacks = symbol;
  };
  want("ncclCommInitAll", functions.init_all);
  want("ncclCommDestroy", functions.destroy);
  want("ncclGetErrorString", functions.error_string);
  want("ncclGroupStart", functions.group_start);
  want("ncclGroupEnd", functions.group_end);
  want("ncclAllReduce", functions.all_reduce);
  want("ncclAllGather", functions.all_gather);
  if (!lacks.empty()) return no_collective(name + " has no " + lacks);
  return functions;
}

class Nccl final : public Collective {
 public:
  Nccl(const Functions& functions, std::vector<Device*> devices, std::vector<Communicator> communicators)
      : f_(functions), devices_(std::move(devices)), communicators_(std::move(communicators)) {}
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;
  ~Nccl() override {
    for (Communicator communicator : communicators_) f_.destroy(communicator);
  }

  Result<void> sum(std::span<float* const> data, std::size_t count) override {
    return on_each([&](std::size_t i, void* stream) {
      return f_.all_reduce(data[i], data[i], count, kFloat, kSum, communicators_[i], stream);
    });
  }
  Result<void> gather(std::span<const float* const> from, std::span<float* const> to, std::size_t count) override {
    return on_each([&](std::size_t i, void* stream) {
      return f_.all_gather(from[i], to[i], count, kFloat, communicators_[i], stream);
    });
  }

 private:
  // The calls of one thread for several devices wait for each other unless they are a group.
  template <class Call>
  Result<void> on_each(const Call& call) {
    Status first = f_.group_start();
    const bool started = first == 0;
    for (std::size_t i = 0; i < devices_.size() && first == 0; ++i) {
      devices_[i]->select();
      first = call(i, devices_[i]->compute().handle());
    }
    // A group that was begun is ended whatever happened in it.
    const Status ended = started ? f_.group_end() : 0;
    if (first == 0) first = ended;
    if (first == 0) return {};
    return Error{ErrorKind::fatal, 500, "collective_failed", std::string("NCCL: ") + f_.error_string(first)};
  }

  Functions f_;
  std::vector<Device*> devices_;
  std::vector<Communicator> communicators_;
};

}  // namespace

Result<std::unique_ptr<Collective>> open_collective(std::span<Device* const> devices) {
  const auto functions = load();
  if (!functions) return functions.error();
  std::vector<int> ordinals;
  for (const Device* device : devices) ordinals.push_back(device->info().ordinal);
  std::vector<Communicator> communicators(devices.size());
  const Status status = functions->init_all(communicators.data(), static_cast<int>(ordinals.size()), ordinals.data());
  if (status != 0) return no_collective(std::string("NCCL does not start: ") + functions->error_string(status));
  return std::unique_ptr<Collective>(std::make_unique<Nccl>(
      *functions, std::vector<Device*>(devices.begin(), devices.end()), std::move(communicators)));
}

}  // namespace tollgate::local::gpu
