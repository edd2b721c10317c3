// embed(), sum_parts(), gate() and convert_rows() against plain loops.
#include "local_backend/cuda/kernels.h"
#include "local_backend/cuda/matrix_layout.h"
#include "tests/unit/local/cuda/activations.h"

namespace tollgate::local::gpu {
namespace {

class Rows : public OnDeviceWithActivations {};

// A matrix of random integers and scales in host memory.
struct RandomMatrix {
  RandomMatrix(int bits, int group, bool minimum, int rows, int columns) {
    matrix = {.bits = bits, .group = group, .minimum = minimum, .rows = rows, .columns = columns};
    const auto units = static_cast<std::size_t>(matrix_tiles(rows) * matrix_units(columns));
    std::mt19937 random(static_cast<unsigned>(bits + group + rows));
    const auto half = [&random] { return static_cast<std::uint16_t>((random() & 0x83FF) | (10 + random() % 8) << 10); };
    values.resize(units * unit_bytes(bits) / 2);
    for (std::uint16_t& value : values) value = bits == 16 ? half() : static_cast<std::uint16_t>(random());
    const std::size_t scale_halves = units * 16 * static_cast<std::size_t>(scale_words(group, minimum));
    for (std::size_t i = 0; i < scale_halves; ++i) scales.push_back(half());
    if (bits == 16) {
      for (int row = 0; row < matrix_tiles(rows) * kTileRows; ++row)
        scales.insert(scales.end(), {0, static_cast<std::uint16_t>(0x3F80 + (row % 3) * 0x80)});  // 1, 2, 4 as floats
    }
    matrix.values = reinterpret_cast<const std::byte*>(values.data());
    matrix.scales = reinterpret_cast<const std::byte*>(scales.data());
  }
  RandomMatrix(const RandomMatrix&) = delete;
  DeviceMatrix matrix;
  std::vector<std::uint16_t> values, scales;
};

TEST_F(Rows, EmbeddingsAreTheMatrixRowsTimesTheScale) {
  const struct {
    int bits, group;
    bool minimum;
  } formats[] = {{4, 32, false}, {4, 32, true}, {8, 32, false}, {8, 32, true}, {8, 16, false}, {16, 0, false}};
  for (const auto& format : formats) {
    const int rows = 37, columns = 1056;
    const RandomMatrix host(format.bits, format.group, format.minimum, rows, columns);
    const Memory values = upload(host.values), scales = upload(host.scales);
    const std::vector<std::int32_t> tokens = {0, 36, -2, 17, -1}, expected = {0, 36, 5, 17, 33};
    const Memory ids = upload(tokens), sampled = upload(std::vector<std::int32_t>{33, 5});
    const Memory resolved = room<std::int32_t>(5), x = room<float>(5 * 1056);
    EmbedArgs args{.embedding = host.matrix, .tokens = ids.as<std::int32_t>(), .sampled = sampled.as<std::int32_t>()};
    args.embedding.values = values.data();
    args.embedding.scales = scales.data();
    args.resolved = resolved.as<std::int32_t>();
    args.m = 5;
    args.scale = 1.5f;
    args.x = x.as<float>();
    embed(stream(), args);
    EXPECT_EQ(download<std::int32_t>(resolved, 5), expected);
    const std::vector<float> got = download<float>(x, 5 * 1056);
    for (std::size_t i = 0; i < 5; ++i) {
      for (int column = 0; column < columns; ++column) {
        ASSERT_EQ(got[i * 1056 + static_cast<std::size_t>(column)],
                  matrix_value(host.matrix, expected[i], column) * 1.5f)
            << format.bits << " " << i << " " << column;
      }
    }
  }
}

TEST_F(Rows, SumsArePartAfterPart) {
  for (const int n : {1, 31, 1025, 3001}) {
    const std::size_t columns = static_cast<std::size_t>(n), stride = columns + 3, rows = 3, parts = 4;
    const std::vector<float> data = noise(parts * rows * stride, 1), bias = noise(columns, 2);
    const Memory from = upload(data), added = upload(bias), x = room<float>(rows * columns);
    const Partials sums{from.as<float>(), 4, static_cast<std::int64_t>(rows * stride),
                        static_cast<std::int64_t>(stride)};
    for (const bool with_bias : {false, true}) {
      sum_parts(stream(), sums, with_bias ? added.as<float>() : nullptr, 3, n, x.as<float>());
      const std::vector<float> got = download<float>(x, rows * columns);
      for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = 0; i < columns; ++i) {
          float sum = 0;
          for (std::size_t part = 0; part < parts; ++part) sum += data[(part * rows + row) * stride + i];
          ASSERT_EQ(got[row * columns + i], sum + (with_bias ? bias[i] : 0.0f));
        }
      }
    }
  }
}

