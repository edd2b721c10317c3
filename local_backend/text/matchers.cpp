#include "local_backend/text/matchers.h"

namespace tollgate::local {

std::size_t contraction(const Characters& text, std::size_t position, bool any_case) {
  if (text.at(position).code != '\'') return position;
  const auto folded = [&](char32_t code) -> char32_t {
    if (any_case && code == 0x17F) return U's';
    return any_case && code >= 'A' && code <= 'Z' ? code + 32 : code;
  };
  const Characters::Char first = text.at(position + 1);
  const char32_t letter = folded(first.code);
  if (letter == 's' || letter == 't' || letter == 'm' || letter == 'd') return first.end;
  if (letter != 'r' && letter != 'v' && letter != 'l') return position;
  const Characters::Char second = text.at(first.end);
  return folded(second.code) == (letter == 'l' ? U'l' : U'e') ? second.end : position;
}

std::size_t at_most(const Characters& text, std::size_t position, CharMask set, unsigned limit) {
  for (; limit > 0; --limit) {
    const Characters::Char next = text.at(position);
    if (!next.in(set)) break;
    position = next.end;
  }
  return position;
}

std::size_t blank_and_run(const Characters& text, std::size_t position, CharMask set) {
  const std::size_t start = text.past_blank(position);
  const std::size_t end = text.run(start, set);
  return end > start ? end : position;
}

std::size_t spaces_before_space(const Characters& text, std::size_t position) {
  std::size_t last = position, end = position;
  for (auto next = text.at(end); next.in(kSpace); next = text.at(end)) {
    last = end;
    end = next.end;
  }
  return end == text.size() ? end : last;
}

std::size_t lines_or_spaces(const Characters& text, std::size_t position) {
  std::size_t last = position, end = position, line = position;
  for (auto next = text.at(end); next.in(kSpace); next = text.at(end)) {
    last = end;
    end = next.end;
    if (next.ends_line()) line = end;
  }
  if (line > position) return line;
  return end == text.size() || last == position ? end : last;
}

}  // namespace tollgate::local
