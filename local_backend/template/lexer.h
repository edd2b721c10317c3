// Cuts a template into text and tokens, with the white space control of trim_blocks and lstrip_blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::local::jinja {

struct Token {
  enum class Kind : unsigned char {
    data,  // text between the tags
    block_begin,
    block_end,
    variable_begin,
    variable_end,
    name,
    text,
    integer,
    real,
    sign,
    end,
  } kind = Kind::end;
  int line = 1;
  std::string text;  // data, name, the text itself, the sign
  std::int64_t integer = 0;
  double real = 0;
};

// Throws Fault on what Jinja would not accept.
std::vector<Token> tokenize(std::string_view source);

}  // namespace tollgate::local::jinja
