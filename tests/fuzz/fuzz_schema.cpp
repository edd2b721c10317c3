// Any bytes as a schema: refused, or walks through its masks never meet a dead end, agree with accept, and what ends is
// JSON. What stands behind a zero byte steers the walk.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/grammar/grammar.h"

namespace {

using tollgate::local::Grammar;
using tollgate::local::GrammarLimits;
using tollgate::local::GrammarState;
using tollgate::local::Token;
using tollgate::local::TokenTrie;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr Token kEnd = 300;

const std::vector<std::string>& tokens() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out;
    for (int byte = 0; byte < 256; ++byte) out.emplace_back(1, static_cast<char>(byte));
    for (const char* piece : {"\":",  "\": \"", "\",\"", "\"}", "{\"",    "[{\"", "}}",    "]]",
                              "\n  ", "true",   "null",  "12",  "0.5",    "e1",   "\\u00", "\\ud83d\\ude00",
                              "\xC3", "\xA9\"", "a\":",  "ab",  "\"a\":", "\"],"})
      out.emplace_back(piece);
    out.resize(kEnd + 1);
    return out;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto trie = TokenTrie::build(tokens(), std::vector<Token>{kEnd});
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = std::min(all.find('\0'), all.size());
  const std::string_view steps = all.substr(std::min(cut + 1, all.size()));
  GrammarLimits limits;
  limits.max_states = 20'000;
  limits.max_value_depth = 5;
  limits.any_order = steps.size() % 2 == 1;
  const auto grammar = Grammar::from_schema(all.substr(0, cut), limits);
  if (!grammar) {
    require(grammar.error().status == 400);
    return 0;
  }
  const auto state = GrammarState::start(*grammar, trie);
  std::string text;
  for (std::size_t i = 0; i < std::max<std::size_t>(steps.size(), 24) && i < 200; ++i) {
    const auto mask = state->mask();
    std::vector<Token> allowed;
    for (Token token = 0; token < kEnd; ++token)
      if (mask[token / 32] >> (token % 32) & 1u) allowed.push_back(token);
    require(state->may_end() == (mask[kEnd / 32] >> (kEnd % 32) & 1u));
    require(!allowed.empty() || state->may_end());
    require(state->finished() == allowed.empty());
    if (state->may_end()) require(nlohmann::json::accept(text));
    if (allowed.empty()) break;
    const std::size_t choice = i < steps.size() ? static_cast<unsigned char>(steps[i]) : i * 7;
    const Token token = allowed[choice % allowed.size()];
    const auto other = state->clone();
    const Token any = static_cast<Token>(choice % 278);
    require(other->accept(any) == static_cast<bool>(mask[any / 32] >> (any % 32) & 1u));
    require(state->accept(token));
    text += tokens()[static_cast<std::size_t>(token)];
  }
  return 0;
}
