// MatmulLibrary on cuBLASLt, which thinks in columns: element (i, j) of a matrix lies at i + j * stride. A matrix of
// ours, [rows][columns] row by row, is for it the matrix [columns][rows] with stride = columns. So with A = our weights
// as it sees them, K x rows, B = our x, K x m, and D = our out, rows x m with stride out_stride, the product is D = A^T
// B, in its words "TN", the one form that all devices have for fp8. Scales for each row of A^T are the weights', for
// each column of B the tokens'. Source: cuBLAS 13.0, "cublasLtMatmul()", "Narrow Precision Data Types Usage". Thread
// rule: that of the device.
#include <map>
#include <tuple>

#include "local_backend/cuda/cublaslt.h"
#include "local_backend/cuda/wide_gemm.h"

namespace tollgate::local::gpu {
namespace {

using namespace cublaslt;  // NOLINT: this file speaks of nothing else

constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;  // what NVIDIA advises for compute capability 9.0
constexpr std::uint32_t kLeastAlignment = 16;                   // of what we hand over, bytes
constexpr std::size_t kMostPlans = 512;

// A product's shape as the library keeps it.
struct Plan {
  Description description = nullptr;
  Layout a = nullptr, b = nullptr, d = nullptr;
  Algorithm algorithm{};
  std::size_t workspace_bytes = 0;
  bool scales_inside = false;
};

class CublasLt final : public MatmulLibrary {
 public:
  CublasLt(const Functions& functions, Handle handle, Memory workspace)
      : f_(functions), handle_(handle), workspace_(std::move(workspace)) {}
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;
  ~CublasLt() override {
    forget_plans();
    f_.destroy(handle_);
  }

  Result<void> multiply(Stream& stream, const PlainProduct& product) override {
    Status status = 0;
    if (product.format == ActivationFormat::fp8 && scales_inside_) {
      status = run(stream, product, true);
      if (status == 0) return {};
      // Devices and versions differ in which scales they take; one for everything they all do.
      scales_inside_ = false;
    }
    status = run(stream, product, false);
    if (status != 0)
      return Error{ErrorKind::fatal, 500, "wide_product_failed",
                   "cuBLASLt " + std::to_string(f_.get_version()) + " refuses a product of " +
                       std::to_string(product.m) + " x " + std::to_string(product.columns) + " by " +
                       std::to_string(product.rows) + " x " + std::to_string(product.columns) +
                       (product.format == ActivationFormat::fp8 ? ", fp8: " : ", bf16: ") + status_in_words(status)};
    if (product.format == ActivationFormat::fp8) scale_product(stream, product);
    return {};
  }

 private:
  using Key = std::tuple<ActivationFormat, bool, int, int, int, int>;

  Status run(Stream& stream, const PlainProduct& product, bool scales_inside) {
    const Key key{product.format, scales_inside, product.m, product.rows, product.columns, product.out_stride};
    auto found = plans_.find(key);
    if (found == plans_.end()) {
      if (plans_.size() >= kMostPlans) forget_plans();
      Plan plan;
      plan.scales_inside = scales_inside;
      const Status status = make(product, plan);
      if (status != 0) {
        forget(plan);
        return status;
      }
      found = plans_.emplace(key, plan).first;
    }
    const Plan& plan = found->second;
    if (scales_inside) {
      if (const Status status = set_scales(plan.description, product); status != 0) return status;
    }
    const float one = 1, zero = 0;
    return f_.matmul(handle_, plan.description, &one, product.weights, plan.a, product.x, plan.b, &zero, product.out,
                     plan.d, product.out, plan.d, &plan.algorithm, workspace_.data(), plan.workspace_bytes,
                     stream.handle());
  }

  template <class Value>
  Status set(Description description, DescriptionAttribute attribute, Value value) {
    return f_.matmul_desc_set_attribute(description, attribute, &value, sizeof value);
  }

  Status set_scales(Description description, const PlainProduct& product) {
    const Status status = set(description, kScalesOfA, product.weight_scales);
    return status != 0 ? status : set(description, kScalesOfB, product.x_scales);
  }

