#include "local_backend/cuda/cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

namespace tollgate::local::gpu::cublaslt {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// The first name that the library lacks, or nothing.
std::string missing(void* library, Functions& functions) {
  std::string lacks;
  const auto want = [&](const char* name, auto& function) {
    if (lacks.empty() && !find(library, name, function)) lacks = name;
  };
  want("cublasLtCreate", functions.create);
  want("cublasLtDestroy", functions.destroy);
  want("cublasLtGetVersion", functions.get_version);
  want("cublasLtMatmulDescCreate", functions.matmul_desc_create);
  want("cublasLtMatmulDescDestroy", functions.matmul_desc_destroy);
  want("cublasLtMatmulDescSetAttribute", functions.matmul_desc_set_attribute);
  want("cublasLtMatrixLayoutCreate", functions.matrix_layout_create);
  want("cublasLtMatrixLayoutDestroy", functions.matrix_layout_destroy);
  want("cublasLtMatmulPreferenceCreate", functions.matmul_preference_create);
  want("cublasLtMatmulPreferenceDestroy", functions.matmul_preference_destroy);
  want("cublasLtMatmulPreferenceSetAttribute", functions.matmul_preference_set_attribute);
  want("cublasLtMatmulAlgoGetHeuristic", functions.matmul_algo_get_heuristic);
  want("cublasLtMatmul", functions.matmul);
  return lacks;
}

}  // namespace

Result<Functions> load() {
  std::vector<std::string> names;
  // One that is named is the only one that is tried.
  if (const char* named = std::getenv("TOLLGATE_CUBLASLT")) {
    names = {named};
  } else {
    names = {"libcublasLt.so.13", "libcublasLt.so.12", "/usr/local/cuda/lib64/libcublasLt.so"};
  }
  std::string tried;
  for (const std::string& name : names) {
    Functions functions{};
    void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    const std::string lacks = library == nullptr ? "" : missing(library, functions);
    if (library != nullptr && lacks.empty()) return functions;
    tried += (tried.empty() ? "" : "; ") + (library == nullptr ? std::string(dlerror()) : name + " has no " + lacks);
  }
  return Error{ErrorKind::fatal, 500, "no_wide_products",
               "cuBLASLt of CUDA 12 or 13 is not to be found (" + tried +
                   "); without it long prompts are slower. install libcublas of the CUDA toolkit, or name the file in "
                   "TOLLGATE_CUBLASLT"};
}

std::string status_in_words(Status status) {
  const char* name = "an unknown status";
  switch (status) {
    case 1:
      name = "CUBLAS_STATUS_NOT_INITIALIZED";
      break;
    case 3:
      name = "CUBLAS_STATUS_ALLOC_FAILED";
      break;
    case 7:
      name = "CUBLAS_STATUS_INVALID_VALUE";
      break;
    case 8:
      name = "CUBLAS_STATUS_ARCH_MISMATCH";
      break;
    case 11:
      name = "CUBLAS_STATUS_MAPPING_ERROR";
      break;
    case 13:
      name = "CUBLAS_STATUS_EXECUTION_FAILED";
      break;
    case 14:
      name = "CUBLAS_STATUS_INTERNAL_ERROR";
      break;
    case 15:
      name = "CUBLAS_STATUS_NOT_SUPPORTED";
      break;
    default:
      break;
  }
  return std::string(name) + " (" + std::to_string(status) + ")";
}

}  // namespace tollgate::local::gpu::cublaslt
