// Attention on the device against plain doubles, and against itself: a row's bits do not depend on what is beside it.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>

#include "local_backend/cuda/kernels.h"
#include "tests/unit/local/cuda/attention_twin.h"
#include "tests/unit/local/cuda/device_fixture.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kLayers = 2, kLayer = 1;
constexpr std::uint16_t kUntouched = 0x7E01;

using Parts = std::vector<AttentionPart>;

struct Way {
  bool exact = false;
  int longer_context = 0;  // what the grid is made for is longer by this
  int first_call = 0;      // so many rows are given in a call of their own
  bool recorded = false;   // as a graph, before the plan is on the device
};

class Attention : public OnDevice {
 protected:
  struct Plan {
    std::vector<std::int32_t> tokens, contexts, firsts, table;
    int stride = 0, all_tokens = 0, max_tokens = 1, max_context = 1, blocks = 0;
  };

  // The first position of its sequence that a part sees: what is before it may be gone.
  static int first_seen(const AttentionModel& model, const AttentionPart& part) {
    return model.window > 0 ? std::max(0, part.context - part.tokens - model.window + 1) : 0;
  }

  // Blocks in a drawn order; entries before what a row sees and behind its context name no block. A part without tokens
  // is padding.
  static Plan plan_of(const AttentionModel& model, const Parts& parts) {
    Plan plan;
    for (const AttentionPart& part : parts) {
      plan.firsts.push_back(part.tokens > 0 ? plan.all_tokens : -1);
      plan.tokens.push_back(part.tokens);
      plan.contexts.push_back(part.context);
      plan.all_tokens += part.tokens;
      plan.max_tokens = std::max(plan.max_tokens, part.tokens);
      plan.max_context = std::max(plan.max_context, part.context);
      plan.blocks += (part.context + 31) / 32;
    }
    plan.stride = (plan.max_context + 31) / 32 + 1;
    std::vector<std::int32_t> order(static_cast<std::size_t>(plan.blocks));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    plan.table.assign(parts.size() * static_cast<std::size_t>(plan.stride), 0x3FFFFFFF);
    std::size_t taken = 0;
    for (std::size_t row = 0; row < parts.size(); ++row)
      for (int i = first_seen(model, parts[row]) / 32; i < (parts[row].context + 31) / 32; ++i)
        plan.table[row * static_cast<std::size_t>(plan.stride) + static_cast<std::size_t>(i)] = order[taken++];
    return plan;
  }

  // The pool with the parts' keys and values; NaN where nothing was written or nothing is seen.
  static std::vector<std::uint8_t> pool_of(const AttentionModel& model, const Parts& parts, const Plan& plan,
                                           const KvPool& pool) {
    std::vector<std::uint8_t> bytes(pool.block_bytes() * static_cast<std::size_t>(plan.blocks), 0xFF);
    for (std::size_t row = 0; row < parts.size(); ++row) {
      for (int position = first_seen(model, parts[row]); position < parts[row].context; ++position) {
        const auto block = static_cast<std::size_t>(
            plan.table[row * static_cast<std::size_t>(plan.stride) + static_cast<std::size_t>(position / 32)]);
        for (int kind = 0; kind < 2; ++kind) {
          for (int head = 0; head < model.kv_heads; ++head) {
            const auto part = static_cast<std::size_t>((kLayer * 2 + kind) * model.kv_heads + head);
            const std::size_t at = block * pool.block_bytes() + part * pool.head_bytes() +
                                   static_cast<std::size_t>(position % 32) * (pool.head_bytes() / 32);
            write_row(model, kind == 0 ? Of::key : Of::value, parts[row].sequence, position, head, bytes.data() + at);
          }
        }
      }
    }
    return bytes;
  }

  static void write_row(const AttentionModel& model, Of of, int sequence, int position, int head, std::uint8_t* to) {
    for (int column = 0; column < model.dim; ++column) {
      const float value = stored(model, of, sequence, position, head, column);
      if (model.fp8) {
        to[column] = float_to_fp8(value);
      } else {
        const std::uint16_t bits = half_bits(value);
        std::memcpy(to + 2 * column, &bits, 2);
      }
    }
  }

