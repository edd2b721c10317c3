// Whole models at the faster levels, against the scalar one: activations of 8 bits cost a little, a mistake costs all.
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "plans.h"
#include "tiny_model.h"

namespace tollgate::local {
namespace {

using Case = std::tuple<std::string, CpuLevel>;

class Levels : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Families, Levels,
                         testing::Combine(testing::ValuesIn(decoder_names()),
                                          testing::Values(CpuLevel::avx2, CpuLevel::avx512, CpuLevel::avx512_vnni,
                                                          CpuLevel::amx)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" +
                                  std::to_string(static_cast<int>(std::get<1>(info.param)));
                         });

// Root of the mean squared difference, in units of b's own spread.
double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, spread = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    spread += b[i] * b[i];
  }
  return a.size() == b.size() ? std::sqrt(difference / spread) : INFINITY;
}

TEST_P(Levels, LogitsStayCloseToTheScalarLevel) {
  const auto& [name, level] = GetParam();
  if (!cpu_supports(level)) GTEST_SKIP() << "this machine has no " << name_of(level);
  const TinyModel model = TinyModel::load(name);
  const auto file = model.file(TensorType::q8_0);
  // Near a tie a little noise chooses another expert.
  const double bound = read_model_config(*file)->experts > 0 ? 0.2 : 0.05;
  for (const KvType kv : {KvType::f16, KvType::q8}) {
    const auto scalar = scalar_backend(file, kv), fast = backend_of(level, file, kv);
    const double error = relative_error(whole(*fast, model.sequences[0]), whole(*scalar, model.sequences[0]));
    EXPECT_LE(error, bound) << name_of(level) << (kv == KvType::f16 ? " f16" : " q8");
  }
}

}  // namespace
}  // namespace tollgate::local
