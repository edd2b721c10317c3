#include "local_backend/cuda/plan_arrays.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kVocabulary = 70;  // a mask of three words, the last one not full

// A plan under construction, and what the kernels would see of it.
class Plans : public testing::Test {
 protected:
  void add(std::int32_t tokens, std::int32_t context, bool wanted = true) {
    PlanRow row{.first_token = static_cast<std::int32_t>(plan.tokens.size()), .tokens = tokens, .context = context};
    row.first_block = static_cast<std::int32_t>(plan.blocks.size());
    for (std::int32_t i = 0; i < tokens; ++i) {
      plan.positions.push_back(context - tokens + i);
      plan.tokens.push_back(100 * static_cast<Token>(plan.rows.size()) + i);
    }
    for (std::int32_t i = 0; i * kBlockTokens < context; ++i) plan.blocks.push_back(next_block++);
    plan.rows.push_back(row);
    if (!wanted) return;
    plan.logit_rows.push_back(row.first_token + tokens - 1);
    plan.samples.push_back({.params = &greedy, .prompt = {}, .answer = {}, .mask = {}});
  }
  // Writes with a guard behind what bytes_for() promises.
  void write(const PlanShape& wanted) {
    shape = wanted;
    const std::size_t room = writer.bytes_for(plan, shape);
    memory.assign(room + 64, std::byte{0xAB});
    used = writer.write(plan, shape, memory.data());
    EXPECT_LE(used, room);
    EXPECT_TRUE(std::all_of(memory.begin() + static_cast<std::ptrdiff_t>(room), memory.end(),
                            [](std::byte byte) { return byte == std::byte{0xAB}; }));
  }
  PlanArrays arrays() const { return PlanLayout(shape).arrays(memory.data()); }
  const DeviceSample& sample(std::size_t i) const { return PlanLayout(shape).samples(memory.data())[i]; }
  template <class Value>
  std::vector<Value> extras(std::int32_t first, std::int32_t count) const {
    const auto* values = reinterpret_cast<const Value*>(PlanLayout(shape).extras(memory.data()));
    return {values + first, values + first + count};
  }

  SamplingParams greedy{.temperature = 0};
  StepPlan plan;
  std::int32_t next_block = 40;
  PlanWriter writer{kVocabulary};
  PlanShape shape;
  std::vector<std::byte> memory;
  std::size_t used = 0;
};

TEST(GraphSizes, AreTheNextOneUp) {
  const std::vector<int> sizes = graph_sizes(1000);
  EXPECT_EQ(sizes.size(), 3 + 256 / 8);
  EXPECT_EQ(sizes.front(), 256);
  EXPECT_TRUE(std::ranges::is_sorted(sizes, std::greater<>()));
  for (std::size_t rows = 1; rows <= 256; ++rows) {
    int expected = 256;
    for (const int size : sizes)
      if (size >= static_cast<int>(rows)) expected = size;
    EXPECT_EQ(graph_size(rows), expected) << rows;
  }
  EXPECT_EQ(graph_size(257), 0);
  EXPECT_EQ(graph_sizes(9), (std::vector<int>{8, 4, 2, 1}));
}

TEST_F(Plans, OneTokenAndOneLogitRowForEachRowIsUniform) {
  EXPECT_FALSE(is_uniform_decode(plan));
  add(1, 5);
  add(1, 40);
  EXPECT_TRUE(is_uniform_decode(plan));
  add(1, 3, false);
  EXPECT_FALSE(is_uniform_decode(plan));
  plan = {};
  add(2, 5);
  EXPECT_FALSE(is_uniform_decode(plan));
}

TEST_F(Plans, RowsThatAreNotWholeAreFound) {
  add(3, 5);
  add(1, 40);
  EXPECT_TRUE(rows_are_whole(plan, 40));
  EXPECT_FALSE(rows_are_whole(plan, 39)) << "beyond the context";
  StepPlan other = plan;
  other.positions[1] = 7;
  EXPECT_FALSE(rows_are_whole(other, 40)) << "a position of another row";
  other = plan;
  other.rows.pop_back();
  EXPECT_FALSE(rows_are_whole(other, 40)) << "a token of no row";
  other = plan;
  other.rows[1].first_token = 2;
  EXPECT_FALSE(rows_are_whole(other, 40)) << "a token of two rows";
}

