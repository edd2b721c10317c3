#include "local_backend/grammar/text_set.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

// Both partitions of the codes laid over each other: runs, and per run the pair of classes as a new class.
struct JoinedClasses {
  std::vector<char32_t> starts;
  std::vector<std::uint16_t> run_class;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
};

JoinedClasses join_classes(const TextDfa& a, const TextDfa& b) {
  JoinedClasses out;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint16_t> ids;
  std::size_t i = 0, j = 0;
  while (i < a.starts.size() || j < b.starts.size()) {
    const char32_t from_a = i < a.starts.size() ? a.starts[i] : kLastCode + 1;
    const char32_t from_b = j < b.starts.size() ? b.starts[j] : kLastCode + 1;
    const char32_t at = std::min(from_a, from_b);
    i += from_a == at;
    j += from_b == at;
    const std::pair<std::uint32_t, std::uint32_t> pair(a.run_class[i - 1], b.run_class[j - 1]);
    const auto [id, fresh] = ids.try_emplace(pair, static_cast<std::uint16_t>(out.pairs.size()));
    if (fresh) out.pairs.push_back(pair);
    if (!out.run_class.empty() && out.run_class.back() == id->second) continue;
    out.starts.push_back(at);
    out.run_class.push_back(id->second);
  }
  return out;
}

}  // namespace

std::optional<char32_t> next_code(std::string_view utf8, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return i < utf8.size() ? static_cast<unsigned char>(utf8[i]) : 0u; };
  const unsigned lead = byte(at);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || at + length > utf8.size()) return std::nullopt;
  char32_t code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0u) != 0x80u) return std::nullopt;
    code = code << 6 | (byte(at + i) & 0x3Fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > kLastCode || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
  at += length;
  return code;
}

std::uint32_t TextDfa::class_of(char32_t code) const {
  const auto after = std::upper_bound(starts.begin(), starts.end(), code);
  return run_class[static_cast<std::size_t>(after - starts.begin()) - 1];
}

std::uint32_t TextDfa::run(std::string_view utf8) const {
  std::uint32_t state = start;
  for (std::size_t at = 0; at < utf8.size();) {
    const auto code = next_code(utf8, at);
    if (!code) return 0;
    state = step(state, *code);
  }
  return mark[state];
}

TextSet every_text() {
  static const TextSet set = [] {
    TextDfa out;
    out.next = {0, 1};
    out.mark = {0, 1};
    out.start = 1;
    return std::make_shared<const TextDfa>(std::move(out));
  }();
  return set;
}

TextSet no_text() {
  static const TextSet set = [] {
    TextDfa out;
    out.next = {0};
    out.mark = {0};
    return std::make_shared<const TextDfa>(std::move(out));
  }();
  return set;
}

TextSet text_list(std::span<const std::string> texts) {
  std::vector<std::u32string> codes(texts.size());
  std::map<char32_t, std::uint16_t> classes;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (std::size_t at = 0; at < texts[i].size();) {
      const auto code = next_code(texts[i], at);
      if (!code) return nullptr;
      codes[i] += *code;
      classes.try_emplace(*code, 0);
    }
  }
  TextDfa out;
  if (classes.size() > 60000) return nullptr;
  for (auto& [code, id] : classes) {
    id = static_cast<std::uint16_t>(out.classes++);
    if (out.starts.back() != code) {
      out.starts.push_back(code);
      out.run_class.push_back(id);
    } else {
      out.run_class.back() = id;
    }
    if (code == kLastCode) continue;
    out.starts.push_back(code + 1);
    out.run_class.push_back(0);
  }
  out.start = 1;
  out.next.assign(std::size_t{2} * out.classes, 0);
  out.mark.assign(2, 0);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::uint32_t state = out.start;
    for (const char32_t code : codes[i]) {
      const std::size_t cell = std::size_t{state} * out.classes + classes[code];
      if (out.next[cell] == 0) {
        if (out.states() >= kMaxTextStates || out.next.size() >= kMaxTextCells) return nullptr;
        out.next[cell] = out.states();
        out.mark.push_back(0);
        out.next.resize(out.next.size() + out.classes, 0);
      }
      state = out.next[cell];
    }
    if (out.mark[state] == 0) out.mark[state] = static_cast<std::uint32_t>(i) + 1;
  }
  return finish(std::move(out));
}

TextSet text_lengths(std::uint64_t least, std::uint64_t most) {
  if (least > most) return no_text();
  const bool open = most == UINT64_MAX;
  const std::uint64_t last = open ? least : most;
  if (last + 2 > kMaxTextStates) return nullptr;
  TextDfa out;
  out.start = 1;
  out.next.assign(last + 2, 0);
  out.mark.assign(last + 2, 0);
  for (std::uint32_t i = 0; i <= last; ++i) {
    out.mark[i + 1] = i >= least;
    out.next[i + 1] = i < last ? i + 2 : (open ? i + 1 : 0);
  }
  return std::make_shared<const TextDfa>(std::move(out));
}

