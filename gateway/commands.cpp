#include "gateway/commands.h"

#include <algorithm>
#include <cstdio>
#include <random>

#include "config/load.h"
#include "core/log.h"
#include "core/sha256.h"

namespace tollgate::gateway {

std::optional<std::string> Arguments::option(std::string_view name) {
  for (auto word = words_.begin(); word != words_.end(); ++word) {
    if (*word == name) {
      if (word + 1 == words_.end() || (word + 1)->starts_with("--")) {
        problem_ = "option " + std::string(name) + " needs a value";
        words_.erase(word);
        return std::nullopt;
      }
      std::string value = *(word + 1);
      words_.erase(word, word + 2);
      return value;
    }
    if (word->starts_with(name) && word->size() > name.size() && (*word)[name.size()] == '=') {
      std::string value = word->substr(name.size() + 1);
      words_.erase(word);
      return value;
    }
  }
  return std::nullopt;
}

bool Arguments::flag(std::string_view name) {
  auto word = std::find(words_.begin(), words_.end(), name);
  if (word == words_.end()) return false;
  words_.erase(word);
  return true;
}

std::optional<std::string> Arguments::next() {
  if (words_.empty() || words_.front().starts_with("--")) return std::nullopt;
  std::string word = words_.front();
  words_.erase(words_.begin());
  return word;
}

std::string Arguments::problem() const {
  if (!problem_.empty()) return problem_;
  return words_.empty() ? std::string{} : "'" + words_.front() + "' is not understood here";
}

namespace {

constexpr std::string_view kBenchUsage =
    R"(usage: tollgate bench engine MODEL [--grid] [--rows LIST] [--depth 128] [--steps 32] [--repeat 3]
                                   [--bandwidth GB/s] [--peak TFLOPS]
       tollgate bench engine MODEL --serve SHAPE [--rate max|R] [--requests 100] [--group 8]
                                   [--max-running 256] [--against VENDOR/MODEL | --hosted-price IN,OUT]
both:  [--device auto|cpu|cuda:N] [--threads N] [--kv f16|q8] [--kv-memory SIZE] [--context TOKENS] [--seed N]
       [--machine-hour USD | --gpu-hour USD] [--json FILE|-]

What the local engine gives on this machine. MODEL: a GGUF file, or builtin:demo.
--grid (the default): tokens per second beside the machine's ceilings. LIST: ppN is a prompt of N tokens, tgN
decodes N sequences at once behind --depth tokens of context, --steps tokens each; medians of --repeat. Memory's
bandwidth is measured on a CPU; what is not known is shown as -.
--serve: requests that come at random, R per second (Poisson), or all at once. SHAPE: IN/OUT tokens, such as
1000/1000; sharegpt (log-normal lengths with the means of ShareGPT, 161 and 338 tokens: arXiv:2309.06180, figure
11); shared-prefix (1024 tokens that --group requests have in common, then 128/128), or
shared-prefix:PREFIX+IN/OUT. Times count from the planned arrival; every one is kept, so a run has at most
8,388,608 tokens of answers.
--machine-hour: USD per million tokens. --against, --hosted-price (USD per million tokens): what a vendor takes for
the same traffic, and from which load on the own machine is cheaper.
--json: the figures in a file, too; with - on stdout instead of the tables. Exit status 0: measured, 1: not.
)";

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands{
      {"check", "check a configuration and print what is in effect",
       "usage: tollgate check [--config FILE]\n\n"
       "Prints `ok` and the effective configuration with secrets masked, or every error as FILE:LINE:COL: message.\n",
       run_check},
      {"report", "who spent what, from the ledger",
       "usage: tollgate report --by DIMS [--since WHEN] [--until WHEN] [--format table|csv|json] [--config FILE]\n\n"
       "DIMS: a comma list of team, feature, environment, user, key, model, requested_model, provider, route, "
       "outcome,\n"
       "surface, cost_source, day, hour, tag:NAME.\n"
       "WHEN: 30m, 24h, 30d (before now), 2026-11-01 or 2026-11-01T12:00:00Z (UTC).\n",
       run_report},
      {"migrate", "bring the ledger's schema up to date",
       "usage: tollgate migrate [--config FILE]\n\nApplies the migrations that are missing. Safe to run at any time, "
       "from several processes at once.\n",
       run_migrate},
      {"spool", "look at or empty the durable queue before the ledger",
       "usage: tollgate spool status|drain [--config FILE]\n\n"
       "status: segments, bytes and records waiting. drain: hand them to the ledger now (the gateway must not be "
       "running).\n",
       run_spool},
      {"prices", "list, import and compare prices",
       "usage: tollgate prices list [--target GLOB] [--config FILE]\n"
       "       tollgate prices import --format litellm|genai-prices|openrouter|portkey FILE [--vendor NAME,...] "
       "[--provider NAME]\n"
       "                              [--source-date YYYY-MM-DD] [--config FILE]\n"
       "       tollgate prices diff --format FORMAT FILE [--vendor NAME,...] [--provider NAME] [--config FILE]\n\n"
       "import prints rows for `prices:` or config/prices.yaml on stdout, and what it left out on stderr; a row that "
       "moves by\n"
       "more than 10x against the prices in use is put aside (exit 1). diff shows what would change.\n",
       run_prices},
      {"keys", "make a caller's API key",
       "usage: tollgate keys new [--id NAME] [--team T] [--feature F] [--env E] [--user U]\n\n"
       "Prints a new secret once, and the entry with its hash for `auth: keys:`.\n",
       run_keys},
      {"model", "fetch model files, look at them and make smaller ones",
       "usage: tollgate model pull ADDRESS [--out FILE] [--sha256 HEX] [--token-env NAME] [--patience 30s]\n"
       "                                  [--attempts 6] [--force]\n"
       "       tollgate model inspect FILE [--json]\n"
       "       tollgate model quantize IN OUT --type TYPE [--force]\n\n"
       "pull: ADDRESS is http(s)://... or hf:OWNER/REPO[@REVISION]/FILE of Hugging Face, whose HF_TOKEN and "
       "HF_ENDPOINT\n"
       "are heeded. Goes on where an earlier run stopped; prints the lines for `local: models:`. --token-env names "
       "the\n"
       "variable with a token for another host. Exit status 1: not fetched, say the same again to go on.\n"
       "inspect: what a GGUF file holds. quantize: IN is a GGUF file with F32, F16 or BF16 weights, or a folder with\n"
       "config.json, tokenizer.json and *.safetensors (there --type may be left out: the weights stay as they are).\n"
       "TYPE: q8_0, q4_0, q5_0, q4_k, q6_k, f16, bf16, f32.\n",
       run_model},
      {"bench", "measure what the local engine gives on this machine", kBenchUsage, run_bench},
  };
  return kCommands;
}

