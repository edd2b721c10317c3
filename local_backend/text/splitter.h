// Pre-tokenizers: how the BPE families cut a text into words before they merge within each. One or more expressions,
// written by hand as matchers; each cuts the pieces that the ones before it left, and what no match covers stays as a
// piece. Families and names: docs/formats/tokenizers.md. Thread rule: constants and pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "local_backend/text/matchers.h"

namespace tollgate::local {

struct PreTokenizer {
  std::string_view name;  // as in tokenizer.ggml.pre
  std::span<const Matcher> stages;
  bool ignores_merges = false;  // a word that is a token is taken whole, whatever the merges say
  bool adds_bos = false;        // where the file does not say
};

// nullptr for a name that is not known.
const PreTokenizer* find_pre_tokenizer(std::string_view name);

// The ends of the pieces of `text`, ascending, the last one text.size(); empty for an empty text. Adds the characters
// looked at to `reads`: a small multiple of the text's length.
std::vector<std::size_t> split(std::string_view text, std::span<const Matcher> stages, std::size_t& reads);

// One function per expression. gpt-2 and its children (match_words.cpp):
Match match_gpt2(const Characters& text, std::size_t position);
Match match_llama3(const Characters& text, std::size_t position);       // numbers in threes
Match match_qwen2(const Characters& text, std::size_t position);        // single digits
Match match_qwen35(const Characters& text, std::size_t position);       // marks belong to words
Match match_deepseek_v3(const Characters& text, std::size_t position);  // its third expression
// Words told apart by case (match_cased.cpp):
Match match_gpt4o(const Characters& text, std::size_t position);
Match match_tekken(const Characters& text, std::size_t position);
// Runs of one kind (match_runs.cpp):
Match match_number(const Characters& text, std::size_t position);           // \p{N}
Match match_numbers(const Characters& text, std::size_t position);          // \p{N}+
Match match_three_numbers(const Characters& text, std::size_t position);    // \p{N}{1,3}
Match match_three_digits(const Characters& text, std::size_t position);     // [0-9][0-9][0-9]
Match match_line_end(const Characters& text, std::size_t position);         // [\r\n]
Match match_trailing_spaces(const Characters& text, std::size_t position);  // \s+$
Match match_letters(const Characters& text, std::size_t position);          // \s?\p{L}+
Match match_punctuation(const Characters& text, std::size_t position);      // \s?\p{P}+
Match match_signs(const Characters& text, std::size_t position);            // [\p{P}$+<=>^~|]+
Match match_signs_and_grave(const Characters& text, std::size_t position);  // the same with the grave accent
Match match_cjk(const Characters& text, std::size_t position);              // deepseek's Chinese and Hangul
Match match_cjk_kana(const Characters& text, std::size_t position);         // deepseek-v3's Chinese and Japanese
Match match_deepseek_letters(const Characters& text, std::size_t position);
Match match_deepseek_punctuation(const Characters& text, std::size_t position);
Match match_bloom(const Characters& text, std::size_t position);  // a blank and what is no separator

}  // namespace tollgate::local
