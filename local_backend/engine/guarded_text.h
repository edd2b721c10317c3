// Callers' text inside of a rendered template: what looks like a control token there stays text. guard() wraps such
// places in two noncharacters of Unicode (U+FDD0, U+FDD1), which templates carry through like letters; encode_guarded()
// takes them off again and encodes what they hold without control tokens. Noncharacters of the caller's own become
// U+FFFD. Thread rule: immutable after construction.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

class TextGuard {
 public:
  explicit TextGuard(const Tokenizer& tokenizer);
  std::string guard(std::string_view text) const;

 private:
  std::vector<std::string> controls_;  // texts of the control tokens, longest first
  bool starts_[256] = {};              // bytes that one of them begins with
};

// The whole prompt's tokens. BOS is added if the tokenizer wants one and the text does not begin with it.
std::vector<Token> encode_guarded(const Tokenizer& tokenizer, std::string_view rendered);

}  // namespace tollgate::local
