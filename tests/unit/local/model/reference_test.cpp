// Logits of every family against transformers, with keys and values rounded there as the KV types round them here.
#include <gtest/gtest.h>

#include <algorithm>

#include "plans.h"
#include "tiny_model.h"

namespace tollgate::local {
namespace {

class Reference : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Families, Reference, testing::ValuesIn(decoder_names()),
                         [](const auto& info) { return info.param; });

// The reference's logits [rows][vocabulary] for one kind of KV values: 0 = float, 1 = f16, 2 = q8.
std::vector<float> expected(const TinyModel& model, std::size_t kind) {
  const std::size_t size = model.reference.size() / 3;
  const auto begin = model.reference.begin() + static_cast<std::ptrdiff_t>(kind * size);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

std::vector<float> computed(const TinyModel& model, KvType kv) {
  const auto backend = scalar_backend(model.file(), kv);
  const std::vector<float> all = whole(*backend, model.sequences[0]);
  std::vector<float> rows;
  for (const std::int32_t row : model.rows) {
    const auto from = all.begin() + row * static_cast<std::ptrdiff_t>(backend->info().vocabulary);
    rows.insert(rows.end(), from, from + static_cast<std::ptrdiff_t>(backend->info().vocabulary));
  }
  return rows;
}

TEST_P(Reference, LogitsMatchWithHalfFloatKeysAndValues) {
  const TinyModel model = TinyModel::load(GetParam());
  const std::vector<float> logits = computed(model, KvType::f16);
  EXPECT_LE(largest_difference(logits, expected(model, 1)), 1e-3f);
  // Against keys and values that nobody rounded the bound is that of the rounding.
  EXPECT_LE(largest_difference(logits, expected(model, 0)), 1e-2f);
}

TEST_P(Reference, LogitsMatchWithByteKeysAndValues) {
  const TinyModel model = TinyModel::load(GetParam());
  EXPECT_LE(largest_difference(computed(model, KvType::q8), expected(model, 2)), 1e-4f);
}

TEST(Quantised, WeightsCountAsTheValuesThatTheyStandFor) {
  for (const std::string& name : decoder_names())
    for (const TensorType type : {TensorType::q8_0, TensorType::q4_0, TensorType::bf16}) {
      const TinyModel model = TinyModel::load(name);
      const auto blocks = scalar_backend(model.file(type)), floats = scalar_backend(model.file(type, true));
      EXPECT_EQ(whole(*blocks, model.sequences[0]), whole(*floats, model.sequences[0])) << name;
    }
}

}  // namespace
}  // namespace tollgate::local
