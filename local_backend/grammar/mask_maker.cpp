#include "local_backend/grammar/mask_maker.h"

#include <algorithm>

namespace tollgate::local {

SharedMask MaskMaker::make(const Positions& at) {
  const std::string key = std::to_string(trie_.id()) + ":" + matcher_.describe(at);
  if (SharedMask known = cache_.places.find(key); known != nullptr) return known;
  auto mask = std::make_shared<Mask>((trie_.size() + 31) / 32);
  Positions slow;
  bool ends = false;
  for (const Position& position : at) {
    ends = ends || matcher_.may_end(position);
    if (!quick(position, *mask)) slow.push_back(position);
  }
  if (!slow.empty()) walk(0, static_cast<std::uint32_t>(trie_.nodes().size()), slow, *mask);
  if (ends)
    for (const Token end : trie_.ends()) set_bit(*mask, end);
  cache_.places.add(key, mask);
  return mask;
}

// Places inside strings, without a walk over the whole vocabulary. False: not such a place.
bool MaskMaker::quick(const Position& at, Mask& mask) {
  if (at.mode == Mode::text) {
    const StringLexeme& lexeme = matcher_.program().strings[at.ref];
    if (lexeme.texts != nullptr) return limited_text(at, lexeme, mask), true;
    if (at.d == 0) return free_text(at, lexeme, mask), true;
  }
  if (at.mode == Mode::key && at.d == 0) {
    const ObjectProgram& object = matcher_.program().objects[matcher_.frame(at.frame).clause];
    if (object.open && matcher_.takes_others(at.frame)) return open_name(at, object, mask), true;
  }
  return false;
}

void MaskMaker::add_tokens(const TrieNode& node, Mask& mask) const {
  for (std::uint32_t t = node.first; t < node.last; ++t) set_bit(mask, trie_.token(t));
}

// All nodes of [first, last), whose parent is reached with the places `from`.
void MaskMaker::walk(std::uint32_t first, std::uint32_t last, const Positions& from, Mask& mask) {
  if (first == last) return;
  const std::vector<TrieNode>& nodes = trie_.nodes();
  const std::uint32_t base = nodes[first].depth - 1u;
  if (stack_.empty()) stack_.emplace_back();
  stack_[0] = from;
  for (std::uint32_t i = first; i < last;) {
    const TrieNode& node = nodes[i];
    const std::uint32_t level = node.depth - base;
    if (stack_.size() <= level) stack_.resize(level + 1);
    matcher_.step_all(stack_[level - 1], node.byte, stack_[level]);
    if (stack_[level].empty()) {
      i = node.skip;
      continue;
    }
    add_tokens(node, mask);
    ++i;
  }
}

// The tokens at and below a node that stands behind a closing quote.
void MaskMaker::go_on(std::uint32_t ending, const Positions& from, Mask& mask) {
  if (from.empty()) return;
  add_tokens(trie_.nodes()[ending], mask);
  walk(ending + 1, trie_.nodes()[ending].skip, from, mask);
}

void MaskMaker::free_text(const Position& at, const StringLexeme& lexeme, Mask& mask) {
  const std::uint64_t left = lexeme.most == kNone ? UINT64_MAX : lexeme.most - at.count;
  trie_.add_inside(left, mask);
  Positions ended;
  matcher_.end_text(at, ended);
  for (const Ending& ending : trie_.endings())
    if (ending.chars <= left && at.count + ending.chars >= lexeme.least) go_on(ending.node, ended, mask);
}

std::shared_ptr<const InsideMask> MaskMaker::inside(const Position& at, const StringLexeme& lexeme) {
  Positions place{at};
  place[0].frame = 0;
  const std::string key = std::to_string(trie_.id()) + ":" + matcher_.describe(place);
  if (auto known = cache_.insides.find(key); known != nullptr) return known;
  auto made = std::make_shared<InsideMask>();
  made->tokens.resize((trie_.size() + 31) / 32);
  struct State {
    std::uint32_t q;
    std::uint16_t d;
  };
  const TextDfa& dfa = *lexeme.texts;
  const std::vector<TrieNode>& nodes = trie_.nodes();
  std::vector<State> states{{at.q, at.d}};
  for (std::uint32_t i = 0; i < nodes.size();) {
    const TrieNode& node = nodes[i];
    if (states.size() <= node.depth) states.resize(node.depth + 1u);
    const State from = states[node.depth - 1u];
    if (node.byte == '"' && from.d == 0) {
      if (dfa.mark[from.q] != 0) made->endings.push_back(i);
      i = node.skip;
      continue;
    }
    const std::uint16_t to = lexeme.decoder->step(from.d, node.byte);
    State next{0, 0};
    if (to >= CharDecoder::kClass && to != CharDecoder::kDead) {
      next.q = dfa.next[from.q * dfa.classes + (to - CharDecoder::kClass)];
    } else if (to != CharDecoder::kDead && lexeme.live[from.q * lexeme.decoder->states() + to]) {
      next = {from.q, to};
    }
    if (next.q == 0) {
      i = node.skip;
      continue;
    }
    states[node.depth] = next;
    add_tokens(node, made->tokens);
    ++i;
  }
  cache_.insides.add(key, made);
  return made;
}

void MaskMaker::limited_text(const Position& at, const StringLexeme& lexeme, Mask& mask) {
  const auto known = inside(at, lexeme);
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] |= known->tokens[i];
  if (known->endings.empty()) return;
  Positions ended;
  matcher_.end_text(at, ended);
  for (const std::uint32_t ending : known->endings) go_on(ending, ended, mask);
}

void MaskMaker::open_name(const Position& at, const ObjectProgram& object, Mask& mask) {
  // Any beginning of a name can still become an unlisted one, so that only the endings depend on the name so far.
  trie_.add_inside(UINT64_MAX, mask);
  const TextDfa& keys = *object.keys;
  Positions ended;
  for (const Ending& ending : trie_.endings()) {
    std::string_view path = trie_.path(ending.node);
    path.remove_suffix(1);
    std::uint32_t q = at.q;
    std::uint16_t d = 0;
    for (const char c : path) {
      const std::uint16_t to = object.decoder->step(d, static_cast<unsigned char>(c));
      const bool whole = to >= CharDecoder::kClass;
      if (whole) q = keys.next[q * keys.classes + (to - CharDecoder::kClass)];
      d = whole ? 0 : to;
    }
    ended.clear();
    matcher_.end_key(at, q, ended);
    go_on(ending.node, ended, mask);
  }
}

}  // namespace tollgate::local