int run_check(Arguments& arguments) {
  const auto path = arguments.option("--config");
  if (const std::string problem = arguments.problem(); !problem.empty()) {
    std::fprintf(stderr, "tollgate check: %s\n", problem.c_str());
    return 2;
  }
  auto loaded = path ? config::load_file(*path) : config::load_text(config::default_yaml(), "default");
  for (const auto& d : loaded.warnings) std::fprintf(stderr, "warning: %s\n", redacted(d.to_string()).c_str());
  for (const auto& d : loaded.errors) std::fprintf(stderr, "%s\n", redacted(d.to_string()).c_str());
  if (!loaded.ok()) return 2;
  std::printf("ok\n%s", config::dump(loaded.config).c_str());
  return 0;
}

namespace {

// 32 random bytes of the operating system, as hex: not to be guessed, and easy to copy.
std::string new_secret() {
  std::random_device random;
  std::string secret = "tg-";
  for (int i = 0; i < 8; ++i) {
    char part[9];
    std::snprintf(part, sizeof part, "%08x", static_cast<unsigned>(random()));
    secret += part;
  }
  return secret;
}

}  // namespace

int run_keys(Arguments& arguments) {
  const auto verb = arguments.next();
  if (verb != "new") {
    std::fputs("tollgate keys: say `tollgate keys new`; keys in use stand in the configuration under auth: keys:\n",
               stderr);
    return 2;
  }
  std::string id = arguments.option("--id").value_or("key-1");
  std::string entry = "  - {id: " + id;
  std::string dims;
  for (auto [option, key] :
       {std::pair{"--team", "team"}, {"--feature", "feature"}, {"--env", "environment"}, {"--user", "user"}})
    if (auto value = arguments.option(option)) dims += std::string(", ") + key + ": " + *value;
  if (const std::string problem = arguments.problem(); !problem.empty()) {
    std::fprintf(stderr, "tollgate keys: %s\n", problem.c_str());
    return 2;
  }
  const std::string secret = new_secret();
  std::fprintf(stderr, "secret (shown once): ");
  std::printf("%s\n", secret.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "put this under `auth: {mode: keys, keys: [...]}`:\n%s, secret_sha256: %s%s}\n", entry.c_str(),
               sha256_hex(secret).c_str(), dims.c_str());
  return 0;
}

}  // namespace tollgate::gateway
