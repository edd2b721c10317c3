// Structured output with the vocabulary of a real model: what compiling a schema costs and what masks cost along the
// recorded instances, in processor time of the thread, and the masks that cost most.
// usage: grammar_bench VOCABULARY.gguf [bench|large]
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "local_backend/grammar/grammar.h"
#include "tests/unit/local/grammar/schema_corpus.h"

namespace tollgate::local {
namespace {

double now_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

struct Timed {
  double us = 0;
  std::string what;
};

void print(const char* title, std::vector<Timed>& all) {
  if (all.empty()) return;
  std::sort(all.begin(), all.end(), [](const Timed& a, const Timed& b) { return a.us < b.us; });
  const auto at = [&](double part) {
    return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))].us;
  };
  std::printf("%s: %zu, median %.1f us, 99 %% %.1f, 99.9 %% %.1f, most %.1f\n", title, all.size(), at(0.5), at(0.99),
              at(0.999), at(1));
  for (std::size_t i = 0; i < std::min<std::size_t>(8, all.size()); ++i) {
    const Timed& slow = all[all.size() - 1 - i];
    std::printf("  %9.1f  %s\n", slow.us, slow.what.c_str());
  }
}

// A compact text with the blanks that models like to write.
std::string spaced(const std::string& compact) {
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < compact.size(); ++i) {
    out += compact[i];
    if (inside && compact[i] == '\\') {
      out += compact[++i];
      continue;
    }
    if (compact[i] == '"') inside = !inside;
    if (!inside && (compact[i] == ':' || compact[i] == ',')) out += ' ';
  }
  return out;
}

// The masks along `text`, whose tokens are cut as the model would.
void follow(const SchemaCase& test, const std::shared_ptr<const Grammar>& grammar, const std::string& text,
            const Tokenizer& tokenizer, const std::shared_ptr<const TokenTrie>& trie, std::vector<Timed>& masks) {
  const auto state = GrammarState::start(grammar, trie);
  std::string so_far;
  for (const Token token : tokenizer.encode(text, {false, false})) {
    const double from = now_us();
    (void)state->mask();
    masks.push_back({now_us() - from, {}});
    if (masks.back().us > 500)
      masks.back().what =
          test.name + " behind " + so_far.substr(so_far.size() - std::min<std::size_t>(so_far.size(), 60));
    if (!state->accept(token)) return;
    so_far += tokenizer.bytes(token, true);
  }
}

// A valid text, drawn from the masks: what schemas without instances are measured with.
void wander(const SchemaCase& test, const std::shared_ptr<const Grammar>& grammar, const Tokenizer& tokenizer,
            const std::shared_ptr<const TokenTrie>& trie, std::vector<Timed>& masks) {
  const auto state = GrammarState::start(grammar, trie);
  std::uint64_t random = 88172645463325252ull;
  std::string so_far;
  for (int step = 0; step < 300 && !state->finished(); ++step) {
    const double from = now_us();
    const auto mask = state->mask();
    masks.push_back({now_us() - from, {}});
    if (masks.back().us > 500)
      masks.back().what =
          test.name + " behind " + so_far.substr(so_far.size() - std::min<std::size_t>(so_far.size(), 60));
    std::vector<Token> allowed;
    for (std::size_t token = 0; token < trie->size(); ++token)
      if (mask[token / 32] >> (token % 32) & 1u) allowed.push_back(static_cast<Token>(token));
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    const Token token = allowed[random % allowed.size()];
    if (!state->accept(token)) return;
    so_far += tokenizer.bytes(token, true);
  }
}

int run(const char* path, bool large) {
  auto file = GgufFile::open(path);
  if (!file) return std::fprintf(stderr, "%s\n", file.error().message.c_str()), 1;
  const auto tokenizer = Tokenizer::load(std::move(*file));
  if (!tokenizer) return std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str()), 1;
  const double begun = now_us();
  const auto trie = TokenTrie::build(**tokenizer);
  std::printf("%zu tokens, trie in %.0f ms\n", trie->size(), (now_us() - begun) / 1e3);
  std::vector<Timed> masks, drawn, compiles;
  for (const SchemaCase& test : large ? large_schemas() : bench_cases()) {
    const double from = now_us();
    const auto grammar = Grammar::from_schema(test.schema);
    compiles.push_back({now_us() - from, test.name + (grammar ? "" : " refused: " + grammar.error().message)});
    if (!grammar) continue;
    for (const Instance& instance : test.instances)
      if (instance.valid) follow(test, *grammar, spaced(instance.text), **tokenizer, trie, masks);
    wander(test, *grammar, **tokenizer, trie, drawn);
  }
  print("compiling", compiles);
  print("masks along instances", masks);
  print("masks along drawn texts", drawn);
  return 0;
}

}  // namespace
}  // namespace tollgate::local

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: grammar_bench VOCABULARY.gguf [bench|large]\n"), 2;
  return tollgate::local::run(argv[1], argc > 2 && std::string(argv[2]) == "large");
}
