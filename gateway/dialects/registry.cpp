// The table of dialects by name. A new dialect is one row here. Thread rule: constants.
#include <array>

#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {
namespace {

constexpr std::array kDialects{&openai_chat,      &openai_responses, &anthropic,  &gemini,
                               &bedrock_converse, &cohere_chat,      &ollama_chat};

}  // namespace

const Dialect* find_dialect(std::string_view name) {
  for (const auto dialect : kDialects)
    if (dialect().name() == name) return &dialect();
  return nullptr;
}

}  // namespace tollgate::gateway
