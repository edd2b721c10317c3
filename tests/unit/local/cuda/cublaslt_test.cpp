// The calls of cuBLASLt against a library that checks them: orders, scales, refusals, what is left behind.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>

#include "local_backend/cuda/fp8.h"
#include "local_backend/cuda/wide_gemm.h"
#include "tests/unit/local/cuda/fake_cublaslt.h"

namespace tollgate::local::gpu {
namespace {

class CublasLt : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TOLLGATE_CUBLASLT", TOLLGATE_FAKE_CUBLASLT, 1);
    void* library = dlopen(TOLLGATE_FAKE_CUBLASLT, RTLD_NOW);
    ASSERT_NE(library, nullptr) << dlerror();
    fake_ = reinterpret_cast<FakeCublasLt* (*)()>(dlsym(library, "fake_cublaslt"))();
    *fake_ = FakeCublasLt{};
  }
  void TearDown() override {
    unsetenv("TOLLGATE_CUBLASLT");
    product_memory_.clear();
  }

  template <class Value>
  Value* upload(const std::vector<Value>& values) {
    product_memory_.push_back(*device_->allocate(values.size() * sizeof(Value), "the test"));
    device_->compute().copy_in(product_memory_.back().data(), values.data(), values.size() * sizeof(Value));
    EXPECT_TRUE(device_->compute().wait());
    return product_memory_.back().as<Value>();
  }

  static float weight(int r, int k) { return static_cast<float>((r * 5 + k * 3) % 7 - 3); }
  static float token(int t, int k) { return static_cast<float>((t * 11 + k * 2) % 9 - 4); }

  // A product of small integers, which both formats hold exactly.
  PlainProduct product(ActivationFormat format, int m, int rows, int columns, int stride) {
    std::vector<std::uint8_t> w8, x8;
    std::vector<std::uint16_t> w16, x16;
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < columns; ++k) add(weight(r, k), w8, w16);
    for (int t = 0; t < m; ++t)
      for (int k = 0; k < columns; ++k) add(token(t, k), x8, x16);
    PlainProduct made{format, m, rows, columns};
    made.out = upload(std::vector<float>(static_cast<std::size_t>(m) * static_cast<std::size_t>(stride), -1.0f));
    made.out_stride = stride;
    if (format == ActivationFormat::bf16) {
      made.weights = upload(w16);
      made.x = upload(x16);
      return made;
    }
    made.weights = upload(w8);
    made.x = upload(x8);
    std::vector<float> weight_scales, x_scales;
    for (int r = 0; r < rows; ++r) weight_scales.push_back(static_cast<float>(1 + r % 3));
    for (int t = 0; t < m; ++t) x_scales.push_back(static_cast<float>(1 << t % 4));
    made.weight_scales = upload(weight_scales);
    made.x_scales = upload(x_scales);
    return made;
  }
  static void add(float value, std::vector<std::uint8_t>& bytes, std::vector<std::uint16_t>& words) {
    bytes.push_back(float_to_fp8(value));
    words.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  }

  void expect_right(const PlainProduct& of) {
    ASSERT_TRUE(device_->compute().wait());
    for (int t = 0; t < of.m; ++t) {
      for (int i = 0; i < of.out_stride; ++i) {
        float expected = -1;  // beyond the rows nothing is written
        if (i < of.rows) {
          expected = 0;
          for (int k = 0; k < of.columns; ++k) expected += token(t, k) * weight(i, k);
          if (of.format == ActivationFormat::fp8) expected *= static_cast<float>((1 + i % 3) * (1 << t % 4));
        }
        ASSERT_EQ(of.out[t * of.out_stride + i], expected) << "row " << t << ", number " << i;
      }
    }
  }

  std::unique_ptr<Device> device_ = *Device::open(0);
  std::vector<Memory> product_memory_;
  FakeCublasLt* fake_ = nullptr;
};