TEST_F(Plans, ShortRowsStandFirst) {
  add(kShortRow + 1, 70);
  add(1, 33);
  add(kShortRow, 20, false);
  write(shape_of(plan));
  EXPECT_EQ(shape.tokens, 2 * kShortRow + 2);
  EXPECT_EQ(shape.logits, 2);
  EXPECT_EQ(shape.block_stride, 3);
  EXPECT_EQ(shape.short_rows.rows, 2);
  EXPECT_EQ(shape.short_rows.tokens, kShortRow);
  EXPECT_EQ(shape.short_rows.context, 33);
  EXPECT_EQ(shape.long_rows.rows, 1);
  EXPECT_EQ(shape.long_rows.tokens, kShortRow + 1);
  EXPECT_EQ(shape.long_rows.context, 70);
  const PlanArrays seen = arrays();
  const std::vector<std::size_t> from{1, 2, 0};  // the plan's row at each place
  for (std::size_t i = 0; i < 3; ++i) {
    const PlanRow& row = plan.rows[from[i]];
    EXPECT_EQ(seen.row_first[i], row.first_token);
    EXPECT_EQ(seen.row_tokens[i], row.tokens);
    EXPECT_EQ(seen.row_context[i], row.context);
    for (std::int32_t token = row.first_token; token < row.first_token + row.tokens; ++token)
      EXPECT_EQ(seen.token_row[token], static_cast<std::int32_t>(i));
    for (std::int32_t block = 0; block * kBlockTokens < row.context; ++block)
      EXPECT_EQ(seen.blocks[static_cast<std::int32_t>(i) * seen.block_stride + block],
                plan.blocks[static_cast<std::size_t>(row.first_block + block)]);
  }
  EXPECT_TRUE(std::equal(plan.tokens.begin(), plan.tokens.end(), seen.tokens));
  EXPECT_TRUE(std::equal(plan.positions.begin(), plan.positions.end(), seen.positions));
  EXPECT_EQ(PlanLayout(shape).logit_rows(memory.data())[1], kShortRow + 1);
}

TEST_F(Plans, PaddingWritesNothingAndDrawsGreedily) {
  for (int i = 0; i < 5; ++i) add(1, 10 + i);
  write(graph_shape(8, 100));
  const PlanArrays seen = arrays();
  EXPECT_EQ(seen.block_stride, 4);
  for (std::int32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(seen.positions[i], i < 5 ? 9 + i : -1);
    EXPECT_EQ(seen.row_tokens[i], i < 5 ? 1 : 0);
    EXPECT_EQ(seen.row_context[i], i < 5 ? 10 + i : 0);
    EXPECT_EQ(seen.token_row[i], i);
    EXPECT_EQ(seen.row_first[i], i);
    EXPECT_EQ(PlanLayout(shape).logit_rows(memory.data())[i], i);
    EXPECT_EQ(sample(static_cast<std::size_t>(i)).logit_row, i);
    EXPECT_EQ(sample(static_cast<std::size_t>(i)).temperature, 0);
  }
  EXPECT_EQ(seen.tokens[7], 0);
}

TEST_F(Plans, ArraysLieWhereTheSizesSay) {
  add(1, 10);
  write(graph_shape(4, 100));
  const PlanArrays first = arrays();
  const std::byte* base = memory.data();
  std::vector<std::ptrdiff_t> offsets{reinterpret_cast<const std::byte*>(first.blocks) - base,
                                      PlanLayout(shape).extras(base) - base};
  add(1, 99);
  greedy.logit_bias = {{3, 1.0f}};
  write(graph_shape(4, 100));
  EXPECT_EQ(reinterpret_cast<const std::byte*>(arrays().blocks) - memory.data(), offsets[0]);
  EXPECT_EQ(PlanLayout(shape).extras(memory.data()) - memory.data(), offsets[1]);
}