struct GateCase {
  std::size_t m, ffn, parts;
  bool gelu, bias;
};

double activated(double x, bool gelu) {
  if (!gelu) return x / (1 + std::exp(-x));
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

TEST_F(Rows, GatesAreActivatedAndMultiplied) {
  for (const GateCase& it :
       {GateCase{1, 32, 1, false, false}, GateCase{3, 2080, 3, true, true}, GateCase{2, 18944, 2, false, true}}) {
    const std::vector<float> gates = noise(it.parts * it.m * it.ffn, 1, 2),
                             ups = noise(it.parts * it.m * it.ffn, 2, 50);
    const std::vector<float> gate_bias = noise(it.ffn, 3), up_bias = noise(it.ffn, 4);
    const Memory gate_data = upload(gates), up_data = upload(ups), bias1 = upload(gate_bias), bias2 = upload(up_bias);
    const auto stride = static_cast<std::int64_t>(it.ffn);
    const auto parts = static_cast<int>(it.parts);
    GateArgs args{.gate = {gate_data.as<float>(), parts, stride * static_cast<std::int64_t>(it.m), stride},
                  .up = {up_data.as<float>(), parts, stride * static_cast<std::int64_t>(it.m), stride}};
    if (it.bias) args.gate_bias = bias1.as<float>(), args.up_bias = bias2.as<float>();
    args.gelu = it.gelu;
    args.m = static_cast<int>(it.m);
    args.ffn = static_cast<int>(it.ffn);
    for (const ActivationFormat format : kActivationFormats) {
      const DeviceActivations out = activations(format, it.m, it.ffn);
      args.out = out.view;
      gate(stream(), args);
      const HostActivations got = download_activations(out, it.m, it.ffn);
      for (std::size_t row = 0; row < it.m; ++row) {
        for (std::size_t i = 0; i < it.ffn; ++i) {
          double x = it.bias ? static_cast<double>(gate_bias[i]) : 0, y = it.bias ? static_cast<double>(up_bias[i]) : 0;
          for (std::size_t part = 0; part < it.parts; ++part) {
            x += static_cast<double>(gates[(part * it.m + row) * it.ffn + i]);
            y += static_cast<double>(ups[(part * it.m + row) * it.ffn + i]);
          }
          const double exact = activated(x, it.gelu) * y;
          // Floats of magnitude up to 500 on the way: 500 * 2^-24 for each of a few roundings.
          ASSERT_NEAR(static_cast<double>(got.value(row, i)), exact, got.rounding(row, exact) + 2e-4)
              << row << " " << i;
        }
      }
    }
  }
}

TEST_F(Rows, HalvesAreConvertedByTheDefinition) {
  const std::size_t m = 3, columns = 1312;
  std::vector<std::uint16_t> halves;
  std::vector<float> values;
  for (const float value : noise(m * columns, 9, 30)) {
    halves.push_back(f32_to_f16(value));
    values.push_back(f16_to_f32(halves.back()));
  }
  const Memory from = upload(halves);
  for (const ActivationFormat format : kActivationFormats) {
    const DeviceActivations out = activations(format, m, columns);
    convert_rows(stream(), from.as<std::uint16_t>(), static_cast<int>(m), static_cast<int>(columns), out.view);
    const HostActivations got = download_activations(out, m, columns), twin = quantise(values, columns, format);
    EXPECT_EQ(got.halves, twin.halves);
    EXPECT_EQ(got.bytes, twin.bytes);
    EXPECT_EQ(got.scales, twin.scales);
    EXPECT_EQ(got.sums, twin.sums);
  }
}

}  // namespace
}  // namespace tollgate::local::gpu
