// What a local model is asked: a chat request in the words of the model's own template, its sampling parameters and its
// grammar. Thread rule: pure functions; may take milliseconds, so not for an io thread.
#pragma once

#include <vector>

#include "core/chat.h"
#include "core/result.h"
#include "gateway/local/local_models.h"
#include "local_backend/grammar/grammar_cache.h"

namespace tollgate::gateway {

struct LocalPrompt {
  local::AnswerRequest answer;   // of the first answer; the others differ in `stream`
  std::uint32_t answers = 1;     // n
  bool starts_thinking = false;  // the prompt ends inside of a thought
  std::string begun;             // what the prompt holds of the answer already: the beginning of a call
};

// Errors: client_fault, status 400: what the model or this version cannot do, in words; the template's own refusal.
Result<LocalPrompt> make_prompt(const LoadedModel& model, const chat::Request& request, local::GrammarCache& grammars);

// Whether make_prompt() will have to compile a schema, which may take half a second.
bool must_compile(const chat::Request& request, const local::GrammarCache& grammars);

// The prompt's tokens alone, whether the context holds them or not. Errors: as make_prompt().
Result<std::vector<local::Token>> prompt_tokens(const LoadedModel& model, const chat::Request& request);

// The JSON object that the template sees.
Result<std::string> template_context(const LoadedModel& model, const chat::Request& request);

}  // namespace tollgate::gateway