  // [tokens of all parts][heads][dim] halves.
  std::vector<std::uint16_t> attention(const AttentionModel& model, const Parts& parts, const Way& way) {
    const Plan plan = plan_of(model, parts);
    AttendArgs args;
    args.pool.fp8 = model.fp8;
    args.pool.layers = kLayers;
    args.pool.kv_heads = model.kv_heads;
    args.pool.dim = model.dim;
    const Memory pool = upload(pool_of(model, parts, plan, args.pool));
    args.pool.base = pool.data();
    std::vector<std::uint16_t> queries;
    for (const AttentionPart& part : parts)
      for (int token = 0; token < part.tokens; ++token)
        for (int head = 0; head < model.heads; ++head)
          for (int column = 0; column < model.dim; ++column)
            queries.push_back(
                half_bits(stored(model, Of::query, part.sequence, part.context - part.tokens + token, head, column)));
    const Memory q = upload(queries), out = upload(std::vector<std::uint16_t>(queries.size(), kUntouched));
    const Memory tokens = zeros<std::int32_t>(parts.size()), contexts = zeros<std::int32_t>(parts.size());
    const Memory firsts = zeros<std::int32_t>(parts.size()), table = zeros<std::int32_t>(plan.table.size());
    args.plan.row_tokens = tokens.as<std::int32_t>();
    args.plan.row_context = contexts.as<std::int32_t>();
    args.plan.row_first = firsts.as<std::int32_t>();
    args.plan.blocks = table.as<std::int32_t>();
    args.plan.block_stride = plan.stride;
    args.rows = static_cast<int>(parts.size());
    args.max_tokens = plan.max_tokens;
    args.max_context = plan.max_context + way.longer_context;
    args.layer = kLayer;
    args.heads = model.heads;
    args.scale = model.scale();
    args.softcap = model.softcap;
    args.window = model.window;
    args.exact = way.exact;
    const Memory scratch = room<float>(attend_scratch_floats(args.rows, model.heads, model.dim));
    args.scratch = scratch.as<float>();
    args.q = q.as<std::uint16_t>();
    args.out = out.as<std::uint16_t>();
    Graph graph;
    if (way.recorded) {
      stream().begin_capture();
      call(args, way);
      graph = *stream().end_capture();
    }
    for (const auto& [to, from] : {std::pair(&tokens, &plan.tokens), std::pair(&contexts, &plan.contexts),
                                   std::pair(&firsts, &plan.firsts), std::pair(&table, &plan.table)})
      stream().copy_in(to->data(), from->data(), from->size() * sizeof(std::int32_t));
    if (way.recorded) {
      stream().launch(graph);
    } else {
      call(args, way);
    }
    return download<std::uint16_t>(out, queries.size());
  }

  void call(AttendArgs args, const Way& way) {
    const int rows = args.rows;
    args.rows = way.first_call;
    attend(stream(), args);
    args.first_row = way.first_call;
    args.rows = rows - way.first_call;
    attend(stream(), args);
  }

  // Values are below 1 in magnitude. Weights are rounded to halves, which is 2^-11 of the result at most; so is the
  // result; 2^-12 is for sums and exponents in floats.
  static constexpr double kBound = 0x1p-11 + 0x1p-11 + 0x1p-12;

  void expect_twin(const AttentionModel& model, const Parts& parts, const Way& way = {}) {
    const std::vector<std::uint16_t> out = attention(model, parts, way);
    const auto dim = static_cast<std::size_t>(model.dim);
    int first = 0;
    double worst = 0;
    for (const AttentionPart& part : parts) {
      std::vector<TwinHead> twins;
      for (int head = 0; head < model.kv_heads; ++head) twins.emplace_back(model, part.sequence, head, part.context);
      for (int head = 0; head < model.heads; ++head) {
        const TwinHead& twin = twins[static_cast<std::size_t>(head / model.group())];
        for (int token = 0; token < part.tokens; ++token) {
          const auto expected = twin_attention(model, twin, part.sequence, part.context - part.tokens + token, head);
          const std::size_t at = static_cast<std::size_t>((first + token) * model.heads + head) * dim;
          for (std::size_t i = 0; i < dim; ++i) {
            const double off = std::abs(static_cast<double>(half_value(out[at + i])) - expected[i]);
            worst = off <= worst ? worst : off;  // a NaN is the worst
            ASSERT_LE(off, kBound) << model.text() << ", " << part.tokens << " tokens at context " << part.context
                                   << ", token " << token << ", head " << head << ", dim " << i;
          }
        }
      }
      first += part.tokens;
    }
    RecordProperty("worst", std::to_string(worst));
  }

