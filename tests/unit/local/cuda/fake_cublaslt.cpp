// A cuBLASLt for tests: the calls that cublaslt.h declares, with the checks that the library documents, over host
// memory and at once. By columns, as the library: element (i, j) lies at i + j * stride. Thread rule: one thread.
#include "tests/unit/local/cuda/fake_cublaslt.h"

#include <bit>
#include <map>

#include "local_backend/cuda/cublaslt.h"
#include "local_backend/cuda/fp8.h"

namespace tollgate::local::gpu::cublaslt {

struct OpaqueHandle {
  int unused = 0;
};
struct OpaqueDescription {
  int transpose_a = kAsItIs, transpose_b = kAsItIs, mode_a = kOneScale, mode_b = kOneScale;
  const float *scales_a = nullptr, *scales_b = nullptr;
};
struct OpaqueLayout {
  DataType type;
  std::uint64_t rows, columns;
  std::int64_t stride;
};
struct OpaquePreference {
  std::uint64_t workspace = 0;
  std::map<int, std::uint32_t> others;
};

namespace {

constexpr Status kInvalidValue = 7;
constexpr std::uint64_t kMark = 0x5EEDF00D;  // of an algorithm that the heuristic gave
FakeCublasLt fake;

float element(const void* data, const OpaqueLayout& layout, std::uint64_t i, std::uint64_t j) {
  const std::uint64_t at = i + j * static_cast<std::uint64_t>(layout.stride);
  if (layout.type == kE4m3) return fp8_to_float(static_cast<const std::uint8_t*>(data)[at]);
  return std::bit_cast<float>(static_cast<std::uint32_t>(static_cast<const std::uint16_t*>(data)[at]) << 16);
}

bool fits(const OpaqueDescription& how, const OpaqueLayout& a, const OpaqueLayout& b, const OpaqueLayout& d) {
  const bool narrow = a.type == kE4m3;
  if (how.transpose_a != kTransposed || how.transpose_b != kAsItIs) return false;
  if (a.type != b.type || d.type != kFloat || a.rows != b.rows || d.rows != a.columns || d.columns != b.columns)
    return false;
  if (narrow && (fake.refuses_fp8 || a.rows % 16 != 0 || d.stride % 4 != 0)) return false;
  const bool for_each_row = how.mode_a == kScaleForEachRow && how.mode_b == kScaleForEachRow;
  return !for_each_row || (narrow && !fake.refuses_scales && how.scales_a != nullptr && how.scales_b != nullptr);
}

}  // namespace
}  // namespace tollgate::local::gpu::cublaslt

using namespace tollgate::local::gpu::cublaslt;

extern "C" {

FakeCublasLt* fake_cublaslt() { return &fake; }

Status cublasLtCreate(Handle* handle) {
  *handle = new OpaqueHandle;
  ++fake.living;
  return fake.refuses_to_start ? 1 : 0;
}
Status cublasLtDestroy(Handle handle) {
  delete handle;
  --fake.living;
  return 0;
}
std::size_t cublasLtGetVersion() { return 130000; }

Status cublasLtMatmulDescCreate(Description* description, ComputeType compute, DataType scale) {
  if (compute != kComputeFloat || scale != kFloat) return kInvalidValue;
  *description = new OpaqueDescription;
  ++fake.living;
  return 0;
}
Status cublasLtMatmulDescDestroy(Description description) {
  delete description;
  --fake.living;
  return 0;
}
Status cublasLtMatmulDescSetAttribute(Description description, DescriptionAttribute attribute, const void* value,
                                      std::size_t bytes) {
  const bool pointer = attribute == kScalesOfA || attribute == kScalesOfB;
  if (bytes != (pointer ? sizeof(void*) : sizeof(int))) return kInvalidValue;
  if (pointer) {
    (attribute == kScalesOfA ? description->scales_a : description->scales_b) =
        *static_cast<const float* const*>(value);
    return 0;
  }
  const int number = *static_cast<const int*>(value);
  switch (attribute) {
    case kTransposeA:
      description->transpose_a = number;
      return 0;
    case kTransposeB:
      description->transpose_b = number;
      return 0;
    case kScaleModeOfA:
      description->mode_a = number;
      return 0;
    case kScaleModeOfB:
      description->mode_b = number;
      return 0;
    default:
      return kInvalidValue;
  }
}

Status cublasLtMatrixLayoutCreate(Layout* layout, DataType type, std::uint64_t rows, std::uint64_t columns,
                                  std::int64_t stride) {
  if (stride < static_cast<std::int64_t>(rows)) return kInvalidValue;
  *layout = new OpaqueLayout{type, rows, columns, stride};
  ++fake.living;
  return 0;
}
Status cublasLtMatrixLayoutDestroy(Layout layout) {
  delete layout;
  --fake.living;
  return 0;
}

Status cublasLtMatmulPreferenceCreate(Preference* preference) {
  *preference = new OpaquePreference;
  ++fake.living;
  return 0;
}
Status cublasLtMatmulPreferenceDestroy(Preference preference) {
  delete preference;
  --fake.living;
  return 0;
}
Status cublasLtMatmulPreferenceSetAttribute(Preference preference, PreferenceAttribute attribute, const void* value,
                                            std::size_t bytes) {
  if (bytes != (attribute == kMostWorkspaceBytes ? 8 : 4)) return kInvalidValue;
  if (attribute == kMostWorkspaceBytes) {
    preference->workspace = *static_cast<const std::uint64_t*>(value);
  } else {
    preference->others[attribute] = *static_cast<const std::uint32_t*>(value);
  }
  return 0;
}

Status cublasLtMatmulAlgoGetHeuristic(Handle, Description description, Layout a, Layout b, Layout c, Layout d,
                                      Preference preference, int wanted, HeuristicResult* results, int* found) {
  ++fake.choices;
  *found = 0;
  if (wanted < 1 || c != d || !fits(*description, *a, *b, *d)) return kNotSupported;
  for (const int alignment : {kLeastAlignmentOfA, kLeastAlignmentOfB, kLeastAlignmentOfC, kLeastAlignmentOfD})
    if (preference->others[alignment] != 16) return kInvalidValue;
  results[0] = {};
  results[0].algorithm.data[0] = kMark;
  results[0].workspace_bytes = preference->workspace;
  *found = 1;
  return 0;
}

Status cublasLtMatmul(Handle, Description description, const void* alpha, const void* a, Layout a_layout, const void* b,
                      Layout b_layout, const void* beta, const void* c, Layout, void* d, Layout d_layout,
                      const Algorithm* algorithm, void* workspace, std::size_t, void*) {
  if (algorithm->data[0] != kMark || workspace == nullptr || c != d) return kInvalidValue;
  if (fake.refuses_when_asked || !fits(*description, *a_layout, *b_layout, *d_layout)) return kNotSupported;
  ++fake.products;
  auto* out = static_cast<float*>(d);
  for (std::uint64_t j = 0; j < d_layout->columns; ++j) {
    for (std::uint64_t i = 0; i < d_layout->rows; ++i) {
      float sum = 0;
      for (std::uint64_t k = 0; k < a_layout->rows; ++k)
        sum += element(a, *a_layout, k, i) * element(b, *b_layout, k, j);
      if (description->mode_a == kScaleForEachRow) sum *= description->scales_a[i] * description->scales_b[j];
      float& to = out[i + j * static_cast<std::uint64_t>(d_layout->stride)];
      const float factor = *static_cast<const float*>(beta);
      to = *static_cast<const float*>(alpha) * sum + (factor == 0 ? 0 : factor * to);
    }
  }
  return 0;
}

}  // extern "C"
