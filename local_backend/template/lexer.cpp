#include "local_backend/template/lexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "local_backend/template/unicode_text.h"
#include "local_backend/template/value.h"

namespace tollgate::local::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0; }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }

std::string with_plain_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();  // the last newline of a template is no part of it
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(with_plain_newlines(source)) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) read_data();
    add(Token::Kind::end);
    return std::move(tokens_);
  }

 private:
  // Everything up to the next tag, and the tag.
  void read_data() {
    const std::size_t open = next_tag(at_);
    if (open == std::string::npos) {
      add(Token::Kind::data, text_.substr(at_));
      at_ = text_.size();
      return;
    }
    const char type = text_[open + 1];
    std::size_t inside = open + 2;
    const char sign = inside < text_.size() && (text_[inside] == '-' || text_[inside] == '+') ? text_[inside] : ' ';
    if (sign != ' ') ++inside;
    add_data(text_.substr(at_, open - at_), sign, type != '{');
    move_to(open);
    if (type == '#') return skip_comment(inside);
    if (type == '%' && read_raw(inside)) return;
    add(type == '%' ? Token::Kind::block_begin : Token::Kind::variable_begin);
    move_to(inside);
    read_code(type == '%');
  }

  std::size_t next_tag(std::size_t from) const {
    for (std::size_t at = text_.find('{', from); at != std::string::npos; at = text_.find('{', at + 1)) {
      if (at + 1 < text_.size() && (text_[at + 1] == '{' || text_[at + 1] == '%' || text_[at + 1] == '#')) return at;
    }
    return std::string::npos;
  }

  // `sign` is that of the tag which follows.
  void add_data(std::string data, char sign, bool is_block) {
    if (sign == '-') {
      data = stripped(data, Side::right);
    } else if (sign != '+' && is_block) {
      const std::size_t line = data.rfind('\n') + 1;  // npos + 1 is the start
      const bool own_line = line > 0 || line_starts_;
      if (own_line && stripped(std::string_view(data).substr(line), Side::both).empty()) data.resize(line);
    }
    add(Token::Kind::data, std::move(data));
  }

  void add(Token::Kind kind, std::string text = {}) {
    if (kind == Token::Kind::data && text.empty()) return;
    Token token;
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    tokens_.push_back(std::move(token));
  }

  void move_to(std::size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    if (to > at_) line_starts_ = text_[to - 1] == '\n';
    at_ = to;
  }

  // Behind a tag's end at `to`: `-` takes all white space, a block or a comment one newline unless `+` forbids it.
  void end_tag(std::size_t to, char sign, bool trims) {
    if (sign == '-') {
      const std::string_view rest = std::string_view(text_).substr(to);
      to += rest.size() - stripped(rest, Side::left).size();
    } else if (trims && sign != '+' && to < text_.size() && text_[to] == '\n') {
      ++to;
    }
    move_to(to);
  }

  void skip_comment(std::size_t from) {
    const std::size_t close = text_.find("#}", from);
    if (close == std::string::npos) fail("Missing end of comment tag", line_);
    const char sign = close > from ? text_[close - 1] : ' ';
    end_tag(close + 2, sign, true);
  }

  // `{% raw %}`, its text and its end. False if it is another tag.
  bool read_raw(std::size_t from) {
    const std::string_view text = text_;
    const auto skip_space = [&](std::size_t at) {
      return text.size() - stripped(text.substr(std::min(at, text.size())), Side::left).size();
    };
    std::size_t at = skip_space(from);
    if (text.substr(at, 3) != "raw") return false;
    at = skip_space(at + 3);
    const char begin_sign = text.substr(at, 1) == "-" ? '-' : ' ';
    if (begin_sign == '-') ++at;
    if (text.substr(at, 2) != "%}") return false;
    end_tag(at + 2, begin_sign, false);
    for (std::size_t open = text.find("{%", at_); open != std::string_view::npos; open = text.find("{%", open + 1)) {
      std::size_t inside = open + 2;
      const char sign = text.substr(inside, 1) == "-" ? '-' : text.substr(inside, 1) == "+" ? '+' : ' ';
      if (sign != ' ') ++inside;
      inside = skip_space(inside);
      if (text.substr(inside, 6) != "endraw") continue;
      inside = skip_space(inside + 6);
      const char end_sign = text.substr(inside, 1) == "-" ? '-' : text.substr(inside, 1) == "+" ? '+' : ' ';
      if (end_sign != ' ') ++inside;
      if (text.substr(inside, 2) != "%}") continue;
      add_data(text_.substr(at_, open - at_), sign, true);
      end_tag(inside + 2, end_sign, true);
      return true;
    }
    fail("Missing end of raw directive", line_);
  }

  // The tokens of one tag and its end.
  void read_code(bool block) {
    const std::string_view end = block ? "%}" : "}}";
    std::string open;
    for (;;) {
      const std::string_view rest = std::string_view(text_).substr(at_);
      move_to(at_ + rest.size() - stripped(rest, Side::left).size());
      if (at_ >= text_.size()) fail("unexpected end of template: a tag is not closed", line_);
      const std::string_view code = std::string_view(text_).substr(at_);
      if (open.empty()) {
        const char sign = code[0] == '-' || (code[0] == '+' && block) ? code[0] : ' ';
        if (code.substr(sign == ' ' ? 0 : 1).starts_with(end)) {
          add(block ? Token::Kind::block_end : Token::Kind::variable_end);
          end_tag(at_ + end.size() + (sign == ' ' ? 0 : 1), sign, block);
          return;
        }
      }
      read_token(code, open);
    }
  }

  void read_token(std::string_view code, std::string& open) {
    const char c = code[0];
    if (is_digit(c)) return read_number(code);
    if (starts_name(c)) {
      std::size_t size = 1;
      while (size < code.size() && continues_name(code[size])) ++size;
      const std::string_view name = code.substr(0, size);
      for (std::size_t i = 0; i < name.size();) {
        const char32_t point = next_point(name, i);
        if (point >= 0x80 && !is_alphabetic(point) && !is_decimal(point)) fail("invalid character in a name", line_);
      }
      add(Token::Kind::name, std::string(name));
      return move_to(at_ + size);
    }
    if (c == '\'' || c == '"') return read_text(code);
    static constexpr std::string_view kSigns[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                  "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                  ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    const auto* sign = std::find_if(std::begin(kSigns), std::end(kSigns),
                                    [&](std::string_view each) { return code.starts_with(each); });
    if (sign == std::end(kSigns)) fail("unexpected char " + std::string(code.substr(0, 1)), line_);
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty()) fail(std::string("unexpected '") + c + "'", line_);
      if (open.back() != c) fail(std::string("unexpected '") + c + "', expected '" + open.back() + "'", line_);
      open.pop_back();
    }
    add(Token::Kind::sign, std::string(*sign));
    move_to(at_ + sign->size());
  }

  void read_number(std::string_view code);
  void read_text(std::string_view code);
  void append_escape(std::string& out, std::string_view code, std::size_t& i) const;

  std::string text_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starts_ = true;
  std::vector<Token> tokens_;
};

