// Products of many rows by the library: both ways, what they fall back to, and that a wrong library is found out.
#include "local_backend/cuda/wide_gemm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "local_backend/cuda/fp8.h"
#include "tests/support/simulated_gpu/simulated_runtime.h"
#include "tests/unit/local/cuda/product_matrix.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kMostRows = 80;
constexpr std::size_t kPlenty = std::size_t{1} << 26;

class Wide : public OnDeviceWithMatrices {
 protected:
  void TearDown() override { simulated_machine() = SimulatedMachine{}; }

  // Of different formats, heights that are no multiple of 16, and widths.
  void upload_matrices() {
    for (const auto& [type, rows, columns] :
         {std::tuple{TensorType::q8_0, 48u, 96u}, {TensorType::q4_1, 37u, 64u}, {TensorType::f16, 20u, 32u}}) {
      const FileMatrix file = random_matrix(type, rows, columns, rows);
      uploaded_.push_back(upload_matrix(MatrixPieces({file.view()})));
      matrices_.push_back(uploaded_.back().matrix);
    }
  }

  // Root mean square of what multiply() makes minus the product in double, over that of the latter.
  double difference(WideGemm& wide, std::size_t which, std::size_t m) {
    const DeviceMatrix& host = uploaded_[which].host.matrix;
    const auto columns = static_cast<std::size_t>(host.columns), rows = static_cast<std::size_t>(host.rows);
    const std::vector<float> x = noise(m * columns, 5);
    std::vector<std::uint16_t> words;
    std::vector<std::uint8_t> bytes;
    std::vector<float> scales;
    for (std::size_t t = 0; t < m; ++t) {
      float most = 0;
      for (std::size_t k = 0; k < columns; ++k) most = std::max(most, std::abs(x[t * columns + k]));
      scales.push_back(most / kLargestFp8);
      for (std::size_t k = 0; k < columns; ++k) {
        words.push_back(f32_to_bf16(x[t * columns + k]));
        bytes.push_back(float_to_fp8(x[t * columns + k] / scales.back()));
      }
    }
    const bool fp8 = wide.format() == ActivationFormat::fp8;
    const Memory values = fp8 ? upload(bytes) : upload(words), scale_memory = upload(scales);
    const Memory out = room<float>(m * rows);
    const Activations rows_of_x{wide.format(), values.data(), scale_memory.as<float>(), nullptr};
    const auto done = wide.multiply(matrices_[which], rows_of_x, static_cast<int>(m), out.as<float>());
    EXPECT_TRUE(done) << done.error().message;
    const std::vector<float> found = download<float>(out, m * rows);
    double off = 0, all = 0;
    for (std::size_t t = 0; t < m; ++t) {
      for (std::size_t r = 0; r < rows; ++r) {
        double sum = 0;
        for (std::size_t k = 0; k < columns; ++k)
          sum += static_cast<double>(x[t * columns + k]) *
                 static_cast<double>(device_value(host, static_cast<int>(r), static_cast<int>(k)));
        const double delta = static_cast<double>(found[t * rows + r]) - sum;
        off += delta * delta;
        all += sum * sum;
      }
    }
    return std::sqrt(off / all);
  }

  std::vector<Uploaded> uploaded_;
  std::vector<DeviceMatrix> matrices_;
};

TEST_F(Wide, SixteenBitsAreExactButForTheirRounding) {
  upload_matrices();
  auto wide = WideGemm::make(*device_, matrices_, kMostRows);
  ASSERT_TRUE(wide) << wide.error().message;
  EXPECT_EQ((*wide)->format(), ActivationFormat::bf16);
  for (std::size_t i = 0; i < matrices_.size(); ++i) {
    EXPECT_TRUE((*wide)->has(matrices_[i]));
    for (const std::size_t m : {1, 3, 67}) EXPECT_LT(difference(**wide, i, m), 0.004) << i;
  }
}

TEST_F(Wide, SlabsOfRowsMakeTheWholeMatrix) {
  upload_matrices();
  // 16 rows of the widest matrix at a time.
  auto wide = WideGemm::make(*device_, matrices_, kMostRows, {.fp8_bytes = 0, .slab_bytes = 16 * 96 * 2});
  ASSERT_TRUE(wide) << wide.error().message;
  EXPECT_EQ((*wide)->bytes(), 16u * 96 * 2);
  for (std::size_t i = 0; i < matrices_.size(); ++i) EXPECT_LT(difference(**wide, i, 5), 0.004) << i;
}

TEST_F(Wide, EightBitsWhereThereIsRoom) {
  upload_matrices();
  auto wide = WideGemm::make(*device_, matrices_, kMostRows, {.fp8_bytes = kPlenty});
  ASSERT_TRUE(wide) << wide.error().message;
  EXPECT_EQ((*wide)->format(), ActivationFormat::fp8);
  EXPECT_LT((*wide)->bytes(), 48u * 96 + 37 * 64 + 20 * 32 + 6 * 256 + (48 + 37 + 20) * 4);
  for (std::size_t i = 0; i < matrices_.size(); ++i) EXPECT_LT(difference(**wide, i, 67), 0.06) << i;
  // A byte less than the copies need.
  const std::size_t bytes = (*wide)->bytes();
  EXPECT_EQ((*WideGemm::make(*device_, matrices_, kMostRows, {.fp8_bytes = bytes - 1}))->format(),
            ActivationFormat::bf16);
}

TEST_F(Wide, SixteenBitsWhereTheLibraryHasNoEight) {
  upload_matrices();
  simulated_machine().multiplies_fp8 = false;
  auto wide = WideGemm::make(*device_, matrices_, kMostRows, {.fp8_bytes = kPlenty});
  ASSERT_TRUE(wide) << wide.error().message;
  EXPECT_EQ((*wide)->format(), ActivationFormat::bf16);
  EXPECT_LT(difference(**wide, 0, 7), 0.004);
}

TEST_F(Wide, NothingWithoutALibraryOrWithOneThatTakesNothing) {
  upload_matrices();
  for (bool SimulatedMachine::* has : {&SimulatedMachine::has_matmul, &SimulatedMachine::multiplies_bf16}) {
    simulated_machine() = SimulatedMachine{};
    simulated_machine().*has = false;
    const auto none = WideGemm::make(*device_, matrices_, kMostRows);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, "no_wide_products");
  }
}

TEST_F(Wide, ALibraryThatMultipliesWronglyIsNotUsed) {
  upload_matrices();
  simulated_machine().multiplies_wrongly = true;
  for (const std::size_t fp8_bytes : {std::size_t{0}, kPlenty}) {
    const auto wrong = WideGemm::make(*device_, matrices_, kMostRows, {.fp8_bytes = fp8_bytes});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, "no_wide_products");
    EXPECT_NE(wrong.error().message.find("differs from ours"), std::string::npos) << wrong.error().message;
  }
}

}  // namespace
}  // namespace tollgate::local::gpu
