// What a mask costs with the vocabularies of real models: prints a table, and fails only where it is off by far.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "../../core/test_data.h"
#include "schema_corpus.h"

namespace tollgate::local {
namespace {

using Clock = std::chrono::steady_clock;

double micros(Clock::time_point from) { return std::chrono::duration<double, std::micro>(Clock::now() - from).count(); }

// A compact text with the blanks that models like to write.
std::string spaced(const std::string& compact) {
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < compact.size(); ++i) {
    out += compact[i];
    if (inside && compact[i] == '\\') out += compact[++i];
    if (compact[i] == '"' && (!inside || compact[i - 1] != '\\' || out.back() == '"')) inside = !inside;
    if (!inside && (compact[i] == ':' || compact[i] == ',')) out += ' ';
  }
  return out;
}

void measure(const char* name) {
  const auto path = test_data_dir("tokenizers") / name;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no recorded vocabularies";
  auto file = GgufFile::open(path.string());
  ASSERT_TRUE(file) << file.error().message;
  const auto tokenizer = Tokenizer::load(std::move(*file));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto begun = Clock::now();
  const auto trie = TokenTrie::build(**tokenizer);
  const double trie_ms = micros(begun) / 1000;
  std::vector<double> masks, compiles;
  for (const SchemaCase& test : bench_cases()) {
    const auto from = Clock::now();
    const auto grammar = Grammar::from_schema(test.schema);
    compiles.push_back(micros(from));
    if (!grammar) continue;
    for (const Instance& instance : test.instances) {
      if (!instance.valid || !takes(*grammar, spaced(instance.text))) continue;
      const auto state = GrammarState::start(*grammar, trie);
      for (const Token token : (*tokenizer)->encode(spaced(instance.text), {false, false})) {
        const auto asked = Clock::now();
        const auto mask = state->mask();
        masks.push_back(micros(asked));
        ASSERT_TRUE(mask[static_cast<std::size_t>(token) / 32] >> (token % 32) & 1) << test.name;
        ASSERT_TRUE(state->accept(token));
      }
    }
  }
  if (masks.empty()) GTEST_SKIP() << "no recorded schemas";
  const auto at = [](std::vector<double>& all, double part) {
    std::sort(all.begin(), all.end());
    return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
  };
  std::printf(
      "%s: %zu tokens, trie in %.0f ms; %zu masks: median %.1f us, 95 %% %.0f, 99 %% %.0f, most %.0f; "
      "compiling: median %.2f ms, 99 %% %.0f, most %.0f\n",
      name, trie->size(), trie_ms, masks.size(), at(masks, 0.5), at(masks, 0.95), at(masks, 0.99), at(masks, 1),
      at(compiles, 0.5) / 1000, at(compiles, 0.99) / 1000, at(compiles, 1) / 1000);
  EXPECT_LT(at(masks, 0.5), 2000);
}

TEST(GrammarSpeed, LlamaBpe) { measure("ggml-vocab-llama-bpe.gguf"); }
TEST(GrammarSpeed, Qwen2) { measure("ggml-vocab-qwen2.gguf"); }

}  // namespace
}  // namespace tollgate::local
