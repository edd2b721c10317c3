// The expressions that tell words apart by case: capitals, then small letters. Pure functions.
#include "local_backend/text/splitter.h"

namespace tollgate::local {
namespace {

// Letters without case and marks belong to both.
constexpr CharMask kBoth = mask_of(CharClass::modifier) | mask_of(CharClass::letter) | kMark;
constexpr CharMask kCapitals = mask_of(CharClass::upper) | mask_of(CharClass::title) | kBoth;
constexpr CharMask kSmalls = mask_of(CharClass::lower) | kBoth;
constexpr CharMask kSigns = kAny & ~(kSpace | kLetter | kNumber);

// [capitals]*[smalls]+, as a backtracking engine finds it: where no small letter follows the capitals, their last
// character that is in both sets ends the match.
std::size_t small_word(const Characters& text, std::size_t position) {
  std::size_t end = position, last_both = position;
  for (auto next = text.at(end); next.in(kCapitals); next = text.at(end)) {
    end = next.end;
    if (next.in(kBoth)) last_both = end;
  }
  const std::size_t smalls = text.run(end, kSmalls);
  return smalls > end ? smalls : last_both;
}

// [capitals]+[smalls]*
std::size_t capital_word(const Characters& text, std::size_t position) {
  const std::size_t end = text.run(position, kCapitals);
  return end > position ? text.run(end, kSmalls) : position;
}

// [^\r\n\p{L}\p{N}]? before each of the two, the first one preferred.
std::size_t cased_word(const Characters& text, std::size_t position) {
  const Characters::Char first = text.at(position);
  const bool may_lead = !first.ends_line() && !first.in(kLetter | kNumber);
  for (const auto word : {small_word, capital_word}) {
    if (may_lead) {
      if (const std::size_t end = word(text, first.end); end > first.end) return end;
    }
    if (const std::size_t end = word(text, position); end > position) return end;
  }
  return position;
}

// The word, then numbers, ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, lines and spaces.
Match match_cased(const Characters& text, std::size_t position, bool contractions, unsigned digits) {
  if (const std::size_t end = cased_word(text, position); end > position) {
    return {contractions ? contraction(text, end, true) : end, true};
  }
  if (const std::size_t end = at_most(text, position, kNumber, digits); end > position) return {end, true};
  if (const std::size_t end = blank_and_run(text, position, kSigns); end > position) {
    return {text.run_if(end, [](char32_t code) { return code == '\r' || code == '\n' || code == '/'; }), true};
  }
  const std::size_t end = lines_or_spaces(text, position);
  return end > position ? Match{end, true} : Match{text.at(position).end, false};
}

}  // namespace

Match match_gpt4o(const Characters& text, std::size_t position) { return match_cased(text, position, true, 3); }
Match match_tekken(const Characters& text, std::size_t position) { return match_cased(text, position, false, 1); }

}  // namespace tollgate::local
