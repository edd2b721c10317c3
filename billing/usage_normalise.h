// RawCounts -> disjoint buckets, with the containment rules of each dialect and the check against the vendor's own
// total. Owner: billing, price half. Pure functions.
#pragma once

#include "billing/usage_counts.h"
#include "core/usage.h"

namespace tollgate::billing {

struct Containment {
  bool additive_reasoning = false;  // when no total decides: reasoning stands beside the completion, not inside
  bool hidden_reasoning = false;    // tokens that only the total shows are reasoning
  bool apart_reasoning = false;     // reasoning is neither in the completion nor in the total
};

// Every detail lies inside its parent; cached and written tokens inside the prompt.
void normalise_openai(const RawCounts& counts, Containment rules, Usage& out);
// Cache reads and writes stand beside input_tokens; thinking inside output_tokens.
void normalise_anthropic(const RawCounts& counts, Usage& out);
// Cached tokens and media inside the prompt; thoughts and tool results beside what else there is.
void normalise_gemini(const RawCounts& counts, Usage& out);
// Cache reads and writes beside the input where the total says so. `inclusive`: inside it, whatever the total says.
void normalise_converse(const RawCounts& counts, bool inclusive, Usage& out);

}  // namespace tollgate::billing
