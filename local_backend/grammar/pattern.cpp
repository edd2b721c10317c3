#include "local_backend/grammar/pattern.h"

#include <algorithm>
#include <map>

#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

using Kind = PatternNode::Kind;

constexpr std::size_t kMaxNfaStates = 40000;
constexpr std::size_t kMaxWork = 20'000'000;  // visited automaton states over the whole construction

struct NfaState {
  enum class Kind : unsigned char { set, split, begin, end, accept } kind = Kind::split;
  std::uint32_t set = 0;
  std::uint32_t out[2] = {0, 0};  // 0: none
};

class Nfa {
 public:
  std::vector<NfaState> states{1};  // state 0 is none
  std::vector<std::vector<CodeRange>> sets;
  bool too_large = false, misplaced_look = false;

  // States that match `node` and go on to `then`.
  std::uint32_t add(const PatternNode& node, std::uint32_t then) {
    if (states.size() > kMaxNfaStates) too_large = true;
    if (too_large) return then;
    switch (node.kind) {
      case Kind::set:
        return state({NfaState::Kind::set, set_id(node.ranges), {then, 0}});
      case Kind::begin:
        return state({NfaState::Kind::begin, 0, {then, 0}});
      case Kind::end:
        return state({NfaState::Kind::end, 0, {then, 0}});
      case Kind::look:
        return misplaced_look = true, then;
      case Kind::sequence:
        for (std::size_t i = node.parts.size(); i-- > 0;) then = add(*node.parts[i], then);
        return then;
      case Kind::choice: {
        std::uint32_t all = add(*node.parts.back(), then);
        for (std::size_t i = node.parts.size() - 1; i-- > 0;)
          all = state({NfaState::Kind::split, 0, {add(*node.parts[i], then), all}});
        return all;
      }
      case Kind::repeat:
        return add_repeat(node, then);
    }
    return then;
  }
  std::uint32_t state(NfaState made) {
    states.push_back(made);
    return static_cast<std::uint32_t>(states.size() - 1);
  }

 private:
  std::uint32_t add_repeat(const PatternNode& node, std::uint32_t then) {
    const PatternNode& part = *node.parts[0];
    std::uint32_t at = then;
    if (node.most == kNoBound) {
      at = state({NfaState::Kind::split, 0, {0, then}});
      const std::uint32_t body = add(part, at);  // before the index: states may move
      states[at].out[0] = body;
    }
    for (std::uint32_t i = node.least; node.most != kNoBound && i < node.most && !too_large; ++i)
      at = state({NfaState::Kind::split, 0, {add(part, at), then}});
    for (std::uint32_t i = 0; i < node.least && !too_large; ++i) at = add(part, at);
    return at;
  }
  std::uint32_t set_id(const std::vector<CodeRange>& ranges) {
    const auto [id, fresh] = set_ids_.try_emplace(ranges, static_cast<std::uint32_t>(sets.size()));
    if (fresh) sets.push_back(ranges);
    return id->second;
  }
  std::map<std::vector<CodeRange>, std::uint32_t> set_ids_;
};

// Subset construction with search semantics: a match may begin anywhere, and once found nothing can undo it.
class Subsets {
 public:
  Subsets(const Nfa& nfa, std::uint32_t start) : nfa_(nfa), start_(start), seen_(nfa.states.size()) {}

  TextSet build() {
    make_classes();
    dfa_.next.assign(dfa_.classes, 0);
    dfa_.mark = {0, 1};
    sets_ = {{}, {UINT32_MAX}};  // dead, matched: no closure looks like the second
    ids_.emplace(sets_[0], 0);
    dfa_.start = id_of(closure({start_}, true));
    for (std::size_t i = 1; i < sets_.size(); ++i) {
      if (sets_.size() > kMaxTextStates || dfa_.next.size() > kMaxTextCells || work_ > kMaxWork || !work_left())
        return nullptr;
      const std::size_t before = work_;
      for (std::uint32_t c = 0; c < dfa_.classes; ++c) dfa_.next.push_back(i == kMatched ? kMatched : move(i, c));
      spend_work(4 * (work_ - before) + dfa_.classes);
    }
    return finish(std::move(dfa_));
  }

 private:
  static constexpr std::uint32_t kMatched = 1;

