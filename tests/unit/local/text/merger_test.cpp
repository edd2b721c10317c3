#include "local_backend/text/merger.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "local_backend/text/special_texts.h"

namespace tollgate::local {
namespace {

using Rules = std::map<std::pair<Token, Token>, Merge>;

// The definition, step by step: the pair of the lowest rank, of equals the leftmost, until there is none.
std::vector<Token> merged_plainly(std::vector<Token> symbols, const Rules& rules) {
  while (true) {
    const Merge* best = nullptr;
    std::size_t where = 0;
    for (std::size_t i = 1; i < symbols.size(); ++i) {
      const auto rule = rules.find({symbols[i - 1], symbols[i]});
      if (rule == rules.end() || (best != nullptr && best->rank <= rule->second.rank)) continue;
      best = &rule->second;
      where = i - 1;
    }
    if (best == nullptr) return symbols;
    symbols[where] = best->symbol;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

std::vector<Token> merged(const std::vector<Token>& symbols, const Rules& rules, std::size_t* steps = nullptr) {
  Merger merger;
  for (std::uint32_t i = 0; i < symbols.size(); ++i) merger.add(i, 1, symbols[i]);
  const std::size_t taken = merger.merge([&](const Merger::Symbol& left, const Merger::Symbol& right) {
    const auto rule = rules.find({left.id, right.id});
    return rule == rules.end() ? Merge{} : rule->second;
  });
  if (steps != nullptr) *steps = taken;
  std::vector<Token> out;
  for (const auto& symbol : merger.symbols()) {
    if (symbol.size > 0) out.push_back(symbol.id);
  }
  return out;
}

TEST(MergerTest, DoesWhatTheDefinitionSays) {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    Rules rules;
    Token next = 3;
    for (std::uint32_t rank = 0; rank < 12; ++rank) {
      const auto any = [&] { return static_cast<Token>(random() % static_cast<std::uint32_t>(next)); };
      // Equal ranks are SPM's equal scores.
      if (rules.emplace(std::pair(any(), any()), Merge{rank / 2, next}).second) ++next;
    }
    std::vector<Token> symbols(random() % 30);
    for (Token& symbol : symbols) symbol = static_cast<Token>(random() % 3);
    ASSERT_EQ(merged(symbols, rules), merged_plainly(symbols, rules));
  }
}

TEST(MergerTest, StepsGrowWithTheLengthOnly) {
  Rules doubling;  // a a -> b, b b -> c, ...
  for (Token level = 0; level < 20; ++level) doubling[{level, level}] = {static_cast<std::uint32_t>(level), level + 1};
  Rules chain;  // a a -> b, b a -> c, ...
  for (Token level = 0; level < 20; ++level) chain[{level, 0}] = {static_cast<std::uint32_t>(20 - level), level + 1};
  for (const Rules& rules : {doubling, chain}) {
    std::size_t steps = 0;
    const std::vector<Token> symbols(1 << 17, 0);
    EXPECT_LT(merged(symbols, rules, &steps).size(), symbols.size());
    // Each pair is offered once, each merge offers two more, and each offer is taken once.
    EXPECT_LE(steps, 6 * symbols.size());
  }
}

TEST(SpecialTextsTest, TheLongestOfThoseThatBeginFirst) {
  const SpecialTexts specials({{"<a>", 1}, {"<a><b>", 2}, {"b>c", 3}, {"<", 4}, {"<a>", 5}});
  const auto at = [&](std::string_view text, std::size_t from = 0) {
    const auto found = specials.next(text, from);
    return found ? std::array<std::size_t, 3>{found->begin, found->end, static_cast<std::size_t>(found->token)}
                 : std::array<std::size_t, 3>{};
  };
  using Found = std::array<std::size_t, 3>;
  EXPECT_EQ(at("x<a>"), (Found{1, 4, 1}));
  EXPECT_EQ(at("x<a><b>c"), (Found{1, 7, 2}));
  EXPECT_EQ(at("x<a><b"), (Found{1, 4, 1}));
  EXPECT_EQ(at("x<a><b", 2), (Found{4, 5, 4}));
  EXPECT_EQ(at("xb>cb>"), (Found{1, 4, 3}));
  EXPECT_EQ(at("plain"), Found{});
  EXPECT_EQ(at(""), Found{});
}

TEST(SpecialTextsTest, TakesTheSpacesAfterItWhereItShould) {
  const SpecialTexts specials({{"<e>", 1, true}});
  EXPECT_EQ(specials.next("a<e> \n\u3000b", 0)->end, 9u);
  EXPECT_EQ(specials.next("a<e>", 0)->end, 4u);
}

}  // namespace
}  // namespace tollgate::local
