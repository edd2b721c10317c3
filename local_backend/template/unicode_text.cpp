#include "local_backend/template/unicode_text.h"

#include <algorithm>

namespace tollgate::local::jinja {
namespace {

// Upper case of what becomes several letters: the rows of Unicode's SpecialCasing that real text meets.
std::string_view long_upper(char32_t point) {
  switch (point) {
    case 0xDF:
      return "SS";
    case 0x149:
      return "\u02BCN";
    case 0x1F0:
      return "J\u030C";
    case 0x587:
      return "\u0535\u0552";
    case 0xFB00:
      return "FF";
    case 0xFB01:
      return "FI";
    case 0xFB02:
      return "FL";
    case 0xFB03:
      return "FFI";
    case 0xFB04:
      return "FFL";
    case 0xFB05:
    case 0xFB06:
      return "ST";
    default:
      return {};
  }
}

void append_upper(std::string& out, char32_t point) {
  const std::string_view several = long_upper(point);
  if (several.empty()) {
    append_point(out, simple_upper(point));
  } else {
    out += several;
  }
}

// The first letter of a word: upper case, but only the first of several letters.
void append_title(std::string& out, char32_t point) {
  const std::string_view several = long_upper(point);
  if (several.empty() || point == 0x149 || point == 0x1F0) {
    append_upper(out, point);
    return;
  }
  std::size_t at = 0;
  append_point(out, next_point(several, at));
  while (at < several.size()) append_point(out, simple_lower(next_point(several, at)));
}

void append_lower(std::string& out, char32_t point) {
  if (point == 0x130) {
    out += "i\u0307";
  } else {
    append_point(out, simple_lower(point));
  }
}

bool is_cased(char32_t point) { return is_upper_case(point) || is_lower_case(point); }

std::size_t previous_point(std::string_view text, std::size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

template <class Wanted>
std::string_view strip_where(std::string_view text, Side side, Wanted wanted) {
  std::size_t begin = 0;
  while (side != Side::right && begin < text.size()) {
    std::size_t at = begin;
    if (!wanted(next_point(text, at))) break;
    begin = at;
  }
  std::size_t end = text.size();
  while (side != Side::left && end > begin) {
    const std::size_t start = previous_point(text, end);
    std::size_t at = start;
    if (!wanted(next_point(text, at))) break;
    end = start;
  }
  return text.substr(begin, end - begin);
}

}  // namespace

char32_t next_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const unsigned first = byte(at);
  if (first < 0x80) return ++at, first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  char32_t point = first & (0x3FU >> more);
  for (int i = 1; i <= more; ++i) point = point << 6 | (byte(at + static_cast<std::size_t>(i)) & 0x3FU);
  at = std::min(text.size(), at + static_cast<std::size_t>(more) + 1);
  return point;
}

void append_point(std::string& out, char32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      out += static_cast<char>(0xE0 | point >> 12);
    } else {
      out += static_cast<char>(0xF0 | point >> 18);
      out += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    }
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
  }
  out += static_cast<char>(0x80 | (point & 0x3F));
}

bool valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
      ++at;
      continue;
    }
    if (first < 0xC2 || first > 0xF4) return false;
    const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (at + more >= text.size()) return false;
    for (std::size_t i = 1; i <= more; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return false;
    }
    const char32_t point = next_point(text, at);
    if ((more == 2 && point < 0x800) || (more == 3 && (point < 0x10000 || point > 0x10FFFF))) return false;
    if (point >= 0xD800 && point < 0xE000) return false;
  }
  return true;
}

std::size_t count_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t offset_of_point(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  while (index-- > 0 && at < text.size()) next_point(text, at);
  return at;
}

bool is_white_space(char32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

std::string upper_case(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) append_upper(out, next_point(text, at));
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) append_lower(out, next_point(text, at));
  return out;
}

std::string capitalized(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  if (!text.empty()) append_title(out, next_point(text, at));
  return out + lower_case(text.substr(at));
}

std::string title_case(std::string_view text) {
  std::string out;
  bool inside = false;  // of a word
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    if (inside) {
      append_lower(out, point);
    } else {
      append_title(out, point);
    }
    inside = is_cased(point);
  }
  return out;
}

std::string swapped_case(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    if (is_upper_case(point)) {
      append_lower(out, point);
    } else {
      append_upper(out, point);
    }
  }
  return out;
}

std::string_view stripped(std::string_view text, Side side) { return strip_where(text, side, is_white_space); }

std::string_view stripped(std::string_view text, Side side, std::string_view any_of) {
  std::u32string set;
  for (std::size_t at = 0; at < any_of.size();) set += next_point(any_of, at);
  return strip_where(text, side, [&](char32_t point) { return set.find(point) != std::u32string::npos; });
}

std::vector<std::string_view> split_words(std::string_view text, std::int64_t most, bool from_right) {
  std::vector<std::string_view> out;
  const Side edge = from_right ? Side::right : Side::left;
  text = stripped(text, edge);
  while (!text.empty()) {
    if (most >= 0 && static_cast<std::int64_t>(out.size()) == most) {
      out.push_back(text);  // the rest keeps its outer space
      break;
    }
    std::size_t cut = from_right ? text.size() : 0;
    if (from_right) {
      while (cut > 0) {
        const std::size_t start = previous_point(text, cut);
        std::size_t at = start;
        if (is_white_space(next_point(text, at))) break;
        cut = start;
      }
      out.push_back(text.substr(cut));
      text = stripped(text.substr(0, cut), edge);
    } else {
      while (cut < text.size()) {
        std::size_t at = cut;
        if (is_white_space(next_point(text, at))) break;
        cut = at;
      }
      out.push_back(text.substr(0, cut));
      text = stripped(text.substr(cut), edge);
    }
  }
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string_view> split_by(std::string_view text, std::string_view mark, std::int64_t most,
                                       bool from_right) {
  std::vector<std::string_view> out;
  while (most < 0 || static_cast<std::int64_t>(out.size()) < most) {
    const std::size_t found = from_right ? text.rfind(mark) : text.find(mark);
    if (found == std::string_view::npos) break;
    if (from_right) {
      out.push_back(text.substr(found + mark.size()));
      text = text.substr(0, found);
    } else {
      out.push_back(text.substr(0, found));
      text = text.substr(found + mark.size());
    }
  }
  out.push_back(text);
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t before = at;
    const char32_t point = next_point(text, at);
    const bool ends = (point >= 0x0A && point <= 0x0D) || (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
                      point == 0x2028 || point == 0x2029;
    if (!ends) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    out.push_back(text.substr(start, (keep_ends ? at : before) - start));
    start = at;
  }
  if (start < text.size()) out.push_back(text.substr(start));
  return out;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to, std::int64_t most) {
  std::string out;
  std::size_t at = 0;
  if (from.empty()) {
    for (; most != 0 && at < text.size(); --most) {
      const std::size_t start = at;
      next_point(text, at);
      out += to;
      out += text.substr(start, at - start);
    }
    if (most != 0 && at == text.size()) out += to;
    return out += text.substr(at);
  }
  for (; most != 0; --most) {
    const std::size_t found = text.find(from, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
  }
  return out += text.substr(at);
}

}  // namespace tollgate::local::jinja
