#include "local_backend/engine/draft_model.h"

#include <algorithm>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/model/cpu_backend.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMostKvBytes = std::size_t{1} << 30;
constexpr std::size_t kMostShown = 40;  // bytes of a token in a message

// Printable, for a message.
std::string shown(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes.substr(0, kMostShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 127 && c != '"' && c != '\\') {
      text += c;
      continue;
    }
    static constexpr char kDigits[] = "0123456789abcdef";
    text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text + (bytes.size() > kMostShown ? "...\"" : "\"");
}

std::string shown(const Tokenizer& tokenizer, std::size_t id) {
  if (id >= tokenizer.size()) return "none";
  return shown(tokenizer.bytes(static_cast<Token>(id), true));
}

bool same_token(const Tokenizer& a, const Tokenizer& b, std::size_t id) {
  const auto token = static_cast<Token>(id);
  if (id >= a.size()) return b.kind(token) == TokenKind::unused;
  if (id >= b.size()) return a.kind(token) == TokenKind::unused;
  return a.bytes(token, true) == b.bytes(token, true);
}

}  // namespace

Result<void> same_vocabulary(const Tokenizer& tokenizer, const Tokenizer& draft, const std::string& draft_name) {
  const std::size_t all = std::max(tokenizer.size(), draft.size());
  for (std::size_t id = 0; id < all; ++id)
    if (!same_token(tokenizer, draft, id))
      return Error{.kind = ErrorKind::client_fault,
                   .status = 400,
                   .code = "other_vocabulary",
                   .message = draft_name + " cannot guess for this model: token " + std::to_string(id) + " is " +
                              shown(draft, id) + " there and " + shown(tokenizer, id) +
                              " here; take a smaller model of the same family"};
  return {};
}

Result<std::unique_ptr<ModelDrafter>> load_draft_model(const EngineOptions& options, const Tokenizer& tokenizer,
                                                       std::size_t blocks) {
  auto file = GgufFile::open(options.draft_file);
  if (!file) return std::move(file).error();
  auto words = Tokenizer::load(*file);
  if (!words) return std::move(words).error();
  if (auto same = same_vocabulary(tokenizer, **words, (*file)->name()); !same) return std::move(same).error();
  auto config = read_model_config(**file);
  if (!config) return std::move(config).error();
  const KvLayout kv{options.kv, config->layers, config->kv_heads, config->head_dim};
  CpuBackendOptions cpu;
  cpu.level = options.level;
  cpu.threads = options.threads;
  cpu.kv = options.kv;
  cpu.kv_bytes = std::min(blocks * kv.block_bytes(), std::max(kMostKvBytes, kv.block_bytes()));
  cpu.max_step_tokens = options.scheduler.max_step_tokens;
  auto backend = make_cpu_backend(*file, cpu);
  if (!backend) return std::move(backend).error();
  return std::make_unique<ModelDrafter>(*std::move(backend), config->context, options.scheduler.max_prefill_chunk);
}

}  // namespace tollgate::local
