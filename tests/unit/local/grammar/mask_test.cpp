// Masks say exactly what accept does, and walks through them end in valid texts.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "schema_corpus.h"
#include "vocabulary.h"

namespace tollgate::local {
namespace {

const std::vector<std::string>& words() {
  static const std::vector<std::string> all = small_vocabulary();
  return all;
}

// Every bit against accept on a copy, which knows no caches and no short cuts.
::testing::AssertionResult mask_is_exact(GrammarState& state) {
  const auto mask = state.mask();
  bool any = false;
  for (Token token = 0; token < static_cast<Token>(words().size()); ++token) {
    const bool end = token + 1 == static_cast<Token>(words().size());
    const bool fits = end ? state.may_end() : state.clone()->accept(token);
    any = any || fits;
    if (fits == has(mask, token)) continue;
    return ::testing::AssertionFailure() << "token " << token << " '" << words()[token] << "' fits: " << fits;
  }
  if (!any) return ::testing::AssertionFailure() << "a dead end";
  return ::testing::AssertionSuccess();
}

struct Walk {
  std::string text;
  bool ended = false, dead = false;
};

// Tokens drawn from the masks: `free` of them alike, then those preferred that close something.
Walk random_walk(GrammarState& state, std::mt19937& random, int free, int check_every) {
  Walk out;
  const Token end = static_cast<Token>(words().size()) - 1;
  for (int step = 0; step < free + 3000; ++step) {
    if (check_every > 0 && step % check_every == 0) {
      const auto exact = mask_is_exact(state);
      EXPECT_TRUE(exact) << out.text;
      if (!exact) return out;
    }
    const auto mask = state.mask();
    std::vector<Token> allowed;
    for (Token token = 0; token < end; ++token)
      if (has(mask, token)) allowed.push_back(token);
    if (has(mask, end) && (allowed.empty() || step > free || random() % 4 == 0)) {
      out.ended = true;
      return out;
    }
    out.dead = allowed.empty();
    if (out.dead) return out;
    Token token = allowed[random() % allowed.size()];
    for (const char closing : {'"', ']', '}'}) {
      if (step <= free || random() % 8 == 0 || !has(mask, static_cast<unsigned char>(closing))) continue;
      token = static_cast<unsigned char>(closing);
      break;
    }
    out.text += words()[static_cast<std::size_t>(token)];
    EXPECT_TRUE(state.accept(token));
  }
  return out;
}

const char* const kSchemas[] = {
    R"({"type":"object"})",
    R"({})",
    R"({"type":"string","maxLength":5})",
    R"({"type":"string","minLength":3,"maxLength":40})",
    R"({"type":"array","items":{"type":"string","pattern":"^[a-z]+@[a-z]+[.]com$"},"minItems":1,"maxItems":3})",
    R"({"type":"object","properties":{"name":{"type":"string"},"id":{"type":"integer","minimum":-5,"maximum":1200},
        "color":{"enum":["red","green","caf\u00e9"]}},"required":["name","color"],"additionalProperties":false})",
    R"({"type":"object","properties":{"name":{"type":"string","minLength":2},"type":{"const":"value"}},"required":["name"],
        "patternProperties":{"^a":{"type":"number","minimum":0.5}},"minProperties":2,"maxProperties":4})",
    R"({"$defs":{"n":{"type":"object","properties":{"value":{"type":["integer","null"]},"items":{"type":"array",
        "items":{"$ref":"#/$defs/n"}}},"required":["value"]}},"$ref":"#/$defs/n"})",
    R"({"anyOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false},
        {"type":"object","properties":{"a":{"type":"number"},"b":{}},"required":["b"],"additionalProperties":false}]})",
    R"({"type":"string","format":"date-time"})",
    R"({"type":"string","pattern":"^[a-z\\u00e9 ]*(\\ud83d\\ude00|x)$","minLength":4,"maxLength":9})",
    R"({"type":"string","pattern":"^(ab|abc\\u4e2d|(na)+me)+$","minLength":5,"maxLength":12})",
    R"({"type":"object","patternProperties":{"^(na|caf\\u00e9)[^!]*":{"type":"string","pattern":"^a*b","maxLength":6}},
        "additionalProperties":false,"minProperties":1})",
    R"({"type":"number","multipleOf":0.25,"exclusiveMinimum":-10,"maximum":99.5})",
};

TEST(GrammarMask, EveryBitIsWhatAcceptSays) {
  std::mt19937 random(7);
  for (const char* schema : kSchemas) {
    for (const bool any_order : {false, true}) {
      GrammarLimits limits;
      limits.any_order = any_order;
      limits.max_value_depth = 6;
      const auto grammar = Grammar::from_schema(schema, limits);
      ASSERT_TRUE(grammar) << schema << grammar.error().message;
      for (int round = 0; round < 6; ++round) {
        const auto state = GrammarState::start(*grammar, small_trie());
        const Walk walk = random_walk(*state, random, 60, 1);
        // In any order, chance may go on with other names for ever and never come to a required one.
        EXPECT_TRUE(walk.ended || any_order) << schema << "\n" << walk.text;
        if (walk.ended) EXPECT_TRUE(nlohmann::json::accept(walk.text)) << walk.text;
        if (HasFailure()) return;
      }
    }
  }
}

// Texts of all recorded schemas; with TOLLGATE_WALKS set they are written there for tests/fixtures/local/grammar/
// check_walks.py, which asks another validator.
TEST(GrammarMask, WalksThroughRecordedSchemasEnd) {
  std::vector<SchemaCase> cases = bench_cases();
  if (cases.empty()) GTEST_SKIP() << "no recorded schemas";
  for (const char* draft : {"draft2020-12", "draft7"})
    for (SchemaCase& test : official_cases(draft)) cases.push_back(std::move(test));
  const char* path = std::getenv("TOLLGATE_WALKS");
  std::ofstream out;
  if (path != nullptr) out.open(path);
  std::mt19937 random(11);
  int walks = 0, ended = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    GrammarLimits limits;
    limits.max_value_depth = 12;
    const auto grammar = Grammar::from_schema(cases[i].schema, limits);
    if (!grammar) continue;
    for (int round = 0; round < 4; ++round) {
      const auto state = GrammarState::start(*grammar, small_trie());
      const Walk walk = random_walk(*state, random, 20 << (2 * (round % 3)), i % 16 == 0 && round == 0 ? 8 : 0);
      ++walks;
      EXPECT_FALSE(walk.dead) << cases[i].name << "\n" << cases[i].schema << "\n" << walk.text;
      ended += walk.ended;
      if (walk.ended) EXPECT_TRUE(nlohmann::json::accept(walk.text)) << walk.text;
      if (HasFailure()) return;
      if (out && walk.ended)
        out << nlohmann::json{{"name", cases[i].name}, {"schema", cases[i].schema}, {"text", walk.text}}.dump() << "\n";
    }
  }
  std::printf("%d walks, %d ended\n", walks, ended);
  EXPECT_GT(ended, walks * 97 / 100);  // chance seldom finds the one way out of a narrow pattern
}

}  // namespace
}  // namespace tollgate::local
