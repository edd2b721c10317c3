#include "local_backend/model/cpu_linear.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tollgate::local {

PackedMatrix pack(const MatrixView& view, const Kernels& kernels, WeightMemory& memory, Workers& workers) {
  if (view.rows == 0) return {};
  return kernels.pack(view.type, view.data, view.rows, view.columns, memory, workers);
}

CpuLinear pack(Linear<MatrixView>&& linear, const Kernels& kernels, WeightMemory& memory, Workers& workers) {
  return {pack(linear.weight, kernels, memory, workers), std::move(linear.bias)};
}

void multiply(const Kernels& kernels, Workers& workers, std::byte* scratch,
              std::initializer_list<const CpuLinear*> linears, const float* in, std::size_t m,
              std::initializer_list<float*> outs) {
  if (m == 0) return;
  std::array<const PackedMatrix*, 3> matrices{};
  std::transform(linears.begin(), linears.end(), matrices.begin(), [](const CpuLinear* l) { return &l->weight; });
  kernels.matmul({matrices.data(), linears.size()}, in, m, {outs.begin(), outs.size()}, scratch, workers);
  for (std::size_t i = 0; i < linears.size(); ++i) {
    const std::vector<float>& bias = linears.begin()[i]->bias;
    float* out = outs.begin()[i];
    if (bias.empty()) continue;
    for (std::size_t row = 0; row < m; ++row) kernels.add(out + row * bias.size(), bias.data(), bias.size());
  }
}

}  // namespace tollgate::local
