#include "local_backend/grammar/mask_maker.h"

#include <algorithm>
#include <functional>

namespace tollgate::local {

std::string MaskMaker::key_of(const Positions& at) const {
  return std::to_string(matcher_.program().id) + ":" + matcher_.describe(at);
}

SharedMask MaskMaker::make(const Positions& at) {
  const std::string key = key_of(at);
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
  cache_.places.add(key, mask, 4 * mask->size());
  return mask;
}

// Places inside strings, without a walk over the whole vocabulary. False: not such a place.
bool MaskMaker::quick(const Position& at, Mask& mask) {
  if (at.mode == Mode::text) {
    const StringLexeme& lexeme = matcher_.program().strings[at.ref];
    if (lexeme.texts != nullptr) return limited_text(at, lexeme, mask), true;
    if (at.d == 0) return free_text(at, lexeme, mask), true;
  }
  if (at.mode == Mode::key) {
    const ObjectProgram& object = matcher_.program().objects[matcher_.frame(at.frame).clause];
    if (object.open && at.d == 0 && matcher_.takes_others(at.frame)) return open_name(at, object, mask), true;
    return limited_name(at, object, mask), true;
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

// Runs along the tokens as long as they stay inside. `step(state, byte)` gives the next place, or q == 0 for none;
// `put(state, node)` gets what was reached, `end(state, node)` the nodes behind closing quotes.
template <class Step, class Put, class End>
void MaskMaker::run_inside(const Inside& first, Step step, Put put, End end) const {
  const std::vector<TrieNode>& nodes = trie_.nodes();
  std::vector<Inside> states{first};
  for (std::uint32_t i = 0; i < nodes.size();) {
    const TrieNode& node = nodes[i];
    if (states.size() <= node.depth) states.resize(node.depth + 1u);
    const Inside from = states[node.depth - 1u];
    if (node.byte == '"' && from.d == 0) {
      end(from, i);
      i = node.skip;
      continue;
    }
    Inside next = step(from, node.byte);
    if (next.q == 0) {
      i = node.skip;
      continue;
    }
    next.chars = from.chars + (from.d == 0);
    states[node.depth] = next;
    put(next, node);
    ++i;
  }
}

void MaskMaker::keep_inside(const std::string& key, const std::shared_ptr<const InsideMask>& made) {
  const std::size_t bytes = 4 * made->tokens.size() + 8 * made->needed.size() + 12 * made->endings.size();
  cache_.insides.add(key, made, bytes);
}

// The tokens inside a limited string; `left`: only those that can still end within so many characters.
void MaskMaker::text_mask(const Position& at, const StringLexeme& lexeme, std::uint32_t left, InsideMask& out) const {
  const TextDfa& dfa = *lexeme.texts;
  const CharDecoder& decoder = *lexeme.decoder;
  const bool short_of = left != kNone, counts = lexeme.most != kNone && !short_of;
  run_inside(
      {at.q, at.d},
      [&](const Inside& from, unsigned char byte) {
        const std::uint16_t to = decoder.step(from.d, byte);
        Inside next{0, 0};
        if (to >= CharDecoder::kClass && to != CharDecoder::kDead) {
          next.q = dfa.next[from.q * dfa.classes + (to - CharDecoder::kClass)];
        } else if (to != CharDecoder::kDead && lexeme.live[from.q * decoder.states() + to]) {
          next = {from.q, to};
        }
        if (short_of && next.q != 0 && from.chars + (from.d == 0) + lexeme.needs(next.q, next.d) > left) next.q = 0;
        return next;
      },
      [&](const Inside& reached, const TrieNode& node) {
        add_tokens(node, out.tokens);
        if (!counts || node.first == node.last) return;
        const std::uint32_t needed = reached.chars + lexeme.needs(reached.q, reached.d);
        for (std::uint32_t t = node.first; t < node.last && needed > out.common; ++t)
          out.needed.emplace_back(needed, trie_.token(t));
      },
      [&](const Inside& from, std::uint32_t node) {
        if (dfa.mark[from.q] != 0) out.endings.push_back({node, from.chars, from.q});
      });
  std::sort(out.needed.begin(), out.needed.end(), std::greater<>());
}

std::shared_ptr<const InsideMask> MaskMaker::inside(const Position& at, const StringLexeme& lexeme) {
  constexpr std::uint32_t kCommon = 16;  // characters: few tokens have more
  Positions place{at};
  place[0].frame = place[0].count = 0;
  const std::uint32_t needs = lexeme.needs(at.q, at.d), left = lexeme.most == kNone ? kNone : lexeme.most - at.count;
  const bool short_of = left < needs + kCommon;
  std::string key = key_of(place);
  if (short_of) key += std::to_string(left);
  if (auto known = cache_.insides.find(key); known != nullptr) return known;
  auto made = std::make_shared<InsideMask>();
  made->tokens.resize((trie_.size() + 31) / 32);
  made->common = needs + kCommon;
  text_mask(at, lexeme, short_of ? left : kNone, *made);
  keep_inside(key, made);
  return made;
}

void MaskMaker::limited_text(const Position& at, const StringLexeme& lexeme, Mask& mask) {
  const auto known = inside(at, lexeme);
  const std::uint32_t left = lexeme.most == kNone ? kNone : lexeme.most - at.count;
  if (known->needed.empty() || known->needed.front().first <= left) {
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] |= known->tokens[i];
  } else {
    Mask fit = known->tokens;
    for (const auto& [needed, token] : known->needed) {
      if (needed <= left) break;
      clear_bit(fit, token);
    }
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] |= fit[i];
  }
  Positions ended;
  for (const InsideMask::Ending& ending : known->endings) {
    if (ending.chars > left || at.count + ending.chars < lexeme.least) continue;
    if (ended.empty()) matcher_.end_text(at, ended);
    go_on(ending.node, ended, mask);
  }
}

// Names whose beginning says what they can still become.
void MaskMaker::limited_name(const Position& at, const ObjectProgram& object, Mask& mask) {
  const std::vector<std::uint64_t>& labels = matcher_.labels(at.frame);
  std::string key = std::to_string(matcher_.program().id) + "n" + std::to_string(matcher_.frame(at.frame).clause) +
                    "," + std::to_string(at.q) + "," + std::to_string(at.d) + ":";
  for (const std::uint64_t word : labels) key += std::to_string(word) + ",";
  auto known = cache_.insides.find(key);
  if (known == nullptr) {
    const auto made = std::make_shared<InsideMask>();
    made->tokens.resize((trie_.size() + 31) / 32);
    name_mask(at, object, labels, *made);
    keep_inside(key, made);
    known = made;
  }
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] |= known->tokens[i];
  Positions ended;
  for (const InsideMask::Ending& ending : known->endings) {
    ended.clear();
    matcher_.end_key(at, ending.q, ended);
    go_on(ending.node, ended, mask);
  }
}

