#include "local_backend/grammar/token_trie.h"

#include <algorithm>
#include <numeric>

#include "local_backend/grammar/program.h"

namespace tollgate::local {
namespace {

constexpr std::uint32_t kShort = 32;          // characters up to which masks are kept for each length
constexpr std::size_t kMaxTokenBytes = 1024;  // longer tokens are left out: no vocabulary has them

}  // namespace

std::shared_ptr<const TokenTrie> TokenTrie::build(std::vector<std::string> bytes, std::span<const Token> ends) {
  return std::make_shared<const VocabularyTrie>(std::move(bytes), ends);
}

VocabularyTrie::VocabularyTrie(std::vector<std::string> bytes, std::span<const Token> ends)
    : size_(bytes.size()), bytes_(std::move(bytes)) {
  for (const Token end : ends) {
    if (end < 0 || static_cast<std::size_t>(end) >= size_) continue;
    ends_.push_back(end);
    bytes_[static_cast<std::size_t>(end)].clear();  // ends the text; never a part of it
  }
  for (std::size_t i = 0; i < size_; ++i)
    if (!bytes_[i].empty() && bytes_[i].size() <= kMaxTokenBytes) order_.push_back(static_cast<Token>(i));
  std::sort(order_.begin(), order_.end(), [&](Token a, Token b) {
    const int order = this->bytes(a).compare(this->bytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  build_nodes();
  find_inside();
}

void VocabularyTrie::build_nodes() {
  std::vector<std::uint32_t> open;  // the path to the last token
  std::string_view last;
  for (std::uint32_t i = 0; i < order_.size(); ++i) {
    const std::string_view text = bytes(order_[i]);
    const auto fork = std::mismatch(last.begin(), last.end(), text.begin(), text.end()).second;
    const auto shared = static_cast<std::size_t>(fork - text.begin());
    for (; open.size() > shared; open.pop_back()) nodes_[open.back()].skip = static_cast<std::uint32_t>(nodes_.size());
    for (std::size_t at = shared; at < text.size(); ++at) {
      open.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({0, i, i, static_cast<std::uint16_t>(at + 1), static_cast<unsigned char>(text[at])});
    }
    nodes_[open.back()].last = i + 1;
    last = text;
  }
  for (const std::uint32_t node : open) nodes_[node].skip = static_cast<std::uint32_t>(nodes_.size());
}

std::string_view VocabularyTrie::path(std::uint32_t node) const {
  return bytes(order_[nodes_[node].first]).substr(0, nodes_[node].depth);
}

void VocabularyTrie::find_inside() {
  const CharDecoder& decoder = *free_decoder();
  std::vector<std::uint16_t> state(kMaxTokenBytes + 1);
  std::vector<std::uint32_t> chars(kMaxTokenBytes + 1);
  inside_upto_.assign(kShort + 2, Mask((size_ + 31) / 32));
  for (std::uint32_t i = 0; i < nodes_.size();) {
    const TrieNode& node = nodes_[i];
    const std::uint16_t from = state[node.depth - 1u];
    if (node.byte == '"' && from == 0) {
      endings_.push_back({i, chars[node.depth - 1u]});
      i = node.skip;
      continue;
    }
    const std::uint16_t to = decoder.step(from, node.byte);
    if (to == CharDecoder::kDead) {
      i = node.skip;
      continue;
    }
    state[node.depth] = to >= CharDecoder::kClass ? 0 : to;
    const std::uint32_t count = chars[node.depth] = chars[node.depth - 1u] + (from == 0);
    for (std::uint32_t t = node.first; t < node.last; ++t) {
      set_bit(inside_upto_.back(), order_[t]);
      for (std::uint32_t c = count; c <= kShort; ++c) set_bit(inside_upto_[c], order_[t]);
      if (count > kShort) longer_.emplace_back(count, order_[t]);
    }
    ++i;
  }
}

void VocabularyTrie::add_inside(std::uint64_t chars, Mask& mask) const {
  const bool all = longer_.empty() ? chars > kShort : chars >= kMaxTokenBytes;
  const Mask& inside = all ? inside_upto_.back() : inside_upto_[std::min<std::uint64_t>(chars, kShort)];
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] |= inside[i];
  if (all || chars <= kShort) return;
  for (const auto& [count, token] : longer_)
    if (count <= chars) set_bit(mask, token);
}

}  // namespace tollgate::local