TextSet product(const TextDfa& a, const TextDfa& b, const MarkPair& mark) {
  const JoinedClasses joined = join_classes(a, b);
  TextDfa out;
  out.starts = joined.starts;
  out.run_class = joined.run_class;
  out.classes = static_cast<std::uint32_t>(joined.pairs.size());
  std::unordered_map<std::uint64_t, std::uint32_t> ids;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> states;
  const auto state_of = [&](std::uint32_t p, std::uint32_t q) {
    const auto [id, fresh] = ids.try_emplace(std::uint64_t{p} << 32 | q, static_cast<std::uint32_t>(states.size()));
    if (fresh) states.emplace_back(p, q);
    return id->second;
  };
  states.emplace_back(0,
                      0);  // the place of the dead state; the pair (0, 0) itself gets another, cut at the end if dead
  out.start = state_of(a.start, b.start);
  out.next.assign(out.classes, 0);
  for (std::size_t i = 1; i < states.size(); ++i) {
    if (states.size() > kMaxTextStates || out.next.size() > kMaxTextCells || !work_left()) return nullptr;
    spend_work(joined.pairs.size());
    const auto [p, q] = states[i];
    for (const auto& [ca, cb] : joined.pairs)
      out.next.push_back(state_of(a.next[p * a.classes + ca], b.next[q * b.classes + cb]));
  }
  if (!work_left()) return nullptr;
  for (const auto& [p, q] : states) out.mark.push_back(mark(a.mark[p], b.mark[q]));
  out.mark[0] = 0;
  return finish(std::move(out));
}

TextSet intersect(const TextSet& a, const TextSet& b) {
  if (a == nullptr || b == nullptr) return nullptr;
  if (a == b || is_every(*b) || is_empty(*a)) return a;
  if (is_every(*a) || is_empty(*b)) return b;
  return product(*a, *b, [](std::uint32_t x, std::uint32_t y) { return std::uint32_t{x != 0 && y != 0}; });
}

TextSet unite(const TextSet& a, const TextSet& b) {
  if (a == nullptr || b == nullptr) return nullptr;
  if (a == b || is_every(*a) || is_empty(*b)) return a;
  if (is_every(*b) || is_empty(*a)) return b;
  return product(*a, *b, [](std::uint32_t x, std::uint32_t y) { return std::uint32_t{x != 0 || y != 0}; });
}

TextSet complement(const TextSet& a) {
  if (a == nullptr) return nullptr;
  return product(*a, *every_text(), [](std::uint32_t x, std::uint32_t) { return std::uint32_t{x == 0}; });
}

TextSet remark(const TextSet& a, const std::function<std::uint32_t(std::uint32_t)>& mark) {
  std::vector<std::uint32_t> marks = a->mark;
  for (std::uint32_t& one : marks)
    if (one != 0) one = mark(one);
  if (marks == a->mark) return a;
  TextDfa out = *a;
  out.mark = std::move(marks);
  return finish(std::move(out));
}

bool is_empty(const TextDfa& a) { return a.start == 0; }

bool is_every(const TextDfa& a) { return a.states() == 2 && a.classes == 1 && a.mark[1] != 0 && a.next[1] == 1; }

bool is_finite(const TextDfa& a) {
  // States are all useful, so the set is infinite exactly when a cycle can be reached: Kahn's order misses it.
  std::vector<std::uint32_t> into(a.states());
  for (const std::uint32_t to : a.next) ++into[to];
  std::vector<std::uint32_t> open;
  std::size_t done = 1;
  for (std::uint32_t s = 1; s < a.states(); ++s)
    if (into[s] == 0) open.push_back(s);
  while (!open.empty()) {
    const std::uint32_t s = open.back();
    open.pop_back();
    ++done;
    for (std::uint32_t c = 0; c < a.classes; ++c)
      if (const std::uint32_t to = a.next[s * a.classes + c]; to != 0 && --into[to] == 0) open.push_back(to);
  }
  return done == a.states();
}

std::vector<std::uint32_t> shortest_ends(const TextDfa& a) {
  std::vector<std::vector<std::uint32_t>> from(a.states());
  for (std::uint32_t s = 1; s < a.states(); ++s)
    for (std::uint32_t c = 0; c < a.classes; ++c)
      if (const std::uint32_t to = a.next[s * a.classes + c]; to != 0 && (from[to].empty() || from[to].back() != s))
        from[to].push_back(s);
  std::vector<std::uint32_t> out(a.states(), UINT32_MAX), open;
  for (std::uint32_t s = 1; s < a.states(); ++s)
    if (a.mark[s] != 0) out[s] = 0, open.push_back(s);
  for (std::size_t i = 0; i < open.size(); ++i) {
    for (const std::uint32_t s : from[open[i]])
      if (out[s] == UINT32_MAX) out[s] = out[open[i]] + 1, open.push_back(s);
  }
  return out;
}

}  // namespace tollgate::local
