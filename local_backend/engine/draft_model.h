// The second model of an engine: its file, checked against the first one's vocabulary. Thread rule: plain functions.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "local_backend/engine/engine.h"
#include "local_backend/engine/model_drafter.h"

namespace tollgate::local {

// Whether every token stands for the same bytes in both; tokens that one of them has behind the other's last must be
// unused. Errors: status 400, code "other_vocabulary", names the first token that differs.
Result<void> same_vocabulary(const Tokenizer& tokenizer, const Tokenizer& draft, const std::string& draft_name);

// Loads `options.draft_file` to guess for a model with `tokenizer` and a pool of `blocks`: its own pool holds as many
// tokens, in at most 1 GiB. Errors: of Engine::load and same_vocabulary().
Result<std::unique_ptr<ModelDrafter>> load_draft_model(const EngineOptions& options, const Tokenizer& tokenizer,
                                                       std::size_t blocks);

}  // namespace tollgate::local
