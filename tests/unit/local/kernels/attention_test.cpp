#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernel_testing.h"

namespace tollgate::local {
namespace {

struct Shape {
  int heads, kv_heads, dim;
};

// A pool whose blocks belong to the sequences in random order and whose unused tokens are not numbers.
class AttentionTest : public ::testing::TestWithParam<CpuLevel> {
 protected:
  struct Sequence {
    int context, tokens;
  };

  void prepare(const Shape& shape, KvType type, const std::vector<Sequence>& sequences, AttentionArgs& args) {
    std::mt19937 random(17);
    args.kv = {.type = type, .layers = 2, .kv_heads = shape.kv_heads, .dim = shape.dim};
    args.layer = 1, args.heads = shape.heads, args.scale = 1 / std::sqrt(static_cast<float>(shape.dim));
    plan_ = {}, history_ = {};
    std::int32_t used = 0;
    for (const Sequence& sequence : sequences) {
      add_row(plan_, sequence, used);
      add_row(history_, {sequence.context, sequence.context}, used);
      used += (sequence.context + kBlockTokens - 1) / kBlockTokens;
    }
    std::vector<std::int32_t> order(static_cast<std::size_t>(used));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    plan_.blocks = history_.blocks = order;
    pool_.assign(args.kv.block_bytes() * static_cast<std::size_t>(used), std::byte{0xFF});
    args.pool = pool_.data();
    write_history(args);
    args.plan = &plan_;
    q_ = testing::random_floats(plan_.tokens.size() * static_cast<std::size_t>(shape.heads * shape.dim), 3);
    for (float& value : q_) value *= 3;
    args.q = q_.data();
  }

  static void add_row(StepPlan& plan, const Sequence& sequence, std::int32_t first_block) {
    plan.rows.push_back({.first_token = static_cast<std::int32_t>(plan.tokens.size()),
                         .tokens = sequence.tokens,
                         .context = sequence.context,
                         .first_block = first_block});
    for (int i = 0; i < sequence.tokens; ++i) {
      plan.tokens.push_back(0);
      plan.positions.push_back(sequence.context - sequence.tokens + i);
    }
  }

  void write_history(AttentionArgs& args) {
    args.plan = &history_;
    const std::size_t n = history_.tokens.size() * static_cast<std::size_t>(args.kv.kv_heads * args.kv.dim);
    const std::vector<float> k = testing::random_floats(n, 1), v = testing::random_floats(n, 2);
    kernels_of(CpuLevel::scalar).write_kv(args, k.data(), v.data(), workers_);
    std::vector<std::byte> other(pool_.size(), std::byte{0xFF});
    args.pool = other.data();
    kernels_of(GetParam()).write_kv(args, k.data(), v.data(), workers_);
    EXPECT_TRUE(other == pool_) << "write_kv";
    args.pool = pool_.data();
  }

  std::vector<float> run(CpuLevel level, AttentionArgs args) {
    std::vector<float> out(q_.size(), 1e30f);
    args.out = out.data();
    kernels_of(level).attention(args, workers_);
    return out;
  }

  void compare(const AttentionArgs& args, const std::string& what) {
    const std::vector<float> want = run(CpuLevel::scalar, args), got = run(GetParam(), args);
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 2e-5) << what << " at " << i;
  }

  Workers workers_{2};
  StepPlan plan_, history_;
  std::vector<std::byte> pool_;
  std::vector<float> q_;
};

TEST_P(AttentionTest, ShapesAndTypes) {
  for (const Shape& shape :
       {Shape{14, 2, 64}, {4, 4, 32}, {8, 1, 128}, {6, 2, 80}, {4, 2, 256}, {3, 1, 20}, {2, 1, 288}})
    for (const KvType type : {KvType::f16, KvType::q8}) {
      AttentionArgs args;
      prepare(shape, type, {{1, 1}, {33, 1}, {32, 32}, {47, 3}, {100, 21}}, args);
      compare(args, "dim " + std::to_string(shape.dim) + (type == KvType::q8 ? " q8" : " f16"));
    }
}

TEST_P(AttentionTest, LongContextsAreCutAndMerged) {
  for (const KvType type : {KvType::f16, KvType::q8}) {
    AttentionArgs args;
    prepare({4, 2, 32}, type, {{1100, 1}, {512, 1}, {513, 2}, {700, 9}}, args);
    compare(args, "plain");
    const std::vector<float> sinks = testing::random_floats(4, 4);
    args.sinks = sinks.data();
    compare(args, "sinks");
    args.window = 600;
    compare(args, "window");
  }
}

// More rows than are cut at a time, and more parts (of the first two) than the room for them.
TEST_P(AttentionTest, ManyRows) {
  AttentionArgs args;
  std::vector<Sequence> sequences{{600, 8}, {580, 8}, {560, 1}};
  for (int i = 0; i < 66; ++i) sequences.push_back({3 + i % 30, 1});
  prepare({8, 1, 256}, KvType::f16, sequences, args);
  compare(args, "many");
}

TEST_P(AttentionTest, WindowSoftcapSinksAndBothDirections) {
  AttentionArgs args;
  prepare({4, 2, 32}, KvType::f16, {{150, 40}, {300, 1}, {64, 64}}, args);
  const std::vector<float> sinks = testing::random_floats(4, 4);
  for (const int window : {0, 1, 17, 64})
    for (const float softcap : {0.0f, 5.0f})
      for (const bool sink : {false, true})
        for (const bool causal : {true, false}) {
          args.window = window, args.softcap = softcap, args.causal = causal;
          args.sinks = sink ? sinks.data() : nullptr;
          compare(args, "window " + std::to_string(window) + " softcap " + std::to_string(softcap));
        }
}

// The bits of a decoding sequence do not depend on who else is in the step.
TEST_P(AttentionTest, ResultsDoNotDependOnTheBatch) {
  AttentionArgs args;
  prepare({14, 2, 64}, KvType::f16, {{700, 1}, {90, 40}, {33, 1}}, args);
  const std::vector<float> all = run(GetParam(), args);
  StepPlan alone;
  alone.tokens = {0}, alone.positions = {699}, alone.blocks = plan_.blocks;
  alone.rows = {plan_.rows[0]};
  args.plan = &alone;
  const std::vector<float> one = run(GetParam(), args);
  EXPECT_EQ(std::memcmp(one.data(), all.data(), 14 * 64 * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(Levels, AttentionTest, ::testing::ValuesIn(testing::fast_levels()), [](const auto& info) {
  std::string name(name_of(info.param));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AttentionTest);

}  // namespace
}  // namespace tollgate::local