  void make_classes() {
    std::vector<char32_t> cuts{0};
    for (const auto& set : nfa_.sets) {
      for (const auto& [first, last] : set) {
        cuts.push_back(first);
        if (last < kLastCode) cuts.push_back(last + 1);
      }
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    std::map<std::vector<bool>, std::uint16_t> ids;
    dfa_.starts = cuts;
    dfa_.run_class.clear();
    for (const char32_t cut : cuts) {
      std::vector<bool> member;
      for (const auto& set : nfa_.sets) {
        const auto after = std::upper_bound(set.begin(), set.end(), CodeRange(cut, kLastCode));
        member.push_back(after != set.begin() && std::prev(after)->second >= cut);
      }
      const auto [id, fresh] = ids.try_emplace(member, static_cast<std::uint16_t>(ids.size()));
      if (fresh) members_.push_back(member);
      dfa_.run_class.push_back(id->second);
    }
    dfa_.classes = static_cast<std::uint32_t>(ids.size());
  }

  // All states reached without a code, from `open`; $ stays in the set, to be tried where the text ends.
  std::vector<std::uint32_t> closure(std::vector<std::uint32_t> open, bool at_begin, bool at_end = false) {
    std::vector<std::uint32_t> found, visited;
    while (!open.empty()) {
      const std::uint32_t id = open.back();
      open.pop_back();
      if (id == 0 || seen_[id]) continue;
      seen_[id] = true;
      visited.push_back(id);
      ++work_;
      const NfaState& state = nfa_.states[id];
      const bool passes = state.kind == NfaState::Kind::split || (state.kind == NfaState::Kind::begin && at_begin) ||
                          (state.kind == NfaState::Kind::end && at_end);
      if (passes) open.insert(open.end(), {state.out[1], state.out[0]});
      if (!passes && state.kind != NfaState::Kind::begin) found.push_back(id);
    }
    for (const std::uint32_t id : visited) seen_[id] = false;
    std::sort(found.begin(), found.end());
    return found;
  }

  bool accepts(const std::vector<std::uint32_t>& set) const {
    return std::any_of(set.begin(), set.end(),
                       [&](std::uint32_t id) { return nfa_.states[id].kind == NfaState::Kind::accept; });
  }

  std::uint32_t id_of(const std::vector<std::uint32_t>& set) {
    if (accepts(set)) return kMatched;
    const auto [id, fresh] = ids_.try_emplace(set, static_cast<std::uint32_t>(sets_.size()));
    if (!fresh) return id->second;
    dfa_.mark.push_back(accepts(closure(set, false, true)));
    sets_.push_back(set);
    return id->second;
  }

  std::uint32_t move(std::size_t from, std::uint32_t c) {
    std::vector<std::uint32_t> open{start_};
    for (const std::uint32_t id : sets_[from]) {
      const NfaState& state = nfa_.states[id];
      ++work_;
      if (state.kind == NfaState::Kind::set && members_[c][state.set]) open.push_back(state.out[0]);
    }
    return id_of(closure(std::move(open), false));
  }

  const Nfa& nfa_;
  std::uint32_t start_;
  std::vector<bool> seen_;
  std::vector<std::vector<bool>> members_;  // [class][set]
  std::vector<std::vector<std::uint32_t>> sets_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> ids_;
  TextDfa dfa_;
  std::size_t work_ = 0;
};

Error refusal(const char* why) { return Error{ErrorKind::client_fault, 400, "unsupported_schema", why}; }

Result<TextSet> search_texts(const PatternNode& node) {
  Nfa nfa;
  const std::uint32_t accept = nfa.state({NfaState::Kind::accept, 0, {0, 0}});
  const std::uint32_t start = nfa.add(node, accept);
  if (nfa.misplaced_look) return refusal("the pattern has a lookahead elsewhere than right behind a leading ^");
  TextSet set = nfa.too_large ? nullptr : Subsets(nfa, start).build();
  if (set == nullptr) return refusal("the pattern is too large");
  return set;
}

}  // namespace

Result<TextSet> pattern_texts(std::string_view pattern) {
  auto parsed = parse_pattern(pattern);
  if (!parsed) return std::move(parsed).error();
  PatternNode& whole = **parsed;
  std::vector<std::unique_ptr<PatternNode>> looks;
  const bool anchored =
      whole.kind == Kind::sequence && !whole.parts.empty() && whole.parts.front()->kind == Kind::begin;
  while (anchored && whole.parts.size() > 1 && whole.parts[1]->kind == Kind::look) {
    looks.push_back(std::move(whole.parts[1]));
    whole.parts.erase(whole.parts.begin() + 1);
  }
  auto set = search_texts(whole);
  for (std::size_t i = 0; i < looks.size() && set; ++i) {
    PatternNode ahead;
    ahead.parts.push_back(std::make_unique<PatternNode>());
    ahead.parts[0]->kind = Kind::begin;
    ahead.parts.push_back(std::move(looks[i]->parts[0]));
    auto seen = search_texts(ahead);
    if (!seen) return seen;
    TextSet both = intersect(*set, looks[i]->negative ? complement(*seen) : *seen);
    if (both == nullptr) return refusal("the pattern is too large");
    set = std::move(both);
  }
  return set;
}

}  // namespace tollgate::local
