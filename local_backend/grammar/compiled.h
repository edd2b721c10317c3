// Between compiled grammars and their programs, for the files of this folder. Thread rule: as grammar.h.
#pragma once

#include <memory>

#include "local_backend/grammar/grammar.h"
#include "local_backend/grammar/program.h"

namespace tollgate::local {

std::shared_ptr<const Grammar> grammar_of(std::shared_ptr<const Program> program);
const Program& program_of(const Grammar& grammar);

}  // namespace tollgate::local
