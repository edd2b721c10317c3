// Regular expressions of ECMA-262 (the "u" mode that JSON Schema asks for) as sets of texts.
// Supported: alternation, groups (captures count as plain groups), * + ? {n,m} greedy or lazy, classes, . ^ $ anywhere,
// \d \w \s and their complements, \t \n \v \f \r \0 \cX \xHH \uHHHH \u{H}, lookaheads that stand right behind a leading
// ^ of the whole pattern. Refused by name: back references, other lookarounds, \b \B, \p, flags.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/grammar/text_set.h"

namespace tollgate::local {

// One node of a parsed pattern.
struct PatternNode {
  enum class Kind : unsigned char { set, sequence, choice, repeat, begin, end, look };
  Kind kind = Kind::sequence;
  std::vector<CodeRange> ranges;                    // set: sorted, disjoint
  std::vector<std::unique_ptr<PatternNode>> parts;  // sequence, choice; one for repeat and look
  std::uint32_t least = 0, most = 0;                // repeat; most == kNoBound: any number
  bool negative = false;                            // look
};
inline constexpr std::uint32_t kNoBound = UINT32_MAX;

// The error's message says which construct is not supported or wrong; its code is "unsupported_schema".
Result<std::unique_ptr<PatternNode>> parse_pattern(std::string_view pattern);

// The texts in which `pattern` finds a match.
Result<TextSet> pattern_texts(std::string_view pattern);

// Sorts, joins; the rest of the codes.
std::vector<CodeRange> tidy_ranges(std::vector<CodeRange> ranges);
std::vector<CodeRange> other_codes(const std::vector<CodeRange>& tidy);

}  // namespace tollgate::local
