// Turns that must be calls: tool_choice "required", or a function by its name. The prompt then ends with the beginning
// of a call in the family's own spelling, and a grammar holds the rest to one of the functions and its schema.
// Thread rule: pure functions; may take milliseconds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.h"
#include "core/result.h"
#include "gateway/local/local_models.h"
#include "local_backend/grammar/grammar_cache.h"
#include "local_backend/grammar/wrapped.h"

namespace tollgate::gateway {

struct ForcedCall {
  std::string mark;                      // ends the prompt
  std::string header;                    // behind it, for a lone function: its name and what stands around; guarded
  std::string begun;                     // both as the parser of answers is to see them
  local::WrappedForm form;               // without its grammars
  std::vector<const chat::Tool*> tools;  // one per choice of `form`; in the request
};

// Whether the model may call it at all.
bool may_call(const chat::ToolChoice& choice, std::string_view name);

// Nothing where the model may choose. Errors: client_fault, status 400: no such function, a family whose calls cannot
// be held by a grammar.
Result<std::optional<ForcedCall>> forced_call(const LoadedModel& model, const chat::Request& request);

// Errors: a schema that cannot be held, of a tool that is `strict`; of others any object is taken then.
Result<std::shared_ptr<const local::Grammar>> grammar_of(const ForcedCall& call, local::GrammarCache& grammars);

}  // namespace tollgate::gateway