TEST_F(Plans, SamplingIsWrittenFlat) {
  const SamplingParams params{.temperature = 0.5f,
                              .top_k = 7,
                              .top_p = 0.9f,
                              .min_p = 0.1f,
                              .repetition_penalty = 1.5f,
                              .presence_penalty = 0.25f,
                              .frequency_penalty = -0.5f,
                              .logit_bias = {{5, 1.0f}, {99, 4.0f}, {6, 2.0f}, {5, 0.5f}, {-1, 1.0f}},
                              .seed = 0x123456789ABCDEF0u,
                              .logprobs = 40};
  const std::vector<Token> prompt{1, 2, 2, 500}, answer{2, 3, 3, -7, 3};
  const std::vector<std::uint32_t> mask{0xF0F0F0F0u};
  add(1, 6);
  add(1, 4);
  plan.samples[1] = {.params = &params, .prompt = prompt, .answer = answer, .position = 9, .stream = 2, .mask = mask};
  write(shape_of(plan));
  const DeviceSample& flat = sample(1);
  EXPECT_EQ(flat.temperature, 0.5f);
  EXPECT_EQ(flat.top_k, 7);
  EXPECT_EQ(flat.top_p, 0.9f);
  EXPECT_EQ(flat.min_p, 0.1f);
  EXPECT_EQ(flat.repetition, 1.5f);
  EXPECT_EQ(flat.presence, 0.25f);
  EXPECT_EQ(flat.frequency, -0.5f);
  EXPECT_EQ(flat.logprobs, kMaxAlternatives);
  EXPECT_EQ(flat.seed, params.seed);
  EXPECT_EQ(flat.position, 9u);
  EXPECT_EQ(flat.stream, 2u);
  ASSERT_EQ(flat.seen_count, 3);
  const auto seen = extras<SeenToken>(flat.seen_first, 3);
  EXPECT_EQ(seen[0].token, 1);
  EXPECT_EQ(seen[0].times, 0);
  EXPECT_EQ(seen[1].token, 2);
  EXPECT_EQ(seen[1].times, 1);
  EXPECT_EQ(seen[2].token, 3);
  EXPECT_EQ(seen[2].times, 3);
  ASSERT_EQ(flat.bias_count, 2);
  const auto biases = extras<TokenBias>(flat.bias_first, 2);
  EXPECT_EQ(biases[0].token, 5);
  EXPECT_EQ(biases[0].bias, 1.5f);
  EXPECT_EQ(biases[1].token, 6);
  EXPECT_EQ(extras<std::uint32_t>(flat.mask_at, 3), (std::vector<std::uint32_t>{0xF0F0F0F0u, 0, 0}));
  // The row beside it has none of this, and a second writing starts afresh.
  EXPECT_EQ(sample(0).mask_at, -1);
  EXPECT_EQ(sample(0).seen_count, 0);
  EXPECT_EQ(sample(0).bias_count, 0);
  write(shape_of(plan));
  EXPECT_EQ(extras<SeenToken>(sample(1).seen_first, 3)[2].times, 3);
}

TEST_F(Plans, TheAnswerAloneCountsWithoutARepetitionPenalty) {
  const SamplingParams params{.presence_penalty = 1.0f};
  const std::vector<Token> prompt{1, 2}, answer{2};
  add(1, 6);
  plan.samples[0] = {.params = &params, .prompt = prompt, .answer = answer, .mask = {}};
  write(shape_of(plan));
  ASSERT_EQ(sample(0).seen_count, 1);
  EXPECT_EQ(extras<SeenToken>(sample(0).seen_first, 1)[0].token, 2);
}

TEST_F(Plans, ValuesThatMeanOffAreTheKernelsOwn) {
  const SamplingParams odd{
      .temperature = -1, .top_k = static_cast<int>(kVocabulary), .top_p = 2, .min_p = -1, .repetition_penalty = -3};
  const SamplingParams tiny{.temperature = 1e-42f, .top_p = -1, .min_p = 3};
  add(1, 6);
  add(1, 6);
  plan.samples[0].params = &odd;
  plan.samples[1].params = &tiny;
  write(shape_of(plan));
  EXPECT_EQ(sample(0).temperature, 0);
  EXPECT_EQ(sample(0).top_k, 0);
  EXPECT_EQ(sample(0).top_p, 1);
  EXPECT_EQ(sample(0).min_p, 0);
  EXPECT_EQ(sample(0).repetition, 1);
  EXPECT_EQ(sample(0).logprobs, -1);
  EXPECT_EQ(sample(1).temperature, 0);
  EXPECT_EQ(sample(1).top_p, 0);
  EXPECT_EQ(sample(1).min_p, 1);
}

}  // namespace
}  // namespace tollgate::local::gpu
