// Activations on the host: the twin of what kernels write, and the way to a device and back.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "local_backend/cuda/activation_scale.h"
#include "local_backend/cuda/fp8.h"
#include "local_backend/gguf/tensor_type.h"
#include "tests/unit/local/cuda/device_fixture.h"

namespace tollgate::local::gpu {

inline constexpr ActivationFormat kActivationFormats[] = {ActivationFormat::f16, ActivationFormat::bf16,
                                                          ActivationFormat::fp8};

struct HostActivations {
  ActivationFormat format = ActivationFormat::f16;
  std::size_t rows = 0, columns = 0;
  std::vector<std::uint16_t> halves;  // [rows][columns] f16, bf16
  std::vector<std::uint8_t> bytes;    // [rows][columns] fp8
  std::vector<float> scales;          // [rows] f16, fp8
  std::vector<float> sums;            // [rows][columns / kSumGroup] f16

  float value(std::size_t row, std::size_t column) const {
    const std::size_t at = row * columns + column;
    if (format == ActivationFormat::bf16) return bf16_to_f32(halves[at]);
    return scales[row] * (format == ActivationFormat::f16 ? f16_to_f32(halves[at]) : fp8_to_float(bytes[at]));
  }
  // The most that a written value may be away from `exact` by rounding alone.
  double rounding(std::size_t row, double exact) const {
    if (format == ActivationFormat::bf16) return std::abs(exact) * 0x1p-8;
    const double scale = static_cast<double>(scales[row]);
    if (format == ActivationFormat::f16) return std::abs(exact) * 0x1p-11 + scale * 0x1p-25;
    return std::abs(exact) * 0x1p-4 + scale * 0x1p-10;
  }
};

// The sum that a kernel writes for 32 halves: eight times four in order, then neighbours together.
inline float group_sum(const std::uint16_t* halves) {
  float sums[kSumGroup / 4];
  for (std::size_t i = 0; i < kSumGroup / 4; ++i) {
    const std::uint16_t* four = halves + 4 * i;
    sums[i] = ((f16_to_f32(four[0]) + f16_to_f32(four[1])) + f16_to_f32(four[2])) + f16_to_f32(four[3]);
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// `values`: rows of `columns`, a multiple of 32. The bits are those that the kernels write.
inline HostActivations quantise(const std::vector<float>& values, std::size_t columns, ActivationFormat format) {
  HostActivations out{.format = format, .rows = values.size() / columns, .columns = columns};
  for (std::size_t row = 0; row < out.rows; ++row) {
    const float* from = values.data() + row * columns;
    float largest = 0;
    for (std::size_t i = 0; i < columns; ++i) largest = std::max(largest, std::abs(from[i]));
    const RowScale scale = row_scale(format, largest);
    if (format != ActivationFormat::bf16) out.scales.push_back(scale.scale);
    for (std::size_t i = 0; i < columns; ++i) {
      const float scaled = from[i] * scale.inverse;
      if (format == ActivationFormat::f16) out.halves.push_back(f32_to_f16(scaled));
      if (format == ActivationFormat::bf16) out.halves.push_back(float_to_bf16(scaled));
      if (format == ActivationFormat::fp8) out.bytes.push_back(float_to_fp8(scaled));
    }
    if (format != ActivationFormat::f16) continue;
    for (std::size_t i = 0; i < columns; i += kSumGroup)
      out.sums.push_back(group_sum(out.halves.data() + row * columns + i) * scale.scale);
  }
  return out;
}

// Memory of activations and the pointers to it.
struct DeviceActivations {
  Memory values, scales, sums;
  Activations view;
};

class OnDeviceWithActivations : public OnDevice {
 protected:
  DeviceActivations activations(ActivationFormat format, std::size_t rows, std::size_t columns) {
    DeviceActivations out;
    out.values = room<std::uint16_t>(rows * columns);
    out.scales = room<float>(rows);
    out.sums = room<float>(rows * columns / kSumGroup);
    out.view = {format, out.values.data(), out.scales.as<float>(), out.sums.as<float>()};
    return out;
  }

  DeviceActivations upload_activations(const HostActivations& host) {
    DeviceActivations out;
    out.values = host.format == ActivationFormat::fp8 ? upload(host.bytes) : upload(host.halves);
    out.scales = upload(host.scales);
    out.sums = upload(host.sums);
    out.view = {host.format, out.values.data(), out.scales.as<float>(), out.sums.as<float>()};
    return out;
  }

  HostActivations download_activations(const DeviceActivations& device, std::size_t rows, std::size_t columns) {
    HostActivations out{.format = device.view.format, .rows = rows, .columns = columns};
    if (out.format == ActivationFormat::fp8)
      out.bytes = download<std::uint8_t>(device.values, rows * columns);
    else
      out.halves = download<std::uint16_t>(device.values, rows * columns);
    if (out.format != ActivationFormat::bf16) out.scales = download<float>(device.scales, rows);
    if (out.format == ActivationFormat::f16) out.sums = download<float>(device.sums, rows * columns / kSumGroup);
    return out;
  }
};

}  // namespace tollgate::local::gpu
