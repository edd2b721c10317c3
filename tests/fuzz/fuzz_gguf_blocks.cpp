// Any finite values through every quantiser: what comes back is finite and no farther away than the type allows.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "local_backend/gguf/tensor_type.h"

using tollgate::local::TensorType;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kValues = 256;
  // Relative to the largest value; the k types share the sixteen (q6_k) or more (q4_k) fine steps of the largest group.
  constexpr struct {
    TensorType type;
    float tolerance;
  } kTypes[] = {{TensorType::f16, 0.001f}, {TensorType::bf16, 0.005f}, {TensorType::q8_0, 0.01f},
                {TensorType::q4_0, 0.15f}, {TensorType::q5_0, 0.08f},  {TensorType::q4_k, 0.3f},
                {TensorType::q6_k, 0.1f}};
  std::vector<float> values(kValues), back(kValues);
  std::memcpy(values.data(), data, std::min(size, kValues * sizeof(float)));
  float most = 0;
  for (float& value : values) {
    if (!std::isfinite(value)) value = 0;
    value = std::clamp(value, -65000.0f, 65000.0f);
    most = std::max(most, std::abs(value));
  }
  std::vector<std::byte> blocks(kValues * sizeof(float));
  for (const auto& [type, tolerance] : kTypes) {
    if (!quantize(type, values.data(), blocks.data(), kValues)) std::abort();
    dequantize(type, blocks.data(), back.data(), kValues);
    for (std::size_t i = 0; i < kValues; ++i) {
      // Half floats end at 6e-8; a scale below that is lost.
      if (!(std::abs(back[i] - values[i]) <= most * tolerance + 2e-5f)) std::abort();
    }
  }
  return 0;
}
