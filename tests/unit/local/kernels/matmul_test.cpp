#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernel_testing.h"

namespace tollgate::local {
namespace {

using testing::RandomMatrix;

constexpr TensorType kTypes[] = {TensorType::q8_0,  TensorType::q4_0, TensorType::q4_k, TensorType::q6_k,
                                 TensorType::q5_k,  TensorType::q5_0, TensorType::f16,  TensorType::bf16,
                                 TensorType::f32,   TensorType::q4_1, TensorType::q5_1, TensorType::iq4_nl,
                                 TensorType::iq4_xs};

struct Case {
  CpuLevel level;
  TensorType type;
};

void PrintTo(const Case& c, std::ostream* out) { *out << name_of(c.level) << " " << tensor_type_info(c.type)->name; }

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const CpuLevel level : testing::fast_levels())
    for (const TensorType type : kTypes) out.push_back({level, type});
  return out;
}

// Exact products in double, and the sum of their magnitudes.
struct Exact {
  double sum = 0, magnitude = 0;
};

Exact exact(const RandomMatrix& matrix, std::size_t row, const float* x) {
  Exact out;
  for (std::size_t i = 0; i < matrix.columns; ++i) {
    const double product = double{x[i]} * matrix.values[row * matrix.columns + i];
    out.sum += product, out.magnitude += std::fabs(product);
  }
  return out;
}

// The most that rounding inputs to 8 bits per 32 can change: half a step, largest / 127, for each weight.
double rounding_bound(const RandomMatrix& matrix, std::size_t row, const float* x) {
  double bound = 0;
  for (std::size_t unit = 0; unit < matrix.columns; unit += 32) {
    double largest = 0, weights = 0;
    for (std::size_t i = unit; i < std::min(unit + 32, matrix.columns); ++i) {
      largest = std::max(largest, std::fabs(double{x[i]}));
      weights += std::fabs(matrix.values[row * matrix.columns + i]);
    }
    bound += largest / 254 * weights;
  }
  return bound;
}

std::size_t columns_of(TensorType type, std::size_t columns) {
  const std::size_t block = tensor_type_info(type)->elements;
  return (columns + block - 1) / block * block;
}

class MatmulTest : public ::testing::TestWithParam<Case> {
 protected:
  const Kernels& kernels() const { return kernels_of(GetParam().level); }
  Workers workers_{2};
  WeightMemory memory_;
};

// Inputs that 8 bits hold exactly: only the order of float additions is left, whatever the level does with inputs. A
// misplaced quant, scale, minimum or row shows at once.
TEST_P(MatmulTest, ExactInputsOverOddShapes) {
  const TensorType type = GetParam().type;
  const std::pair<std::size_t, std::size_t> shapes[] = {{1, 32}, {33, 64}, {71, 256}, {100, 896}, {40, 4864}};
  for (const auto& [rows, wanted] : shapes) {
    const std::size_t columns = columns_of(type, wanted);
    const RandomMatrix matrix = testing::random_matrix(type, rows, columns, 7);
    const PackedMatrix packed = kernels().pack(type, matrix.data.data(), rows, columns, memory_, workers_);
    for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 6u, 9u, 17u, 33u, 128u}) {
      if (m > 17 && wanted > 896) continue;
      const std::vector<float> x = testing::representable_floats(m * columns, 11);
      const std::vector<float> y = testing::multiply(kernels(), packed, x, m, workers_);
      for (std::size_t i = 0; i < m; i += 1 + m / 16)
        for (std::size_t row = 0; row < rows; row += 1 + rows / 37) {
          const Exact want = exact(matrix, row, &x[i * columns]);
          ASSERT_NEAR(y[i * rows + row], want.sum, 2e-6 * want.magnitude + 1e-6)
              << rows << "x" << columns << " m " << m << " input " << i << " row " << row;
        }
    }
  }
}

TEST_P(MatmulTest, RandomInputsStayWithinTheRoundingOfEightBits) {
  const TensorType type = GetParam().type;
  const std::size_t rows = 45, columns = 768;
  const RandomMatrix matrix = testing::random_matrix(type, rows, columns, 3);
  const PackedMatrix packed = kernels().pack(type, matrix.data.data(), rows, columns, memory_, workers_);
  for (const std::size_t m : {1u, 4u, 13u}) {
    const std::vector<float> x = testing::random_floats(m * columns, 5);
    const std::vector<float> y = testing::multiply(kernels(), packed, x, m, workers_);
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t row = 0; row < rows; ++row) {
        const Exact want = exact(matrix, row, &x[i * columns]);
        const double off = std::fabs(y[i * rows + row] - want.sum);
        ASSERT_LE(off, rounding_bound(matrix, row, &x[i * columns]) + 2e-6 * want.magnitude);
        error += off * off, norm += want.sum * want.sum;
      }
    EXPECT_LT(error / norm, 2e-4) << m;
  }
}

