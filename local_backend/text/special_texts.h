// The tokens that are cut out of a text before anything else sees it: control tokens where they may be spelled out, and
// user-defined ones always. Thread rule: immutable after filling.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

class SpecialTexts {
 public:
  struct Entry {
    std::string_view text;  // must outlive this; not empty
    Token token = 0;
    bool eats_spaces = false;  // white space after it belongs to it
  };
  // Of equal texts the lowest token stays.
  explicit SpecialTexts(std::vector<Entry> entries = {});

  struct Found {
    std::size_t begin = 0, end = 0;
    Token token = 0;
  };
  // The first occurrence at or after `from`; where several begin, the longest. Costs at most the longest text's length
  // per byte.
  std::optional<Found> next(std::string_view text, std::size_t from) const;

 private:
  const Entry* longest_at(std::string_view text, std::size_t at) const;

  std::vector<Entry> entries_;                 // ascending by text
  std::array<std::uint32_t, 257> first_of_{};  // where the entries of each first byte begin
};

}  // namespace tollgate::local
