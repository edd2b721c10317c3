// What a schema is compiled to: a pushdown machine over bytes. Nodes say which values may stand somewhere, clauses how
// arrays and objects go on, lexemes are the automata of strings, numbers and member names.
// Thread rule: immutable once built, shared by all states of a grammar.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "local_backend/grammar/char_decoder.h"
#include "local_backend/grammar/text_set.h"

namespace tollgate::local {

inline constexpr std::uint32_t kNone = UINT32_MAX;

// The inside of a string: a text of `least` to `most` characters, which are counted, and of `texts`. Where `least` is
// above 0, every text that can still be ended can also be made longer by one character, so that it can be reached.
struct StringLexeme {
  TextSet texts;  // null: free
  std::shared_ptr<const CharDecoder> decoder;
  std::vector<bool> live;               // [state * decoder states + decoder state]: the text can still be ended
  std::vector<std::uint32_t> shortest;  // [state]: characters that the end needs at least
  std::uint32_t least = 0, most = kNone;

  // What a text needs behind state `q` with a character begun (`d`); kNone: it cannot be ended.
  std::uint32_t needs(std::uint32_t q, std::uint16_t d) const;
};

struct NumberLexeme {
  TextSet texts;
  std::array<std::uint16_t, 128> class_of{};
};

struct ValueNode {
  bool null = false, yes = false, no = false;
  std::uint32_t text = kNone, number = kNone;  // lexemes
  std::vector<std::uint32_t> arrays, objects;  // clauses
  std::uint32_t height = kNone;                // least levels of nesting that a value needs; kNone: there is no value
};

struct ArrayProgram {
  std::vector<std::uint32_t> prefix;  // nodes
  std::uint32_t rest = kNone;         // node
  std::uint64_t least = 0, most = UINT64_MAX;
  std::uint32_t height = kNone;
  std::vector<std::uint32_t>
      witnesses;              // nodes like the prefix and then the rest: one element must be of these; or empty
  std::uint64_t counted = 0;  // elements beyond this need no counting
  std::uint32_t witness_at(std::uint64_t index) const {
    return witnesses[std::min<std::uint64_t>(index, witnesses.size() - 1)];
  }
  std::uint32_t node_at(std::uint64_t index) const { return index < prefix.size() ? prefix[index] : rest; }
};

// Labels are what a member name can mean: one per listed name in the schema's order, then one per kind of other names.
struct ObjectProgram {
  TextSet keys;  // marks: label + 1
  std::shared_ptr<const CharDecoder> decoder;
  std::vector<std::vector<std::uint64_t>> reach;  // [state]: labels that can still come of a name
  bool open = false;                              // after every beginning of a name, some other name remains possible
  std::vector<std::uint32_t> nodes;               // [label]
  std::vector<std::uint32_t>
      witnesses;               // [label]: nodes, kNone where it cannot be; one member must be of these; or empty
  std::uint32_t listed = 0;    // labels below are listed names
  std::vector<bool> required;  // [listed label]
  std::uint64_t least = 0, most = UINT64_MAX;
  std::uint32_t height = kNone;
};

// Fixed text, and what comes behind it: a value if there is one, then one of `next` or the end. Where a program has
// entries, its texts are chains of these; see wrapped.h.
struct LiteralText {
  std::string text;
  std::uint32_t node = kNone;
  std::vector<std::uint32_t> next;
  bool may_end = false;
};

struct Program {
  std::uint64_t id = next_id();  // never used twice in a process
  std::vector<StringLexeme> strings;
  std::vector<NumberLexeme> numbers;
  std::vector<ValueNode> nodes;  // 0: the whole text
  std::vector<ArrayProgram> arrays;
  std::vector<ObjectProgram> objects;
  std::vector<LiteralText> literals;
  std::vector<std::uint32_t> entries;  // literals; none: the whole text is node 0
  std::uint32_t max_depth = 64;
  bool any_order = false;

  std::size_t bytes() const;
  static std::uint64_t next_id();
};

// The decoder of strings without a limit: one class.
const std::shared_ptr<const CharDecoder>& free_decoder();

}  // namespace tollgate::local
