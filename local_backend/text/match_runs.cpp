// Expressions that are one run of one kind of character. Pure functions.
#include <algorithm>
#include <iterator>

#include "local_backend/text/splitter.h"

namespace tollgate::local {
namespace {

struct CodeRange {
  char32_t first, last;
};

template <std::size_t n>
bool in_ranges(const CodeRange (&ranges)[n], char32_t code) {
  const auto range = std::lower_bound(std::begin(ranges), std::end(ranges), code,
                                      [](const CodeRange& left, char32_t right) { return left.last < right; });
  return range != std::end(ranges) && code >= range->first;
}

// The letters that deepseek-llm's tokenizer.json lists: alphabets with two cases.
constexpr CodeRange kCasedLetters[] = {
#include "local_backend/text/deepseek_letters.inc"
};
// Punctuation of the same file: ASCII, its full width forms, quotation marks and the first of CJK.
constexpr CodeRange kDeepseekPunctuation[] = {{'!', '/'},       {':', '~'},       {0x2018, 0x201F},
                                              {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};
constexpr CodeRange kCjk[] = {{0x0800, 0x9FA5}, {0xAC00, 0xD7FF}};
constexpr CodeRange kCjkKana[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};
// What bloom's words do not hold, spaces aside.
constexpr std::u32string_view kBloomSeparators = U"(|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)";

Match found_or_next(const Characters& text, std::size_t position, std::size_t end) {
  return end > position ? Match{end, true} : Match{text.at(position).end, false};
}

// `\s?` before a run; a space that is of the run, too, may be the whole of it.
template <class Run>
Match after_space(const Characters& text, std::size_t position, Run&& run) {
  const Characters::Char first = text.at(position);
  if (first.in(kSpace)) {
    if (const std::size_t end = run(first.end); end > first.end) return {end, true};
  }
  return found_or_next(text, position, run(position));
}

bool sign(char32_t code, bool grave) {
  if (code == '`') return grave;
  return std::u32string_view(U"$+<=>^~|").find(code) != std::u32string_view::npos ||
         char_class(code) == CharClass::punctuation;
}

}  // namespace

Match match_number(const Characters& text, std::size_t position) {
  return found_or_next(text, position, at_most(text, position, kNumber, 1));
}

Match match_numbers(const Characters& text, std::size_t position) {
  return found_or_next(text, position, text.run(position, kNumber));
}

Match match_three_numbers(const Characters& text, std::size_t position) {
  return found_or_next(text, position, at_most(text, position, kNumber, 3));
}

Match match_three_digits(const Characters& text, std::size_t position) {
  std::size_t end = position;
  for (int digit = 0; digit < 3; ++digit) {
    const Characters::Char next = text.at(end);
    if (next.code < '0' || next.code > '9') return {text.at(position).end, false};
    end = next.end;
  }
  return {end, true};
}

Match match_line_end(const Characters& text, std::size_t position) {
  const Characters::Char first = text.at(position);
  return {first.end, first.ends_line()};
}

// Where it fails it fails for the whole run of spaces, or a long run would be read once per space.
Match match_trailing_spaces(const Characters& text, std::size_t position) {
  const std::size_t end = text.run(position, kSpace);
  if (end == position) return {text.at(position).end, false};
  return {end, end == text.size()};
}

Match match_letters(const Characters& text, std::size_t position) {
  return after_space(text, position, [&](std::size_t start) { return text.run(start, kLetter); });
}

Match match_punctuation(const Characters& text, std::size_t position) {
  return after_space(text, position, [&](std::size_t start) { return text.run(start, kPunctuation); });
}

Match match_signs(const Characters& text, std::size_t position) {
  return found_or_next(text, position, text.run_if(position, [](char32_t code) { return sign(code, false); }));
}

Match match_signs_and_grave(const Characters& text, std::size_t position) {
  return found_or_next(text, position, text.run_if(position, [](char32_t code) { return sign(code, true); }));
}

Match match_cjk(const Characters& text, std::size_t position) {
  return found_or_next(text, position, text.run_if(position, [](char32_t code) { return in_ranges(kCjk, code); }));
}

Match match_cjk_kana(const Characters& text, std::size_t position) {
  return found_or_next(text, position, text.run_if(position, [](char32_t code) { return in_ranges(kCjkKana, code); }));
}

Match match_deepseek_letters(const Characters& text, std::size_t position) {
  return after_space(text, position, [&](std::size_t start) {
    return text.run_if(start, [](char32_t code) { return in_ranges(kCasedLetters, code); });
  });
}

Match match_deepseek_punctuation(const Characters& text, std::size_t position) {
  return after_space(text, position, [&](std::size_t start) {
    return text.run_if(start, [](char32_t code) { return in_ranges(kDeepseekPunctuation, code); });
  });
}

Match match_bloom(const Characters& text, std::size_t position) {
  const auto in_word = [](char32_t code) {
    return kBloomSeparators.find(code) == std::u32string_view::npos && char_class(code) != CharClass::space;
  };
  const std::size_t start = text.past_blank(position);
  const std::size_t end = text.run_if(start, in_word);
  return found_or_next(text, position, end > start ? end : position);
}

}  // namespace tollgate::local