void MaskMaker::name_mask(const Position& at, const ObjectProgram& object, const std::vector<std::uint64_t>& labels,
                          InsideMask& out) const {
  const TextDfa& keys = *object.keys;
  const CharDecoder& decoder = *object.decoder;
  std::vector<bool> hopeful(keys.states());
  for (std::uint32_t q = 1; q < keys.states(); ++q)
    for (std::size_t word = 0; word < labels.size(); ++word)
      if ((object.reach[q][word] & labels[word]) != 0) hopeful[q] = true;
  const auto may_end = [&](std::uint32_t q) {
    const std::uint32_t mark = keys.mark[q];
    return mark != 0 && (labels[(mark - 1) / 64] >> ((mark - 1) % 64) & 1u) != 0;
  };
  run_inside(
      {at.q, at.d},
      [&](const Inside& from, unsigned char byte) {
        const std::uint16_t to = decoder.step(from.d, byte);
        if (to == CharDecoder::kDead) return Inside{0, 0};
        const std::uint32_t* row = &keys.next[from.q * keys.classes];
        if (to >= CharDecoder::kClass) {
          const std::uint32_t q = row[to - CharDecoder::kClass];
          return Inside{hopeful[q] ? q : 0, 0};
        }
        for (std::uint32_t c = 0; c < keys.classes; ++c)
          if (hopeful[row[c]] && decoder.may_become(to, c)) return Inside{from.q, to};
        return Inside{0, 0};
      },
      [&](const Inside&, const TrieNode& node) { add_tokens(node, out.tokens); },
      [&](const Inside& from, std::uint32_t node) {
        if (may_end(from.q)) out.endings.push_back({node, from.chars, from.q});
      });
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
