// Whole models of every family on the GPU, against the CPU's scalar level and against transformers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../model/plans.h"
#include "../model/wide_heads.h"
#include "small_cuda.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kVocabulary = 256;

// Root of the mean squared difference, in units of b's own spread.
double relative_error(std::span<const float> a, std::span<const float> b) {
  double difference = 0, spread = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    spread += b[i] * b[i];
  }
  return a.size() == b.size() ? std::sqrt(difference / spread) : INFINITY;
}

// Of each row of logits, the smallest first.
std::vector<double> errors_of_rows(std::span<const float> a, std::span<const float> b) {
  std::vector<double> errors;
  for (std::size_t row = 0; row + kVocabulary <= std::min(a.size(), b.size()); row += kVocabulary)
    errors.push_back(relative_error(a.subspan(row, kVocabulary), b.subspan(row, kVocabulary)));
  std::ranges::sort(errors);
  return errors;
}

// Rows in which another token is the likeliest, though it is not nearly as likely.
std::size_t other_choices(std::span<const float> a, std::span<const float> b, double near) {
  std::size_t count = 0;
  for (std::size_t row = 0; row + kVocabulary <= b.size(); row += kVocabulary) {
    const auto got = a.subspan(row, kVocabulary), wanted = b.subspan(row, kVocabulary);
    const auto chosen = static_cast<std::size_t>(std::ranges::max_element(got) - got.begin());
    if (wanted[chosen] < *std::ranges::max_element(wanted) - static_cast<float>(near)) ++count;
  }
  return count;
}

class Families : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!has_device()) GTEST_SKIP() << "no device";
    model_ = with_wide_heads(TinyModel::load(GetParam()));
    experts_ = read_model_config(*model_.file())->experts > 0;
  }
  // Of the rows' errors three of four are below `bound`, all below `worst`. Near a tie a little noise chooses another
  // expert, and then a row's logits are others, and the tokens behind it hear of it.
  void expect_close(std::span<const float> got, std::span<const float> wanted, double bound, double worst) const {
    ASSERT_EQ(got.size(), wanted.size());
    const std::vector<double> errors = errors_of_rows(got, wanted);
    EXPECT_LE(errors[errors.size() * 3 / 4 - 1], experts_ ? 2 * bound : bound);
    EXPECT_LE(errors.back(), experts_ ? 0.8 : worst);
    if (!experts_) EXPECT_EQ(other_choices(got, wanted, 10 * worst), 0u);
  }

  // The sequence at once, then some of its tokens one by one, as decoding computes them.
  void compare(const std::shared_ptr<const GgufFile>& file, CudaBackendOptions options, double bound = 5e-3,
               double worst = 1e-2) {
    const auto cpu = scalar_backend(file), cuda = cuda_backend(file, options);
    const std::vector<float> wanted = whole(*cpu, model_.sequences[0]);
    expect_close(whole(*cuda, model_.sequences[0]), wanted, bound, worst);
    TestSequence sequence{model_.sequences[0], blocks_from(8, model_.sequences[0].size())};
    PlanMaker(*cuda).add(sequence, 3).run();
    std::vector<float> steps;
    for (int i = 0; i < 5; ++i) {
      const std::vector<float> step = PlanMaker(*cuda).add(sequence, 1).run();
      steps.insert(steps.end(), step.begin(), step.end());
    }
    expect_close(steps, std::span(wanted).subspan(3 * kVocabulary, 5 * kVocabulary), bound, worst);
  }

  TinyModel model_;
  bool experts_ = false;
};
INSTANTIATE_TEST_SUITE_P(Models, Families, testing::ValuesIn(decoder_names()),
                         [](const auto& info) { return info.param; });

// Activations have 11 bits, and so do float weights; sums are floats. What a layer loses these models, which know
// nothing, make some times larger.
TEST_P(Families, LogitsAreTheCpusWithin11Bits) { compare(model_.file(), small_options()); }

TEST_P(Families, QuantizedWeightsCountAsTheyAre) { compare(model_.file(TensorType::q8_0), small_options()); }

TEST_P(Families, ExactIsAsClose) {
  CudaBackendOptions options = small_options();
  options.exact = true;
  compare(model_.file(TensorType::q4_0), options);
}

// An e4m3 number has 4 bits of mantissa with the hidden one: 2^-5 of each key and value at most.
TEST_P(Families, EightBitKeysAndValuesCostALittle) {
  CudaBackendOptions options = small_options();
  options.fp8_kv = true;
  compare(model_.file(), options, 0.25, 0.6);
}

TEST_P(Families, LogitsMatchTheReference) {
  const auto cuda = cuda_backend(model_.file());
  const std::vector<float> all = whole(*cuda, model_.sequences[0]);
  std::vector<float> rows;
  for (const std::int32_t row : model_.rows)
    rows.insert(rows.end(), all.begin() + row * 256, all.begin() + (row + 1) * 256);
  expect_close(rows, std::span(model_.reference).first(rows.size()), 5e-3, 1e-2);
}

}  // namespace
}  // namespace tollgate::local::gpu
