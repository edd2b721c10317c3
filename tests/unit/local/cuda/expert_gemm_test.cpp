// Products of experts against those of each expert's matrix alone.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/local/cuda/product_matrix.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kMultiprocessors = 4;
constexpr std::size_t kExperts = 3, kRows = 40;

class ExpertGemm : public OnDeviceWithMatrices {
 protected:
  void make_experts(TensorType type) {
    experts_.clear();
    std::vector<DeviceMatrix> table;
    for (std::uint32_t i = 0; i < kExperts; ++i) {
      experts_.push_back(upload_matrix(MatrixPieces({random_matrix(type, kRows, 256, i).view()})));
      table.push_back(experts_.back().matrix);
    }
    table_ = upload(table);
    shape_ = table.front();
    shape_.values = shape_.scales = nullptr;
  }

  // [parts][chosen][rows]. Without `tokens`, rows of x are the places.
  std::vector<float> multiply(const HostActivations& x, const std::vector<std::int32_t>& tokens, std::size_t chosen,
                              const std::vector<ExpertItem>& items, int max_count) {
    const DeviceActivations rows = upload_activations(x);
    const Memory names = upload(tokens), work = upload(items);
    const std::size_t count = static_cast<std::size_t>(gemm_parts(shape_, kMultiprocessors)) * chosen * kRows;
    const Memory out = zeros<float>(count);
    expert_gemm(stream(),
                {.experts = table_.as<DeviceMatrix>(),
                 .shape = shape_,
                 .x = rows.view,
                 .tokens = tokens.empty() ? nullptr : names.as<std::int32_t>(),
                 .items = work.as<ExpertItem>(),
                 .max_items = static_cast<int>(items.size()),
                 .max_count = max_count,
                 .chosen = static_cast<int>(chosen),
                 .out = out.as<float>()},
                kMultiprocessors);
    return download<float>(out, count);
  }

  // The sums of the parts of one place against the matrix of its expert.
  void expect_place(const std::vector<float>& out, std::size_t place, std::size_t chosen, std::size_t expert,
                    const HostActivations& x, std::size_t x_row) const {
    const std::size_t parts = out.size() / (chosen * kRows);
    for (std::size_t row = 0; row < kRows; ++row) {
      double sum = 0;
      for (std::size_t part = 0; part < parts; ++part)
        sum += static_cast<double>(out[(part * chosen + place) * kRows + row]);
      const ExactProduct exact = exact_product(experts_[expert].host.matrix, static_cast<int>(row), x, x_row);
      ASSERT_NEAR(sum, exact.sum, exact.magnitude * 1e-5) << "place " << place << ", row " << row;
    }
  }

  std::vector<Uploaded> experts_;
  Memory table_;
  DeviceMatrix shape_;
};

TEST_F(ExpertGemm, EveryItemMultipliesItsRows) {
  for (const TensorType type : kFormatTypes) {
    make_experts(type);
    const HostActivations x = random_rows(6, 256, 5);
    const std::vector<std::int32_t> tokens{5, 0, 3, 1, 1, 4, 2};
    const std::vector<ExpertItem> items{{2, 0, 3, 0}, {0, 3, 0, 0}, {1, 3, 2, 0}, {0, 5, 2, 0}, {0, 0, 0, 0}};
    const std::size_t expert_of[] = {2, 2, 2, 1, 1, 0, 0};
    std::vector<float> first;
    for (const int max_count : {8, 16, 32, 64}) {
      const std::vector<float> out = multiply(x, tokens, tokens.size(), items, max_count);
      for (std::size_t place = 0; place < tokens.size(); ++place)
        expect_place(out, place, tokens.size(), expert_of[place], x, static_cast<std::size_t>(tokens[place]));
      if (first.empty()) first = out;
      EXPECT_EQ(out, first) << "the shape of the block changed a sum";
    }
  }
}

TEST_F(ExpertGemm, PlacesAreRowsWithoutTokens) {
  make_experts(TensorType::q4_1);
  const HostActivations x = random_rows(9, 256, 6);
  const std::vector<float> out = multiply(x, {}, 9, {{0, 0, 4, 0}, {2, 4, 5, 0}}, 8);
  for (std::size_t place = 0; place < 9; ++place) expect_place(out, place, 9, place < 4 ? 0 : 2, x, place);
}

TEST_F(ExpertGemm, ItemsOfManyRows) {
  make_experts(TensorType::q8_0);
  const HostActivations x = random_rows(80, 256, 7);
  std::vector<std::int32_t> tokens(80);
  std::iota(tokens.rbegin(), tokens.rend(), 0);
  const std::vector<float> out = multiply(x, tokens, 80, {{1, 0, 70, 0}, {2, 70, 10, 0}}, 70);
  for (std::size_t place = 0; place < 80; ++place) expect_place(out, place, 80, place < 70 ? 1 : 2, x, 79 - place);
}

TEST_F(ExpertGemm, EmptyItemsWriteNothing) {
  make_experts(TensorType::q4_0);
  const HostActivations x = random_rows(2, 256, 8);
  for (const float value : multiply(x, {0, 1}, 2, {{0, 0, 0, 0}, {1, 1, 0, 0}}, 8)) EXPECT_EQ(value, 0.0f);
}

}  // namespace
}  // namespace tollgate::local::gpu
