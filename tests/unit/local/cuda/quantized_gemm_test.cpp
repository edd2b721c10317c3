// Products with quantised weights against a double loop over the numbers that the matrix stands for, and their order of
// additions: a row's result is the same to the last bit whatever is beside it.
#include <gtest/gtest.h>

#include "tests/unit/local/cuda/product_matrix.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kMultiprocessors = 4;

class QuantizedGemm : public OnDeviceWithMatrices {
 protected:
  // [parts][m][rows], parts as the matrix has them.
  std::vector<float> multiply(const Uploaded& matrix, const HostActivations& x,
                              int multiprocessors = kMultiprocessors) {
    const DeviceActivations rows = upload_activations(x);
    const auto parts = static_cast<std::size_t>(gemm_parts(matrix.matrix, multiprocessors));
    const std::size_t count = parts * x.rows * static_cast<std::size_t>(matrix.matrix.rows);
    const Memory out = room<float>(count);
    const GemmArgs args{&matrix.matrix, rows.view, static_cast<int>(x.rows), out.as<float>()};
    quantized_gemm(stream(), {&args, 1}, multiprocessors);
    return download<float>(out, count);
  }

  // Float additions alone: every product of a half and an integer is exact.
  static void expect_products(const DeviceMatrix& matrix, const HostActivations& x, const std::vector<float>& out) {
    const auto rows = static_cast<std::size_t>(matrix.rows);
    const std::size_t parts = out.size() / (x.rows * rows);
    for (std::size_t token = 0; token < x.rows; ++token) {
      for (std::size_t row = 0; row < rows; ++row) {
        double sum = 0;
        for (std::size_t part = 0; part < parts; ++part)
          sum += static_cast<double>(out[(part * x.rows + token) * rows + row]);
        const ExactProduct exact = exact_product(matrix, static_cast<int>(row), x, token);
        ASSERT_NEAR(sum, exact.sum, exact.magnitude * 1e-5) << "token " << token << ", row " << row;
      }
    }
  }
};

std::size_t columns_of(TensorType type, std::size_t wanted) {
  const std::size_t block = tensor_type_info(type)->elements;
  return (wanted + block - 1) / block * block;
}

TEST_F(QuantizedGemm, EveryFormatAndShape) {
  const std::pair<std::size_t, std::size_t> shapes[] = {{1, 32}, {16, 64}, {37, 352}, {130, 96}};
  std::uint32_t seed = 1;
  for (const TensorType type : kFormatTypes) {
    for (const auto& [rows, wanted] : shapes) {
      const FileMatrix file = random_matrix(type, rows, columns_of(type, wanted), seed);
      const Uploaded matrix = upload_matrix(MatrixPieces({file.view()}));
      for (const std::size_t m : {1, 2, 7, 8, 9, 16, 33}) {
        SCOPED_TRACE(::testing::Message()
                     << tensor_type_info(type)->name << " " << rows << " x " << file.columns << ", " << m << " tokens");
        const HostActivations x = random_rows(m, file.columns, ++seed);
        expect_products(matrix.host.matrix, x, multiply(matrix, x));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(QuantizedGemm, MoreTokensThanABlockTakes) {
  for (const TensorType type : kFormatTypes) {
    const FileMatrix file = random_matrix(type, 24, columns_of(type, 160), 5);
    const Uploaded matrix = upload_matrix(MatrixPieces({file.view()}));
    for (const std::size_t m : {64, 65, 130}) {
      const HostActivations x = random_rows(m, file.columns, 6);
      expect_products(matrix.host.matrix, x, multiply(matrix, x));
    }
  }
}

// The first rows of a large batch and a batch of these rows alone, over all shapes of block.
TEST_F(QuantizedGemm, ARowDoesNotDependOnTheRowsBesideIt) {
  for (const TensorType type : kFormatTypes) {
    const FileMatrix file = random_matrix(type, 20, 1280, 7);
    const Uploaded matrix = upload_matrix(MatrixPieces({file.view()}));
    const HostActivations all = random_rows(70, file.columns, 8);
    const std::vector<float> whole = multiply(matrix, all);
    const std::size_t parts = whole.size() / (70 * 20);
    EXPECT_GT(parts, 1u);
    const std::size_t step = type == TensorType::q4_1 ? 1 : 13;
    for (std::size_t m = 1; m < 70; m += step) {
      HostActivations some = all;
      some.rows = m;
      const std::vector<float> out = multiply(matrix, some);
      for (std::size_t part = 0; part < parts; ++part)
        for (std::size_t i = 0; i < m * 20; ++i)
          ASSERT_EQ(out[part * m * 20 + i], whole[part * 70 * 20 + i])
              << tensor_type_info(type)->name << ", " << m << " tokens, part " << part << ", number " << i;
    }
  }
}

TEST_F(QuantizedGemm, SeveralProductsOfTheSameRows) {
  const TensorType types[] = {TensorType::q4_0, TensorType::q6_k, TensorType::q4_0, TensorType::q4_0,
                              TensorType::q4_0, TensorType::q4_0, TensorType::q8_0};
  for (const std::size_t m : {3, 20}) {
    const HostActivations x = random_rows(m, 256, 9);
    const DeviceActivations rows = upload_activations(x);
    std::vector<Uploaded> matrices;
    for (std::size_t i = 0; i < std::size(types); ++i)
      matrices.push_back(upload_matrix(MatrixPieces({random_matrix(types[i], 10 + 30 * i, 256, 10).view()})));
    std::vector<Memory> outs;
    std::vector<GemmArgs> products;
    for (const Uploaded& matrix : matrices) {
      const auto parts = static_cast<std::size_t>(gemm_parts(matrix.matrix, kMultiprocessors));
      outs.push_back(room<float>(parts * m * static_cast<std::size_t>(matrix.matrix.rows)));
      products.push_back({&matrix.matrix, rows.view, static_cast<int>(m), outs.back().as<float>()});
    }
    quantized_gemm(stream(), products, kMultiprocessors);
    for (std::size_t i = 0; i < matrices.size(); ++i)
      EXPECT_EQ(download<float>(outs[i], outs[i].size() / sizeof(float)), multiply(matrices[i], x)) << i;
  }
}

// Parts depend on the device's size; every number of them adds up to the same product.
TEST_F(QuantizedGemm, PartsOfEveryNumber) {
  const FileMatrix file = random_matrix(TensorType::q4_1, 150, 2080, 11);
  const Uploaded matrix = upload_matrix(MatrixPieces({file.view()}));
  std::vector<int> seen;
  for (const int multiprocessors : {1, 2, 6, 12, 132}) {
    seen.push_back(gemm_parts(matrix.matrix, multiprocessors));
    for (const std::size_t m : {2, 10}) {
      const HostActivations x = random_rows(m, file.columns, 12);
      expect_products(matrix.host.matrix, x, multiply(matrix, x, multiprocessors));
    }
  }
  EXPECT_EQ(seen, (std::vector<int>{1, 1, 4, 8, 8}));
}

TEST_F(QuantizedGemm, PartsOfTheMatricesOfAModel) {
  const auto parts = [](int rows, int columns) {
    return gemm_parts({.bits = 4, .group = 32, .rows = rows, .columns = columns}, 132);
  };
  EXPECT_EQ(parts(4096, 4096), 4);
  EXPECT_EQ(parts(1024, 4096), 8);
  EXPECT_EQ(parts(28672, 4096), 1);
  EXPECT_EQ(parts(4096, 14336), 4);
  EXPECT_EQ(parts(128256, 4096), 1);
  EXPECT_EQ(parts(16, 32), 1);
}

}  // namespace
}  // namespace tollgate::local::gpu
