// A small vocabulary with the shapes that matter: every byte, pieces of JSON across quotes, cut characters and escapes.
#pragma once

#include <string>
#include <vector>

#include "local_backend/grammar/grammar.h"

namespace tollgate::local {

inline constexpr const char* kPieces[] = {"\":",
                                          "\": ",
                                          "\":\"",
                                          "\": \"",
                                          "\",\"",
                                          "\", \"",
                                          "\"}",
                                          "\"]",
                                          "\"},{\"",
                                          "\"}}",
                                          "{\"",
                                          "{ \"",
                                          "[\"",
                                          "[{\"",
                                          "[[",
                                          "]]",
                                          "}}",
                                          "}]",
                                          "},",
                                          "],",
                                          "{}",
                                          "[]",
                                          ": ",
                                          ",\n",
                                          "{\n",
                                          "\n  ",
                                          "  ",
                                          "    ",
                                          "\n}",
                                          "\n]",
                                          "true",
                                          "false",
                                          "null",
                                          "tr",
                                          "ue",
                                          "true,",
                                          "null}",
                                          "10",
                                          "00",
                                          "123",
                                          "0.5",
                                          ".5",
                                          "-1",
                                          "e5",
                                          "1e",
                                          ",1",
                                          "12]",
                                          "7}",
                                          "\\n",
                                          "\\u",
                                          "\\u00",
                                          "\\u00e9",
                                          "\\ud83d\\ude00",
                                          "\\ud83d",
                                          "\\\"",
                                          "\\\\",
                                          "caf\xC3\xA9",
                                          "\xC3",
                                          "\xA9\"",
                                          "\xE4\xB8",
                                          "\xAD\xE6\x96\x87",
                                          "\xF0\x9F\x98\x80",
                                          "\xF0\x9F",
                                          "name",
                                          "na",
                                          "me\":",
                                          "\"name",
                                          "\"name\":",
                                          "id\":",
                                          "type",
                                          "value\": ",
                                          "items\":[",
                                          "abc",
                                          "ab",
                                          "the",
                                          " the",
                                          " quick",
                                          "hello world",
                                          "a long run of words that is longer than most of all tokens are",
                                          "2024",
                                          "-01",
                                          "01-",
                                          "T12:",
                                          "@",
                                          ".com",
                                          "www.",
                                          "http",
                                          "://",
                                          "urn:",
                                          "A1",
                                          "b2",
                                          "color\":\"",
                                          "red",
                                          "green\""};

inline std::vector<std::string> small_vocabulary() {
  std::vector<std::string> out;
  for (int byte = 0; byte < 256; ++byte) out.emplace_back(1, static_cast<char>(byte));
  for (const char* piece : kPieces) out.emplace_back(piece);
  out.emplace_back();          // a control token
  out.emplace_back("</end>");  // the last one: ends the text
  return out;
}

inline std::shared_ptr<const TokenTrie> small_trie() {
  static const auto trie = [] {
    std::vector<std::string> all = small_vocabulary();
    const Token end = static_cast<Token>(all.size()) - 1;
    return TokenTrie::build(std::move(all), std::vector<Token>{end});
  }();
  return trie;
}

inline bool has(std::span<const std::uint32_t> mask, Token token) {
  return mask[static_cast<std::size_t>(token) / 32] >> (static_cast<std::uint32_t>(token) % 32) & 1u;
}

}  // namespace tollgate::local
