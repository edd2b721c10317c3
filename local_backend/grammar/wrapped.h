// JSON objects between fixed texts, as models write tool calls: an opening, one of several choices (what stands before
// an object, its grammar, what stands behind it), perhaps more of them, a tail. Thread rule: see grammar.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "local_backend/grammar/grammar.h"

namespace tollgate::local {

struct WrappedChoice {
  std::string before;
  std::shared_ptr<const Grammar> value;  // its values other than objects are left out
  std::string after;
};

struct WrappedForm {
  std::string head;
  std::vector<WrappedChoice> choices;
  bool several = false;  // `between` and another choice may follow; REQUIRES between or before not to be empty
  std::string between, tail;
  // So many bytes of head and `before` are written already: at most their size. For one choice only.
  std::size_t written = 0;
};

inline constexpr std::size_t kMaxWrapped = 256;  // choices

// Errors: status 400, code "bad_schema": no choice, too many, or one whose grammar has no object.
Result<std::shared_ptr<const Grammar>> wrapped_grammar(const WrappedForm& form);

}  // namespace tollgate::local
