// The part of cuBLASLt that we call, declared by ourselves, because its headers are not where the toolkit's compiler
// is, and the library is loaded when it is there. Names and meanings: cuBLAS 13.0, "Using the cuBLASLt API"; values of
// the enumerations: nvmath-python's tables of them (docs.nvidia.com, nvmath.bindings.cublasLt.MatmulDescAttribute,
// MatmulMatrixScale, MatmulPreferenceAttribute), those of data types and operations: library_types.h and
// "cublasComputeType_t", "cublasOperation_t" of the same documentation. Thread rule: a handle may be used by one thread
// at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/result.h"

namespace tollgate::local::gpu::cublaslt {

using Status = int;  // 0 = success; status_in_words() knows the others
inline constexpr Status kNotSupported = 15;
using Handle = struct OpaqueHandle*;
using Description = struct OpaqueDescription*;
using Layout = struct OpaqueLayout*;
using Preference = struct OpaquePreference*;

enum DataType : int { kFloat = 0, kBf16 = 14, kE4m3 = 28 };
enum ComputeType : int { kComputeFloat = 68 };
enum Operation : int { kAsItIs = 0, kTransposed = 1 };
enum DescriptionAttribute : int {
  kTransposeA = 3,
  kTransposeB = 4,
  kScalesOfA = 17,  // a device pointer
  kScalesOfB = 18,
  kScaleModeOfA = 31,
  kScaleModeOfB = 32,
};
enum ScaleMode : int { kOneScale = 0, kScaleForEachRow = 3 };  // CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F, OUTER_VEC_32F
enum PreferenceAttribute : int {
  kMostWorkspaceBytes = 1,  // std::uint64_t
  kReductionSchemes = 3,    // std::uint32_t, a mask
  kLeastAlignmentOfA = 5,   // std::uint32_t, bytes; 256 unless said otherwise
  kLeastAlignmentOfB = 6,
  kLeastAlignmentOfC = 7,
  kLeastAlignmentOfD = 8,
};
inline constexpr std::uint32_t kReduceInComputeType = 2;  // by a workspace; not in place, where the order is by chance

struct Algorithm {
  std::uint64_t data[8];
};
struct HeuristicResult {
  Algorithm algorithm;
  std::size_t workspace_bytes;
  Status state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96);

// The library's functions, under their names without "cublasLt".
struct Functions {
  Status (*create)(Handle*);
  Status (*destroy)(Handle);
  std::size_t (*get_version)();
  Status (*matmul_desc_create)(Description*, ComputeType, DataType scale_type);
  Status (*matmul_desc_destroy)(Description);
  Status (*matmul_desc_set_attribute)(Description, DescriptionAttribute, const void* value, std::size_t bytes);
  Status (*matrix_layout_create)(Layout*, DataType, std::uint64_t rows, std::uint64_t columns, std::int64_t stride);
  Status (*matrix_layout_destroy)(Layout);
  Status (*matmul_preference_create)(Preference*);
  Status (*matmul_preference_destroy)(Preference);
  Status (*matmul_preference_set_attribute)(Preference, PreferenceAttribute, const void* value, std::size_t bytes);
  Status (*matmul_algo_get_heuristic)(Handle, Description, Layout a, Layout b, Layout c, Layout d, Preference,
                                      int wanted, HeuristicResult* results, int* found);
  Status (*matmul)(Handle, Description, const void* alpha, const void* a, Layout, const void* b, Layout,
                   const void* beta, const void* c, Layout, void* d, Layout, const Algorithm*, void* workspace,
                   std::size_t workspace_bytes, void* stream);
};

// Loads the first of the libraries that is there and has all of them; it stays loaded. Errors: status 500, code
// "no_wide_products".
Result<Functions> load();

// "CUBLAS_STATUS_NOT_SUPPORTED (15)".
std::string status_in_words(Status status);

}  // namespace tollgate::local::gpu::cublaslt
