// The same tokens give the same logits, bit for bit, however a step is cut: alone or in a batch, at once or in chunks,
// whichever blocks hold the context, and whoever computed it.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "plans.h"
#include "under_test.h"

namespace tollgate::local {
namespace {

constexpr std::int32_t kTokens = 75;  // three blocks, the last one not full

std::vector<Token> tokens(unsigned seed, std::size_t count = kTokens) {
  std::mt19937 random(seed);
  std::vector<Token> result(count);
  for (Token& token : result) token = static_cast<Token>(random() % 256);
  return result;
}

using Case = std::tuple<std::string, KvType>;

class Equivalence : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Backend> backend() const {
    return backend_under_test(std::get<0>(GetParam()), std::get<1>(GetParam()));
  }
};
INSTANTIATE_TEST_SUITE_P(Families, Equivalence,
                         testing::Combine(testing::ValuesIn(families_under_test()),
                                          testing::Values(KvType::f16, KvType::q8)),
                         [](const auto& info) {
                           const bool halves = std::get<1>(info.param) == KvType::f16;
                           return std::get<0>(info.param) + (halves ? "_f16" : "_q8");
                         });

// Computes the rest of `sequence` in chunks of `chunk`; the logits of every token.
std::vector<float> in_chunks(Backend& backend, TestSequence sequence, std::int32_t chunk) {
  std::vector<float> logits;
  const auto size = static_cast<std::int32_t>(sequence.tokens.size());
  while (sequence.computed < size) {
    PlanMaker step(backend);
    step.add(sequence, std::min(chunk, size - sequence.computed));
    const std::vector<float> part = step.run();
    logits.insert(logits.end(), part.begin(), part.end());
  }
  return logits;
}

std::vector<float> tail(const std::vector<float>& logits, std::size_t tokens_left, const Backend& backend) {
  return {logits.end() - static_cast<std::ptrdiff_t>(tokens_left * backend.info().vocabulary), logits.end()};
}

TEST_P(Equivalence, ChunkedIsWhole) {
  const auto engine = backend();
  const std::vector<float> at_once = whole(*engine, tokens(1));
  const std::int32_t stride = chunk_stride(std::get<1>(GetParam()));
  for (std::int32_t chunk = 1; chunk < kTokens; chunk += chunk < 34 ? stride : 13)
    EXPECT_EQ(in_chunks(*engine, {tokens(1), blocks_from(4, kTokens)}, chunk), at_once) << chunk;
}

TEST_P(Equivalence, BatchedIsSingle) {
  const auto engine = backend();
  std::vector<TestSequence> sequences;
  std::vector<std::int32_t> counts{kTokens, 1, 33, 2, 32};
  std::vector<float> single;
  for (unsigned i = 0; i < counts.size(); ++i) {
    const auto size = static_cast<std::size_t>(counts[i]) + 7 * i;  // all but the first have a context already
    sequences.push_back({tokens(i, size), blocks_from(static_cast<std::int32_t>(4 * i), size)});
    const std::vector<float> logits =
        tail(whole(*engine, tokens(i, size)), static_cast<std::size_t>(counts[i]), *engine);
    single.insert(single.end(), logits.begin(), logits.end());
  }
  PlanMaker first(*engine), second(*engine);
  for (unsigned i = 1; i < counts.size(); ++i) first.add(sequences[i], static_cast<std::int32_t>(7 * i));
  first.run();
  for (unsigned i = 0; i < counts.size(); ++i) second.add(sequences[i], counts[i]);
  EXPECT_EQ(second.run(), single);
}

TEST_P(Equivalence, ShuffledBlocksAreContiguousOnes) {
  const auto engine = backend();
  const std::vector<float> contiguous = whole(*engine, tokens(2));
  TestSequence shuffled{tokens(2), {9, 2, 5}};
  EXPECT_EQ(in_chunks(*engine, shuffled, 20), contiguous);
}

TEST_P(Equivalence, CachedIsCold) {
  const auto engine = backend();
  std::vector<Token> other = tokens(3);
  for (std::size_t i = 2 * kBlockTokens; i < other.size(); ++i) other[i] = 255 - other[i];  // two blocks in common
  const std::vector<float> cold = whole(*engine, other);
  in_chunks(*engine, {tokens(3), {6, 7, 8}}, 40);
  EXPECT_EQ(in_chunks(*engine, {other, {6, 7, 1}, 2 * kBlockTokens}, 40),
            tail(cold, kTokens - 2 * kBlockTokens, *engine));
}

TEST_P(Equivalence, CopiedAndMovedBlocksAreTheirOriginals) {
  const auto engine = backend(), other = backend();
  const std::vector<float> cold = whole(*engine, tokens(4));
  ASSERT_EQ(engine->info().fingerprint, other->info().fingerprint);
  std::vector<std::byte> bytes(engine->info().block_bytes);
  for (std::int32_t block = 0; block < 2; ++block) {
    ASSERT_TRUE(engine->read_block(block, bytes));
    ASSERT_TRUE(other->write_block(3 - block, bytes));
  }
  TestSequence sequence{tokens(4), {11, 2, 0}, 2 * kBlockTokens};
  PlanMaker step(*other);
  step.copy(3, 11).add(sequence, kTokens - 2 * kBlockTokens);
  EXPECT_EQ(step.run(), tail(cold, kTokens - 2 * kBlockTokens, *engine));
}

TEST_P(Equivalence, WantedRowsDoNotDependOnEachOther) {
  const auto engine = backend();
  const std::vector<float> all = whole(*engine, tokens(5));
  TestSequence last{tokens(5), blocks_from(0, kTokens)}, none = last;
  EXPECT_EQ(PlanMaker(*engine).add(last, kTokens, false).run(), tail(all, 1, *engine));
  // A chunk of which nothing is wanted still fills its blocks.
  StepPlan silent = PlanMaker(*engine).add(none, kTokens - 1).plan();
  silent.logit_rows.clear(), silent.samples.clear();
  StepResult nothing;
  ASSERT_TRUE(engine->step(silent, nothing));
  EXPECT_TRUE(nothing.sampled.empty());
  EXPECT_EQ(PlanMaker(*engine).add(none, 1).run(), tail(all, 1, *engine));
}

TEST_P(Equivalence, GreedyTokensAreTheLargestLogits) {
  const auto engine = backend();
  TestSequence sequence{tokens(6), blocks_from(0, kTokens)};
  PlanMaker step(*engine);
  const std::vector<float> logits = step.add(sequence, kTokens).run();
  ASSERT_EQ(step.result().sampled.size(), static_cast<std::size_t>(kTokens));
  for (std::size_t i = 0; i < kTokens; ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(i * 256);
    EXPECT_EQ(step.result().sampled[i].token, std::max_element(row, row + 256) - row);
  }
}

}  // namespace
}  // namespace tollgate::local