  Status make(const PlainProduct& product, Plan& plan) {
    const DataType type = product.format == ActivationFormat::fp8 ? kE4m3 : kBf16;
    const auto k = static_cast<std::uint64_t>(product.columns), rows = static_cast<std::uint64_t>(product.rows);
    const auto m = static_cast<std::uint64_t>(product.m);
    Status status = f_.matmul_desc_create(&plan.description, kComputeFloat, kFloat);
    if (status == 0) status = set(plan.description, kTransposeA, kTransposed);
    if (status == 0) status = set(plan.description, kTransposeB, kAsItIs);
    if (status == 0 && plan.scales_inside) status = set(plan.description, kScaleModeOfA, kScaleForEachRow);
    if (status == 0 && plan.scales_inside) status = set(plan.description, kScaleModeOfB, kScaleForEachRow);
    // The choice of an algorithm asks whether there are scales.
    if (status == 0 && plan.scales_inside) status = set_scales(plan.description, product);
    if (status == 0) status = f_.matrix_layout_create(&plan.a, type, k, rows, product.columns);
    if (status == 0) status = f_.matrix_layout_create(&plan.b, type, k, m, product.columns);
    if (status == 0) status = f_.matrix_layout_create(&plan.d, kFloat, rows, m, product.out_stride);
    return status != 0 ? status : choose(plan);
  }

  // The library's own first choice.
  Status choose(Plan& plan) {
    Preference preference = nullptr;
    Status status = f_.matmul_preference_create(&preference);
    if (status != 0) return status;
    const std::uint64_t workspace = workspace_.size();
    status = f_.matmul_preference_set_attribute(preference, kMostWorkspaceBytes, &workspace, sizeof workspace);
    if (status == 0)
      status = f_.matmul_preference_set_attribute(preference, kReductionSchemes, &kReduceInComputeType,
                                                  sizeof kReduceInComputeType);
    for (const PreferenceAttribute alignment :
         {kLeastAlignmentOfA, kLeastAlignmentOfB, kLeastAlignmentOfC, kLeastAlignmentOfD}) {
      if (status == 0)
        status = f_.matmul_preference_set_attribute(preference, alignment, &kLeastAlignment, sizeof kLeastAlignment);
    }
    HeuristicResult result{};
    int count = 0;
    if (status == 0)
      status = f_.matmul_algo_get_heuristic(handle_, plan.description, plan.a, plan.b, plan.d, plan.d, preference, 1,
                                            &result, &count);
    f_.matmul_preference_destroy(preference);
    if (status != 0) return status;
    if (count == 0 || result.state != 0 || result.workspace_bytes > workspace_.size()) return kNotSupported;
    plan.algorithm = result.algorithm;
    plan.workspace_bytes = result.workspace_bytes;
    return 0;
  }

  void forget(const Plan& plan) {
    if (plan.description != nullptr) f_.matmul_desc_destroy(plan.description);
    for (Layout layout : {plan.a, plan.b, plan.d})
      if (layout != nullptr) f_.matrix_layout_destroy(layout);
  }

  void forget_plans() {
    for (const auto& [key, plan] : plans_) forget(plan);
    plans_.clear();
  }

  Functions f_;
  Handle handle_;
  Memory workspace_;
  bool scales_inside_ = true;  // until it refuses
  std::map<Key, Plan> plans_;
};

}  // namespace

Result<std::unique_ptr<MatmulLibrary>> open_matmul_library(Device& device) {
  const auto functions = load();
  if (!functions) return functions.error();
  device.select();
  Handle handle = nullptr;
  if (const Status status = functions->create(&handle); status != 0)
    return Error{ErrorKind::fatal, 500, "no_wide_products", "cuBLASLt does not start: " + status_in_words(status)};
  auto workspace = device.allocate(kWorkspaceBytes, "the workspace of cuBLASLt");
  if (!workspace) {
    functions->destroy(handle);
    return workspace.error();
  }
  return std::unique_ptr<MatmulLibrary>(std::make_unique<CublasLt>(*functions, handle, std::move(*workspace)));
}

}  // namespace tollgate::local::gpu
