#include "local_backend/cuda/nccl.h"

#include <dlfcn.h>

#include <cstdlib>

namespace tollgate::local::gpu::nccl {
namespace {

// The first name that the library lacks, or nothing.
std::string missing(void* library, Functions& functions) {
  std::string lacks;
  const auto want = [&]<class Function>(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (lacks.empty() && function == nullptr) lacks = name;
  };
  want("ncclCommInitAll", functions.comm_init_all);
  want("ncclCommDestroy", functions.comm_destroy);
  want("ncclCommAbort", functions.comm_abort);
  want("ncclCommGetAsyncError", functions.comm_get_async_error);
  want("ncclAllReduce", functions.all_reduce);
  want("ncclAllGather", functions.all_gather);
  want("ncclGetErrorString", functions.get_error_string);
  return lacks;
}

}  // namespace

Result<Functions> load() {
  const char* named = std::getenv("TOLLGATE_NCCL");
  const std::string name = named != nullptr ? named : "libnccl.so.2";
  Functions functions{};
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  const std::string lacks = library == nullptr ? "" : missing(library, functions);
  if (library != nullptr && lacks.empty()) return functions;
  const std::string why = library == nullptr ? std::string(dlerror()) : name + " has no " + lacks;
  return Error{ErrorKind::client_fault, 400, "no_collective",
               "NCCL, by which several GPUs share a model, is not to be found (" + why +
                   "); install libnccl2, name the file in TOLLGATE_NCCL, or write one GPU as the model's device"};
}

}  // namespace tollgate::local::gpu::nccl