  // The bits of tokens [from, to) of part `which` of a call.
  static std::vector<std::uint16_t> bits_of(const AttentionModel& model, const Parts& parts, std::size_t which,
                                            const std::vector<std::uint16_t>& out, int from, int to) {
    int first = 0;
    for (std::size_t i = 0; i < which; ++i) first += parts[i].tokens;
    const auto row = static_cast<std::ptrdiff_t>(model.heads * model.dim);
    return {out.begin() + (first + from) * row, out.begin() + (first + to) * row};
  }
};

constexpr int kContexts[] = {1, 31, 32, 33, 63, 65, 200, 700};
constexpr int kTokens[] = {1, 2, 3, 5, 16, 17, 64, 100};
struct Heads {
  int heads, kv_heads;
};
constexpr Heads kHeads[] = {{1, 1}, {4, 4}, {8, 2}, {14, 2}, {6, 1}, {32, 8}};
constexpr int kDims[] = {64, 96, 128, 256};
constexpr int kWindows[] = {0, 7, 64, 1000};

// Every context with every number of tokens that fits it; the other things turn with them, so that all pairs come.
TEST_F(Attention, GivesWhatDoublesGive) {
  unsigned turn = 0;
  for (const int context : kContexts) {
    for (const int tokens : kTokens) {
      if (tokens > context) continue;
      AttentionModel model;
      const unsigned work = static_cast<unsigned>(tokens * context);
      const Heads heads = kHeads[work > 10000 ? turn % 2 : turn % 6];
      model.heads = heads.heads;
      model.kv_heads = heads.kv_heads;
      model.dim = kDims[work > 10000 ? turn % 3 : turn / 2 % 4];
      model.fp8 = turn % 2 == 1;
      model.window = kWindows[turn / 3 % 4];
      model.softcap = turn % 5 == 2 ? 3.0f : 0.0f;
      expect_twin(model, {{static_cast<int>(turn), tokens, context}});
      ++turn;
    }
  }
}

TEST_F(Attention, EveryWidthAndFormatInBothKernels) {
  for (const int dim : kDims) {
    for (const bool fp8 : {false, true}) {
      AttentionModel model{8, 2, dim, fp8, 0, 0};
      expect_twin(model, {{1, 3, 300}, {2, 20, 75}});
    }
  }
}

TEST_F(Attention, MixedRowsAndPadding) {
  AttentionModel model{14, 2, 64, false, 50, 0};
  expect_twin(model, {{1, 1, 40}, {0, 0, 0}, {2, 30, 90}, {3, 2, 300}, {4, 0, 33}, {5, 1, 1}});
}

TEST_F(Attention, ExactRowsGiveWhatDoublesGive) {
  expect_twin({8, 2, 64, false, 0, 0}, {{1, 1, 129}, {2, 3, 64}, {3, 17, 17}}, {.exact = true});
  expect_twin({6, 1, 128, true, 33, 4.0f}, {{1, 1, 129}, {2, 3, 64}, {3, 17, 17}}, {.exact = true});
}

// More than kMaxSplits splits' worth of context: splits grow; with several tokens there are fewer of them.
TEST_F(Attention, LongContextsHaveLongerSplits) {
  expect_twin({2, 1, 64, false, 0, 0}, {{1, 1, 8500}});
  expect_twin({2, 1, 64, true, 0, 0}, {{1, 8, 1500}});
  expect_twin({1, 1, 64, false, 600, 0}, {{1, 8, 2000}});
}

