// Norms, gates and sums of every level against the scalar one, and the choice of a level.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "kernel_testing.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kSizes[] = {1, 7, 8, 16, 17, 64, 100, 896, 4864};

void expect_near(const std::vector<float>& got, const std::vector<float>& want, std::string_view level) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 1e-6f + 2e-6f * std::fabs(want[i])) << level << " at " << i << " of " << want.size();
}

TEST(RowsTest, RmsNorm) {
  const Kernels& scalar = kernels_of(CpuLevel::scalar);
  for (const CpuLevel level : testing::fast_levels())
    for (const std::size_t n : kSizes)
      for (const bool weighted : {false, true}) {
        const std::vector<float> x = testing::random_floats(3 * n, 1), weight = testing::random_floats(n, 2);
        std::vector<float> want(3 * n), got = x;
        scalar.rms_norm(x.data(), weighted ? weight.data() : nullptr, 1e-5f, 3, n, want.data());
        kernels_of(level).rms_norm(got.data(), weighted ? weight.data() : nullptr, 1e-5f, 3, n, got.data());
        expect_near(got, want, name_of(level));
      }
}

TEST(RowsTest, GatesAndSums) {
  const Kernels& scalar = kernels_of(CpuLevel::scalar);
  for (const CpuLevel level : testing::fast_levels()) {
    const Kernels& fast = kernels_of(level);
    for (const std::size_t n : kSizes) {
      std::vector<float> gate = testing::random_floats(n, 1);
      const std::vector<float> up = testing::random_floats(n, 2);
      for (std::size_t i = 0; i < n; ++i) gate[i] *= i % 3 == 0 ? 40.0f : 3.0f;  // far into both tails, too
      gate[n / 2] = 0;
      for (const auto function : {&Kernels::silu_mul, &Kernels::gelu_mul, &Kernels::add}) {
        std::vector<float> want = gate, got = gate;
        if (function == &Kernels::add) {
          scalar.add(want.data(), up.data(), n), fast.add(got.data(), up.data(), n);
        } else if (function == &Kernels::silu_mul) {
          scalar.silu_mul(want.data(), up.data(), n), fast.silu_mul(got.data(), up.data(), n);
        } else {
          scalar.gelu_mul(want.data(), up.data(), n), fast.gelu_mul(got.data(), up.data(), n);
        }
        expect_near(got, want, name_of(level));
      }
    }
  }
}

class LevelTest : public ::testing::Test {
 protected:
  ~LevelTest() override { unsetenv("TOLLGATE_CPU_LEVEL"); }
};

TEST_F(LevelTest, TheVariableNamesALowerLevel) {
  const CpuLevel best = best_cpu_level();
  EXPECT_TRUE(cpu_supports(best));
  for (const CpuLevel level :
       {CpuLevel::scalar, CpuLevel::avx2, CpuLevel::avx512, CpuLevel::avx512_vnni, CpuLevel::amx}) {
    setenv("TOLLGATE_CPU_LEVEL", std::string(name_of(level)).c_str(), 1);
    EXPECT_EQ(best_cpu_level(), cpu_supports(level) ? level : best);
  }
  setenv("TOLLGATE_CPU_LEVEL", "none such", 1);
  EXPECT_EQ(best_cpu_level(), best);
}

TEST_F(LevelTest, ATableIsOfItsLevel) {
  EXPECT_EQ(kernels_of(CpuLevel::scalar).level, CpuLevel::scalar);
  for (const CpuLevel level : testing::fast_levels()) EXPECT_EQ(kernels_of(level).level, level);
}

}  // namespace
}  // namespace tollgate::local
