// gpt-2's expression and those that grew out of it; they differ in digits, marks and line ends. Pure functions.
#include "local_backend/text/splitter.h"

namespace tollgate::local {
namespace {

Match found_or_next(const Characters& text, std::size_t position, std::size_t end) {
  return end > position ? Match{end, true} : Match{text.at(position).end, false};
}

struct WordRules {
  CharMask letters;  // of a word
  CharMask signs;    // of a run of the rest
  unsigned digits;   // of a number, at most
};

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[letters]+|\p{N}{1,digits}| ?[signs]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
Match match_modern(const Characters& text, std::size_t position, const WordRules& rules) {
  if (const std::size_t end = contraction(text, position, true); end > position) return {end, true};
  const Characters::Char first = text.at(position);
  if (!first.ends_line() && !first.in(kLetter | kNumber)) {
    if (const std::size_t end = text.run(first.end, rules.letters); end > first.end) return {end, true};
  }
  if (const std::size_t end = text.run(position, rules.letters); end > position) return {end, true};
  if (const std::size_t end = at_most(text, position, kNumber, rules.digits); end > position) return {end, true};
  if (const std::size_t end = blank_and_run(text, position, rules.signs); end > position) {
    return {text.run_if(end, [](char32_t code) { return code == '\r' || code == '\n'; }), true};
  }
  return found_or_next(text, position, lines_or_spaces(text, position));
}

constexpr CharMask kSigns = kAny & ~(kSpace | kLetter | kNumber);

bool ascii_punctuation(char32_t code) {
  return (code >= 0x21 && code <= 0x2F) || (code >= 0x3A && code <= 0x40) || (code >= 0x5B && code <= 0x60) ||
         (code >= 0x7B && code <= 0x7E);
}

bool ascii_letter(char32_t code) { return (code | 0x20) >= 'a' && (code | 0x20) <= 'z'; }

}  // namespace

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)
Match match_gpt2(const Characters& text, std::size_t position) {
  if (const std::size_t end = contraction(text, position, false); end > position) return {end, true};
  for (const CharMask set : {kLetter, kNumber, kSigns}) {
    if (const std::size_t end = blank_and_run(text, position, set); end > position) return {end, true};
  }
  return found_or_next(text, position, spaces_before_space(text, position));
}

Match match_llama3(const Characters& text, std::size_t position) {
  return match_modern(text, position, {kLetter, kSigns, 3});
}

Match match_qwen2(const Characters& text, std::size_t position) {
  return match_modern(text, position, {kLetter, kSigns, 1});
}

Match match_qwen35(const Characters& text, std::size_t position) {
  return match_modern(text, position, {kLetter | kMark, static_cast<CharMask>(kSigns & ~kMark), 1});
}

// [ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
Match match_deepseek_v3(const Characters& text, std::size_t position) {
  const Characters::Char first = text.at(position);
  if (ascii_punctuation(first.code)) {
    if (const std::size_t end = text.run_if(first.end, ascii_letter); end > first.end) return {end, true};
  }
  if (!first.ends_line() && !first.in(kLetter | kPunctuation | kSymbol)) {
    if (const std::size_t end = text.run(first.end, kLetter | kMark); end > first.end) return {end, true};
  }
  if (const std::size_t end = text.run(position, kLetter | kMark); end > position) return {end, true};
  if (const std::size_t end = blank_and_run(text, position, kPunctuation | kSymbol); end > position) {
    return {text.run_if(end, [](char32_t code) { return code == '\r' || code == '\n'; }), true};
  }
  return found_or_next(text, position, lines_or_spaces(text, position));
}

}  // namespace tollgate::local