// Drafted tokens, and one token of many heads on one kv head: more than sixteen packed rows, still cut into splits.
TEST_F(Attention, ShortRowsOfSeveralSixteens) {
  expect_twin({14, 2, 64, false, 0, 0}, {{1, 5, 700}, {2, 1, 520}, {3, 8, 258}, {4, 3, 31}});
  expect_twin({8, 1, 64, true, 100, 0}, {{1, 8, 290}, {2, 4, 700}});
  expect_twin({48, 1, 64, false, 0, 0}, {{1, 1, 300}});
}

// Contexts just beyond a split's end: the first of the row's tokens see nothing of the last split.
TEST_F(Attention, ASplitThatSomeTokensSeeNothingOf) {
  expect_twin({4, 1, 64, false, 0, 0}, {{1, 4, 257}, {2, 4, 258}, {3, 3, 513}});
  expect_twin({4, 1, 64, false, 256, 0}, {{1, 4, 700}, {2, 4, 513}});
}

TEST_F(Attention, NeighboursAndTheGridChangeNoBit) {
  for (const bool fp8 : {false, true}) {
    const AttentionModel model{8, 2, 64, fp8, 0, 0};
    const Parts together = {{9, 1, 610}, {1, 1, 300}, {0, 0, 0}, {2, 20, 40}, {3, 2, 70}, {4, 1, 33}};
    const auto all = attention(model, together, {.longer_context = 900});
    for (std::size_t i = 0; i < together.size(); ++i) {
      if (together[i].tokens == 0) continue;
      const Parts alone = {together[i]};
      EXPECT_EQ(bits_of(model, together, i, all, 0, together[i].tokens), attention(model, alone, {}))
          << model.text() << ", row " << i;
    }
  }
}

// The same sequence whole, in chunks and token by token.
TEST_F(Attention, ExactnessIsOneWayOfAdding) {
  for (const AttentionModel& model : {AttentionModel{4, 2, 64, false, 0, 0}, AttentionModel{2, 2, 96, true, 40, 0},
                                      AttentionModel{3, 1, 256, false, 70, 5.0f}}) {
    const Way exact{.exact = true};
    const Parts one_piece = {{1, 150, 150}};
    const auto whole = attention(model, one_piece, exact);
    const Parts pieces = {{2, 5, 5}, {1, 64, 64}, {1, 1, 65}, {1, 69, 134}, {1, 16, 150}, {1, 1, 97}, {1, 3, 129}};
    const auto parts = attention(model, pieces, exact);
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      const int from = pieces[i].context - pieces[i].tokens;
      EXPECT_EQ(bits_of(model, one_piece, 0, whole, from, pieces[i].context),
                bits_of(model, pieces, i, parts, 0, pieces[i].tokens))
          << model.text() << ", tokens from " << from << " to " << pieces[i].context;
    }
    const Parts single = {{1, 1, 128}};
    EXPECT_EQ(bits_of(model, one_piece, 0, whole, 127, 128), attention(model, single, exact)) << model.text();
  }
}

TEST_F(Attention, APlanInTwoCallsOrAsAGraph) {
  const AttentionModel model{8, 2, 64, false, 0, 0};
  const Parts parts = {{1, 1, 600}, {2, 2, 40}, {0, 0, 0}, {3, 20, 90}, {4, 1, 290}};
  const auto expected = attention(model, parts, {});
  EXPECT_EQ(attention(model, parts, {.first_call = 3}), expected);
  EXPECT_EQ(attention(model, parts, {.longer_context = 2000, .recorded = true}), expected);
}

// With so many rows a block takes all splits of its row, one after the other.
TEST_F(Attention, ManyRowsShareFewerBlocks) {
  const AttentionModel model{4, 4, 64, true, 0, 0};
  Parts parts = {{1, 1, 300}, {2, 4, 600}};
  const auto few = attention(model, parts, {});
  parts.resize(1100, {0, 0, 0});
  EXPECT_EQ(attention(model, parts, {}), few);
}

TEST(AttentionSupports, FourWidths) {
  for (const int dim : kDims) EXPECT_TRUE(attention_supports(dim));
  for (const int dim : {0, 32, 80, 112, 160, 192, 512}) EXPECT_FALSE(attention_supports(dim));
}

}  // namespace
}  // namespace tollgate::local::gpu