TEST_F(CublasLt, MultipliesWhatLiesRowByRow) {
  auto library = *open_matmul_library(*device_);
  for (const ActivationFormat format : {ActivationFormat::bf16, ActivationFormat::fp8}) {
    for (const auto& [m, rows, stride] : {std::tuple{1, 16, 16}, {5, 48, 64}, {67, 20, 20}}) {
      const PlainProduct made = product(format, m, rows, 32, stride);
      const auto done = library->multiply(device_->compute(), made);
      ASSERT_TRUE(done) << done.error().message;
      expect_right(made);
    }
  }
  EXPECT_EQ(fake_->products, 6);
}

TEST_F(CublasLt, ScalesItselfWhereTheLibraryDoesNot) {
  fake_->refuses_scales = true;
  auto library = *open_matmul_library(*device_);
  const PlainProduct made = product(ActivationFormat::fp8, 3, 48, 32, 64);
  ASSERT_TRUE(library->multiply(device_->compute(), made));
  expect_right(made);
  EXPECT_EQ(fake_->choices, 2);
  const PlainProduct again = product(ActivationFormat::fp8, 4, 48, 32, 64);
  ASSERT_TRUE(library->multiply(device_->compute(), again));
  expect_right(again);
  EXPECT_EQ(fake_->choices, 3);  // it does not ask again for what was refused
}

TEST_F(CublasLt, SaysWhatIsRefused) {
  fake_->refuses_fp8 = true;
  auto library = *open_matmul_library(*device_);
  const auto refused = library->multiply(device_->compute(), product(ActivationFormat::fp8, 3, 48, 32, 48));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "wide_product_failed");
  EXPECT_EQ(refused.error().message,
            "cuBLASLt 130000 refuses a product of 3 x 32 by 48 x 32, fp8: CUBLAS_STATUS_NOT_SUPPORTED (15)");
  const PlainProduct wide = product(ActivationFormat::bf16, 3, 48, 32, 48);
  ASSERT_TRUE(library->multiply(device_->compute(), wide));
  fake_->refuses_when_asked = true;
  EXPECT_FALSE(library->multiply(device_->compute(), wide));
}

TEST_F(CublasLt, ChoosesOncePerShapeAndLeavesNothingBehind) {
  auto library = *open_matmul_library(*device_);
  const PlainProduct made = product(ActivationFormat::bf16, 3, 16, 32, 16);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(library->multiply(device_->compute(), made));
  EXPECT_EQ(fake_->choices, 1);
  // More shapes than are kept.
  PlainProduct other = product(ActivationFormat::bf16, 600, 16, 32, 16);
  for (other.m = 1; other.m <= 600; ++other.m) ASSERT_TRUE(library->multiply(device_->compute(), other));
  EXPECT_LT(fake_->living, 4 * 512 + 2);
  library.reset();
  EXPECT_EQ(fake_->living, 0);
}

TEST_F(CublasLt, AnAbsentLibraryIsNamed) {
  setenv("TOLLGATE_CUBLASLT", "/nowhere/libcublasLt.so", 1);
  const auto absent = open_matmul_library(*device_);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, "no_wide_products");
  EXPECT_NE(absent.error().message.find("/nowhere/libcublasLt.so"), std::string::npos);
}

TEST_F(CublasLt, ALibraryThatLacksACallIsNotUsed) {
  setenv("TOLLGATE_CUBLASLT", "libm.so.6", 1);
  const auto other = open_matmul_library(*device_);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("libm.so.6 has no cublasLtCreate"), std::string::npos) << other.error().message;
}

TEST_F(CublasLt, ALibraryThatDoesNotStartIsSaid) {
  fake_->refuses_to_start = true;
  const auto refused = open_matmul_library(*device_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "cuBLASLt does not start: CUBLAS_STATUS_NOT_INITIALIZED (1)");
}

}  // namespace
}  // namespace tollgate::local::gpu