// A row's results have the same bits alone and in any batch: what prefix caching and batching rely on.
TEST_P(MatmulTest, ResultsDoNotDependOnTheBatch) {
  const TensorType type = GetParam().type;
  const std::size_t rows = 64, columns = 1024, most = 300;
  const RandomMatrix matrix = testing::random_matrix(type, rows, columns, 3);
  const PackedMatrix packed = kernels().pack(type, matrix.data.data(), rows, columns, memory_, workers_);
  const std::vector<float> x = testing::random_floats(most * columns, 5);
  const std::vector<float> all = testing::multiply(kernels(), packed, x, most, workers_);
  for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 64u}) {
    const std::vector<float> y = testing::multiply(kernels(), packed, x, m, workers_);
    ASSERT_EQ(std::memcmp(y.data(), all.data(), y.size() * sizeof(float)), 0) << m;
  }
}

TEST_P(MatmulTest, RowsComeBackToTheLastBit) {
  const TensorType type = GetParam().type;
  const std::size_t rows = 37, columns = 512;
  const RandomMatrix matrix = testing::random_matrix(type, rows, columns, 9);
  const PackedMatrix packed = kernels().pack(type, matrix.data.data(), rows, columns, memory_, workers_);
  std::vector<float> row(columns);
  for (std::size_t i = 0; i < rows; ++i) {
    kernels().row(packed, i, row.data());
    ASSERT_EQ(std::memcmp(row.data(), &matrix.values[i * columns], columns * sizeof(float)), 0) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, MatmulTest, ::testing::ValuesIn(cases()), [](const auto& info) {
  std::string name =
      std::string(name_of(info.param.level)) + "_" + std::string(tensor_type_info(info.param.type)->name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MatmulTest);

TEST(MatmulTogetherTest, SeveralMatricesShareAnInput) {
  Workers workers(3);
  WeightMemory memory;
  for (const CpuLevel level : testing::fast_levels()) {
    const Kernels& kernels = kernels_of(level);
    const TensorType types[] = {TensorType::q4_k, TensorType::q6_k, TensorType::f16};
    std::vector<PackedMatrix> packed;
    for (std::size_t i = 0; i < 3; ++i) {
      const RandomMatrix matrix = testing::random_matrix(types[i], 96 + 50 * i, 512, static_cast<std::uint32_t>(i));
      packed.push_back(kernels.pack(types[i], matrix.data.data(), matrix.rows, matrix.columns, memory, workers));
    }
    for (const std::size_t m : {1u, 3u, 8u, 250u}) {
      const std::vector<float> x = testing::random_floats(m * 512, 1);
      std::vector<std::byte> scratch(kernels.scratch_bytes(m, 512));
      std::vector<std::vector<float>> y;
      for (const PackedMatrix& matrix : packed) y.emplace_back(m * matrix.rows);
      const PackedMatrix* matrices[] = {&packed[0], &packed[1], &packed[2]};
      float* const ys[] = {y[0].data(), y[1].data(), y[2].data()};
      kernels.matmul(matrices, x.data(), m, ys, scratch.data(), workers);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(y[i], testing::multiply(kernels, packed[i], x, m, workers));
    }
  }
}

// A matrix that repeats 64 rows: each of its panels is computed, once, however many threads share it and although the
// number of runs is bounded.
TEST(MatmulTogetherTest, ManyThreadsShareALargeMatrix) {
  constexpr std::size_t kRows = 64, kColumns = 1024, kTimes = 300;
  const RandomMatrix matrix = testing::random_matrix(TensorType::q4_0, kRows, kColumns, 4);
  std::vector<std::byte> repeated;
  for (std::size_t i = 0; i < kTimes; ++i) repeated.insert(repeated.end(), matrix.data.begin(), matrix.data.end());
  const std::vector<float> x = testing::random_floats(kColumns, 6);
  for (const int threads : {1, 2, 64}) {
    Workers workers(threads);
    WeightMemory memory;
    for (const CpuLevel level : testing::fast_levels()) {
      const Kernels& kernels = kernels_of(level);
      const auto times = [&](const std::vector<std::byte>& data, std::size_t rows) {
        const PackedMatrix packed = kernels.pack(TensorType::q4_0, data.data(), rows, kColumns, memory, workers);
        return testing::multiply(kernels, packed, x, 1, workers);
      };
      const std::vector<float> once = times(matrix.data, kRows), all = times(repeated, kTimes * kRows);
      for (std::size_t i = 0; i < kTimes; ++i)
        ASSERT_EQ(std::memcmp(&all[i * kRows], once.data(), kRows * sizeof(float)), 0) << threads << " " << i;
    }
  }
}

}  // namespace
}  // namespace tollgate::local
