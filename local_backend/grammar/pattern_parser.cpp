// From the text of a pattern to its automaton: the ECMA subset that structured_output.md lists. Pure functions.
#include <algorithm>

#include "local_backend/grammar/pattern.h"

namespace tollgate::local {
namespace {

using Kind = PatternNode::Kind;
using NodePtr = std::unique_ptr<PatternNode>;

constexpr int kMaxNesting = 64;
constexpr std::uint32_t kMaxRepeat = 5000;

const std::vector<CodeRange> kDigits = {{'0', '9'}};
const std::vector<CodeRange> kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
// ECMA-262 WhiteSpace and LineTerminator.
const std::vector<CodeRange> kSpace = {{9, 13},          {32, 32},         {0xA0, 0xA0},     {0x1680, 0x1680},
                                       {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                                       {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const std::vector<CodeRange> kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

NodePtr make(Kind kind) {
  auto node = std::make_unique<PatternNode>();
  node->kind = kind;
  return node;
}

NodePtr make_set(std::vector<CodeRange> ranges) {
  NodePtr node = make(Kind::set);
  node->ranges = tidy_ranges(std::move(ranges));
  return node;
}

class Parser {
 public:
  explicit Parser(std::u32string text) : text_(std::move(text)) {}
  std::string problem;  // set once; parsing goes on to nowhere then

  NodePtr parse_all() {
    NodePtr node = choice(0);
    if (problem.empty() && at_ < text_.size()) fail("unmatched )");
    return node;
  }

 private:
  void fail(std::string why) {
    if (problem.empty()) problem = std::move(why);
    at_ = text_.size();
  }
  bool more() const { return at_ < text_.size(); }
  char32_t peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool take(char32_t code) { return more() && text_[at_] == code && ++at_ > 0; }
  bool take_text(std::u32string_view text) {
    if (std::u32string_view(text_).substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  NodePtr choice(int depth) {
    if (depth > kMaxNesting) return fail("groups nested too deep"), make(Kind::choice);
    NodePtr node = make(Kind::choice);
    do node->parts.push_back(sequence(depth));
    while (take('|'));
    if (node->parts.size() == 1) return std::move(node->parts[0]);
    return node;
  }

  NodePtr sequence(int depth) {
    NodePtr node = make(Kind::sequence);
    while (more() && peek() != '|' && peek() != ')') {
      NodePtr part = atom(depth);
      if (!problem.empty()) break;
      node->parts.push_back(repeated(std::move(part)));
    }
    return node;
  }

  NodePtr atom(int depth) {
    const char32_t code = text_[at_++];
    switch (code) {
      case '^':
        return make(Kind::begin);
      case '$':
        return make(Kind::end);
      case '.':
        return make_set(other_codes(kLineEnds));
      case '(':
        return group(depth);
      case '[':
        return char_class();
      case '\\':
        return escape();
      case '*':
      case '+':
      case '?':
        return fail("nothing to repeat"), make(Kind::sequence);
      default:
        return make_set({{code, code}});
    }
  }

  NodePtr group(int depth) {
    NodePtr look;
    if (take_text(U"?:")) {
    } else if (take_text(U"?=")) {
      look = make(Kind::look);
    } else if (take_text(U"?!")) {
      look = make(Kind::look);
      look->negative = true;
    } else if (take_text(U"?<=") || take_text(U"?<!")) {
      return fail("lookbehind is not supported"), make(Kind::sequence);
    } else if (take_text(U"?<")) {
      while (more() && !take('>')) ++at_;
    } else if (peek() == '?') {
      return fail("inline flags are not supported"), make(Kind::sequence);
    }
    NodePtr inner = choice(depth + 1);
    if (!take(')')) fail("unmatched (");
    if (look == nullptr) return inner;
    look->parts.push_back(std::move(inner));
    return look;
  }

  // {n}, {n,}, {n,m}; anything else that begins with a brace is plain text.
  bool bounds(std::uint32_t& least, std::uint32_t& most) {
    const std::size_t begin = at_;
    const auto number = [&](std::uint32_t& out) {
      const std::size_t from = at_;
      for (out = 0; peek() >= '0' && peek() <= '9' && at_ - from < 7; ++at_) out = out * 10 + (peek() - '0');
      return at_ > from;
    };
    if (take('{') && number(least)) {
      most = least;
      if (take(',') && !number(most)) most = kNoBound;
      if (take('}')) return true;
    }
    at_ = begin;
    return false;
  }

  NodePtr repeated(NodePtr part) {
    while (more()) {
      std::uint32_t least = 0, most = kNoBound;
      if (take('+')) {
        least = 1;
      } else if (take('?')) {
        most = 1;
      } else if (!take('*') && !bounds(least, most)) {
        return part;
      }
      take('?');  // lazy: the same texts
      const Kind kind = part->kind;
      if (kind == Kind::begin || kind == Kind::end || kind == Kind::look)
        return fail("a repeated assertion"), std::move(part);
      if (least > kMaxRepeat || (most != kNoBound && most > kMaxRepeat))
        return fail("a repeat count too high"), std::move(part);
      if (least > most) return fail("repeat counts out of order"), std::move(part);
      NodePtr node = make(Kind::repeat);
      node->least = least;
      node->most = most;
      node->parts.push_back(std::move(part));
      part = std::move(node);
    }
    return part;
  }

  char32_t hex(std::size_t digits) {
    char32_t value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char32_t c = peek();
      const bool digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'f';
      if (!digit && !letter) return fail("a wrong hexadecimal escape"), 0;
      value = value * 16 + (digit ? c - '0' : (c | 32) - 'a' + 10);
      ++at_;
    }
    return value;
  }

  char32_t unicode_escape() {
    if (take('{')) {
      std::size_t digits = 0;
      while (peek(digits) != '}' && digits < 7 && at_ + digits < text_.size()) ++digits;
      const char32_t value = digits == 0 ? kLastCode + 1 : hex(digits);
      if (!take('}') || value > kLastCode) fail("a wrong \\u{} escape");
      return value;
    }
    const char32_t high = hex(4);
    if (high < 0xD800 || high > 0xDBFF || peek() != '\\' || peek(1) != 'u') return high;
    at_ += 2;
    const char32_t low = hex(4);
    if (low < 0xDC00 || low > 0xDFFF) fail("an unpaired surrogate");
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  }

  // Behind a backslash. A class escape fills `ranges`; else the one code is given.
  char32_t escaped_code(std::vector<CodeRange>& ranges, bool in_class) {
    if (!more()) return fail("a \\ at the end"), 0;
    const char32_t code = text_[at_++];
    switch (code) {
      case 'd':
        return ranges = kDigits, 0;
      case 'D':
        return ranges = other_codes(kDigits), 0;
      case 'w':
        return ranges = kWord, 0;
      case 'W':
        return ranges = other_codes(kWord), 0;
      case 's':
        return ranges = kSpace, 0;
      case 'S':
        return ranges = other_codes(kSpace), 0;
      case 't':
        return '\t';
      case 'n':
        return '\n';
      case 'v':
        return '\v';
      case 'f':
        return '\f';
      case 'r':
        return '\r';
      case 'x':
        return hex(2);
      case 'u':
        return unicode_escape();
      case 'c':
        return more() ? text_[at_++] % 32 : (fail("a wrong \\c escape"), 0);
      case 'p':
      case 'P':
        return fail("\\p (Unicode properties) is not supported"), 0;
      case 'k':
        return fail("\\k (back references) is not supported"), 0;
      case 'b':
        if (in_class) return '\b';
        [[fallthrough]];
      case 'B':
        return fail("\\b and \\B (word boundaries) are not supported"), 0;
      case '0':
        if (peek() >= '0' && peek() <= '9') return fail("octal escapes are not supported"), 0;
        return 0;
      default:
        break;
    }
    if (code >= '1' && code <= '9') return fail("back references are not supported"), 0;
    if ((code | 32) >= 'a' && (code | 32) <= 'z') return fail("an unknown escape"), 0;
    return code;
  }

  NodePtr escape() {
    std::vector<CodeRange> ranges;
    const char32_t code = escaped_code(ranges, false);
    return ranges.empty() ? make_set({{code, code}}) : make_set(std::move(ranges));
  }

  NodePtr char_class() {
    const bool negated = take('^');
    std::vector<CodeRange> all;
    while (problem.empty() && !take(']')) {
      if (!more()) return fail("unmatched ["), make(Kind::sequence);
      std::vector<CodeRange> ranges, to_ranges;
      const char32_t from = text_[at_++];
      const char32_t low = from == '\\' ? escaped_code(ranges, true) : from;
      if (!ranges.empty()) {
        all.insert(all.end(), ranges.begin(), ranges.end());
      } else if (peek() == '-' && at_ + 1 < text_.size() && peek(1) != ']') {
        ++at_;
        const char32_t to = text_[at_++];
        const char32_t high = to == '\\' ? escaped_code(to_ranges, true) : to;
        if (!to_ranges.empty()) {
          all.insert(all.end(), to_ranges.begin(), to_ranges.end());
          all.insert(all.end(), {{low, low}, {'-', '-'}});
        } else if (high < low) {
          fail("a class range out of order");
        } else {
          all.emplace_back(low, high);
        }
      } else {
        all.emplace_back(low, low);
      }
    }
    all = tidy_ranges(std::move(all));
    return make_set(negated ? other_codes(all) : all);
  }

  std::u32string text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<CodeRange> tidy_ranges(std::vector<CodeRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<CodeRange> out;
  for (const CodeRange& range : ranges) {
    if (!out.empty() && range.first <= out.back().second + 1) {
      out.back().second = std::max(out.back().second, range.second);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

std::vector<CodeRange> other_codes(const std::vector<CodeRange>& tidy) {
  std::vector<CodeRange> out;
  char32_t from = 0;
  for (const auto& [first, last] : tidy) {
    if (first > from) out.emplace_back(from, first - 1);
    from = last + 1;
  }
  if (from <= kLastCode) out.emplace_back(from, kLastCode);
  return out;
}

Result<NodePtr> parse_pattern(std::string_view pattern) {
  std::u32string codes;
  for (std::size_t at = 0; at < pattern.size();) {
    const auto code = next_code(pattern, at);
    if (!code) return Error{ErrorKind::client_fault, 400, "unsupported_schema", "a pattern that is no UTF-8"};
    codes += *code;
  }
  Parser parser(std::move(codes));
  NodePtr node = parser.parse_all();
  if (parser.problem.empty()) return node;
  return Error{ErrorKind::client_fault, 400, "unsupported_schema", "the pattern has " + parser.problem};
}

}  // namespace tollgate::local