// Digits with single underscores between them; how many bytes.
std::size_t digits_at(std::string_view code, std::size_t from) {
  std::size_t at = from;
  while (at < code.size() && (is_digit(code[at]) || (code[at] == '_' && at > from && at + 1 < code.size() &&
                                                     is_digit(code[at - 1]) && is_digit(code[at + 1])))) {
    ++at;
  }
  return at - from;
}

void Lexer::read_number(std::string_view code) {
  static constexpr std::string_view kBases = "xXoObB";
  int base = 10;
  std::size_t size = digits_at(code, 0);
  bool real = false;
  std::string digits;
  if (code[0] == '0' && code.size() > 2 && kBases.find(code[1]) != std::string_view::npos) {
    base = (code[1] | 0x20) == 'x' ? 16 : (code[1] | 0x20) == 'o' ? 8 : 2;
    size = 2;
    while (size < code.size() && (continues_name(code[size]) && (code[size] & 0x80) == 0)) ++size;
    digits = code.substr(2, size - 2);
  } else {
    const bool behind_dot = !tokens_.empty() && tokens_.back().kind == Token::Kind::sign && tokens_.back().text == ".";
    if (!behind_dot && size < code.size() && code[size] == '.' && size + 1 < code.size() && is_digit(code[size + 1])) {
      real = true;
      size += 1 + digits_at(code, size + 1);
    }
    if (size < code.size() && (code[size] | 0x20) == 'e') {
      const std::size_t sign = size + 1 < code.size() && (code[size + 1] == '+' || code[size + 1] == '-') ? 1 : 0;
      const std::size_t power = digits_at(code, size + 1 + sign);
      if (power > 0) real = true, size += 1 + sign + power;
    }
    digits = code.substr(0, size);
  }
  std::erase(digits, '_');
  if (!real && base == 10 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos) {
    fail("unusable number: it begins with 0", line_);
  }
  add(real ? Token::Kind::real : Token::Kind::integer, digits);
  Token& token = tokens_.back();
  const char* const end = digits.data() + digits.size();
  const auto result =
      real ? std::from_chars(digits.data(), end, token.real) : std::from_chars(digits.data(), end, token.integer, base);
  const bool overflows = result.ec == std::errc::result_out_of_range;
  if (result.ptr != end || (result.ec != std::errc() && !(overflows && real))) fail("unusable number", line_);
  if (overflows) token.real = digits.find("e-") == std::string::npos ? HUGE_VAL : 0.0;
  move_to(at_ + size);
}

void Lexer::append_escape(std::string& out, std::string_view code, std::size_t& i) const {
  const char c = code[i++];
  static constexpr std::string_view kFrom = "nrtabfv\\'\"";
  static constexpr std::string_view kTo = "\n\r\t\a\b\f\v\\'\"";
  if (const std::size_t simple = kFrom.find(c); simple != std::string_view::npos) {
    out += kTo[simple];
  } else if (c == '\n') {
    return;
  } else if (c >= '0' && c <= '7') {
    char32_t point = 0;
    --i;
    for (int n = 0; n < 3 && i < code.size() && code[i] >= '0' && code[i] <= '7'; ++n) {
      point = point * 8 + static_cast<char32_t>(code[i++] - '0');
    }
    append_point(out, point);
  } else if (c == 'x' || c == 'u' || c == 'U') {
    const std::size_t size = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    unsigned point = 0;
    const std::string_view digits = code.substr(i, size);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), point, 16);
    const bool whole = digits.size() == size && read.ptr == digits.data() + size && read.ec == std::errc();
    if (!whole || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) fail("unusable escape in a string", line_);
    append_point(out, point);
    i += size;
  } else if (c == 'N') {
    fail("names of characters in strings are not supported", line_);
  } else {
    out += '\\';
    out += c;
  }
}

void Lexer::read_text(std::string_view code) {
  const char quote = code[0];
  std::string out;
  std::size_t i = 1;
  while (i < code.size() && code[i] != quote) {
    if (code[i] == '\\' && i + 1 < code.size()) {
      append_escape(out, code, ++i);
    } else {
      out += code[i++];
    }
  }
  if (i >= code.size()) fail("a string is not closed", line_);
  add(Token::Kind::text, std::move(out));
  move_to(at_ + i + 1);
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (!valid_utf8(source)) fail("the template is not UTF-8", 1);
  return Lexer(source).run();
}

}  // namespace tollgate::local::jinja
