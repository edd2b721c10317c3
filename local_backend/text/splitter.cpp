#include "local_backend/text/splitter.h"

#include <algorithm>
#include <array>

namespace tollgate::local {
namespace {

constexpr Matcher kGpt2[] = {match_gpt2};
constexpr Matcher kDigitsGpt2[] = {match_number, match_gpt2};
constexpr Matcher kLlama3[] = {match_llama3};
constexpr Matcher kQwen2[] = {match_qwen2};
constexpr Matcher kQwen35[] = {match_qwen35};
constexpr Matcher kGpt4o[] = {match_gpt4o};
constexpr Matcher kTekken[] = {match_tekken};
constexpr Matcher kFalcon[] = {match_signs_and_grave, match_gpt2, match_three_digits};
constexpr Matcher kDefault[] = {match_signs, match_gpt2, match_numbers, match_three_digits};
constexpr Matcher kDeepseekLlm[] = {
    match_line_end, match_deepseek_letters, match_deepseek_punctuation, match_trailing_spaces,
    match_cjk,      match_numbers};
constexpr Matcher kDeepseekCoder[] = {match_line_end, match_letters, match_punctuation, match_cjk, match_number};
constexpr Matcher kDeepseekV3[] = {match_three_numbers, match_cjk_kana, match_deepseek_v3};
constexpr Matcher kBloom[] = {match_bloom};
constexpr Matcher kViking[] = {match_bloom, match_number};

constexpr PreTokenizer kPreTokenizers[] = {
    {"default", kDefault},
    {"llama-bpe", kLlama3, true, true},
    {"llama3", kLlama3, true, true},
    {"llama-v3", kLlama3, true, true},
    {"falcon3", kLlama3, true, true},
    {"falcon-h1", kLlama3, true, true},
    {"pixtral", kLlama3, true, true},
    {"dbrx", kLlama3},
    {"smaug-bpe", kLlama3},
    {"chatglm-bpe", kLlama3},
    {"glm4", kLlama3},
    {"qwen2", kQwen2},
    {"deepseek-r1-qwen", kQwen2},
    {"megrez", kQwen2},
    {"stablelm2", kQwen2},
    {"qwen35", kQwen35},
    {"gpt-2", kGpt2},
    {"phi-2", kGpt2},
    {"jina-es", kGpt2},
    {"jina-de", kGpt2},
    {"jina-v1-en", kGpt2},
    {"jina-v2-es", kGpt2},
    {"jina-v2-de", kGpt2},
    {"jina-v2-code", kGpt2},
    {"gigachat", kGpt2},
    {"roberta-bpe", kGpt2},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"jais", kGpt2},
    {"starcoder", kDigitsGpt2},
    {"refact", kDigitsGpt2},
    {"command-r", kDigitsGpt2},
    {"smollm", kDigitsGpt2},
    {"codeshell", kDigitsGpt2},
    {"exaone", kDigitsGpt2},
    {"minerva-7b", kDigitsGpt2},
    {"falcon", kFalcon},
    {"deepseek-llm", kDeepseekLlm},
    {"deepseek-coder", kDeepseekCoder},
    {"deepseek-v3", kDeepseekV3},
    {"tekken", kTekken, true, true},
    {"gpt-4o", kGpt4o},
    {"llama4", kGpt4o},
    {"bloom", kBloom},
    {"poro-chat", kBloom},
    {"gpt3-finnish", kBloom},
    {"viking", kViking},
};

// Appends the ends of the pieces of `piece`, which begins at `offset` of the whole text.
void split_piece(std::string_view piece, std::size_t offset, Matcher matcher, std::vector<std::size_t>& ends,
                 std::size_t& reads) {
  const Characters text(piece);
  std::size_t position = 0;
  bool open = false;  // unmatched text waits for its end
  while (position < piece.size()) {
    const Match match = matcher(text, position);
    if (match.found) {
      if (open) ends.push_back(offset + position);
      ends.push_back(offset + match.end);
    }
    open = !match.found;
    position = match.end;
  }
  if (open) ends.push_back(offset + position);
  reads += text.reads();
}

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  const auto entry = std::find_if(std::begin(kPreTokenizers), std::end(kPreTokenizers),
                                  [&](const PreTokenizer& one) { return one.name == name; });
  return entry == std::end(kPreTokenizers) ? nullptr : &*entry;
}

std::vector<std::size_t> split(std::string_view text, std::span<const Matcher> stages, std::size_t& reads) {
  std::vector<std::size_t> ends, next;
  if (text.empty()) return ends;
  ends.push_back(text.size());
  for (const Matcher stage : stages) {
    next.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      split_piece(text.substr(begin, end - begin), begin, stage, next, reads);
      begin = end;
    }
    ends.swap(next);
  }
  return ends;
}

}  // namespace tollgate::local
