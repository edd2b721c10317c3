#include "local_backend/grammar/number_set.h"

#include <array>
#include <cstdlib>
#include <map>

#include "local_backend/grammar/pattern.h"
#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

constexpr int kMaxExponent = 400;
constexpr std::uint32_t kMaxDivisor = 10000;

TextSet texts_of(std::string_view pattern) { return std::move(pattern_texts(pattern)).value(); }

const TextSet& plain_numbers() {
  static const TextSet set =
      intersect(texts_of("^-?(0|[1-9][0-9]*)([.][0-9]+)?$"), complement(texts_of("^-0([.]0+)?$")));
  return set;
}

// The automaton of a rule: `step` gives the next state for one of "-.0..9" or none, `mark` what a state accepts.
template <class State, class Step, class Mark>
TextSet number_automaton(const State& first, Step step, Mark mark) {
  constexpr std::string_view kAlphabet = "-.0123456789";
  TextDfa out;
  out.starts = {0};
  out.run_class = {0};
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    const auto code = static_cast<char32_t>(kAlphabet[i]);
    if (code == '0') out.starts.push_back('/'), out.run_class.push_back(0);
    out.starts.push_back(code);
    out.run_class.push_back(static_cast<std::uint16_t>(i + 1));
  }
  out.starts.push_back('9' + 1);
  out.run_class.push_back(0);
  out.classes = kAlphabet.size() + 1;
  std::map<State, std::uint32_t> ids{{first, 1}};
  std::vector<State> states{first, first};
  out.next.assign(out.classes, 0);
  out.start = 1;
  for (std::size_t i = 1; i < states.size(); ++i) {
    if (states.size() > kMaxTextStates || !work_left()) return nullptr;
    spend_work(out.classes);
    out.next.push_back(0);
    for (const char c : kAlphabet) {
      const std::optional<State> to = step(states[i], c);
      if (!to) {
        out.next.push_back(0);
        continue;
      }
      const auto [id, fresh] = ids.try_emplace(*to, static_cast<std::uint32_t>(states.size()));
      if (fresh) states.push_back(*to);
      out.next.push_back(id->second);
    }
  }
  out.mark.push_back(0);
  for (std::size_t i = 1; i < states.size(); ++i) out.mark.push_back(mark(states[i]));
  return finish(std::move(out));
}

// Reading a number beside a bound: {where, negative, digits read, comparison of the digits so far}.
using Beside = std::array<int, 4>;
enum Where { at_start, after_minus, in_whole, in_fraction };

std::optional<Beside> compare_step(const Decimal& bound, Beside state, char c) {
  auto& [where, negative, read, order] = state;
  if (c == '-') {
    if (where != at_start) return std::nullopt;
    return Beside{after_minus, 1, 0, 0};
  }
  const int whole = static_cast<int>(bound.whole.size());
  if (c == '.') {
    if (where != in_whole) return std::nullopt;
    if (read != whole) order = read < whole ? -1 : 1;
    return Beside{in_fraction, negative, 0, order};
  }
  if (where == in_fraction) {
    const int limit = static_cast<int>(bound.fraction.size());
    const char other = read < limit ? bound.fraction[static_cast<std::size_t>(read)] : '0';
    if (order == 0 && c != other) order = c < other ? -1 : 1;
    if (read < limit) ++read;
    return state;
  }
  if (where != in_whole) where = in_whole;
  if (read < whole && order == 0 && c != bound.whole[static_cast<std::size_t>(read)])
    order = c < bound.whole[static_cast<std::size_t>(read)] ? -1 : 1;
  if (read <= whole) ++read;
  if (read > whole) order = 1;
  return state;
}

// 1: less than the bound, 2: equal, 3: greater.
std::uint32_t compare_mark(const Decimal& bound, const Beside& state) {
  auto [where, negative, read, order] = state;
  if (where != in_whole && where != in_fraction) return 0;
  const int whole = static_cast<int>(bound.whole.size());
  if (where == in_whole && read != whole) order = read < whole ? -1 : 1;
  const int digits = where == in_whole ? 0 : read;
  if (order == 0 && digits < static_cast<int>(bound.fraction.size())) order = -1;
  if ((negative != 0) != bound.negative) return negative != 0 ? 1u : 3u;
  if (negative != 0) order = -order;
  return static_cast<std::uint32_t>(order + 2);
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal out;
  std::size_t at = 0;
  if (at < text.size() && text[at] == '-') out.negative = true, ++at;
  std::string digits;
  long point = 0;
  const auto read_digits = [&] {
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) digits += text[at];
  };
  read_digits();
  if (digits.empty()) return std::nullopt;
  point = static_cast<long>(digits.size());
  if (at < text.size() && text[at] == '.') ++at, read_digits();
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const std::string exponent(text.substr(at + 1));
    const long value = std::strtol(exponent.c_str(), nullptr, 10);
    if (std::labs(value) > kMaxExponent) return std::nullopt;
    point += value;
    at = text.size();
  }
  if (at != text.size() || digits.size() > 2 * kMaxExponent) return std::nullopt;
  if (point < 0) digits.insert(0, static_cast<std::size_t>(-point), '0'), point = 0;
  if (point > static_cast<long>(digits.size())) digits.append(static_cast<std::size_t>(point) - digits.size(), '0');
  out.whole = digits.substr(0, static_cast<std::size_t>(point));
  out.fraction = digits.substr(static_cast<std::size_t>(point));
  out.whole.erase(0, std::min(out.whole.find_first_not_of('0'), out.whole.size()));
  if (out.whole.empty()) out.whole = "0";
  out.fraction.resize(out.fraction.find_last_not_of('0') + 1);
  if (out.whole == "0" && out.fraction.empty()) out.negative = false;
  return out;
}

NumberSet every_number() { return {plain_numbers(), true}; }
NumberSet no_number() { return {no_text(), false}; }

NumberSet integers() {
  static const TextSet set = intersect(texts_of("^-?[0-9]+([.]0+)?$"), plain_numbers());
  return {set, false};
}

NumberSet compared(const Decimal& bound, bool less, bool equal, bool greater) {
  const TextSet marked = number_automaton(
      Beside{at_start, 0, 0, 0}, [&](const Beside& state, char c) { return compare_step(bound, state, c); },
      [&](const Beside& state) { return compare_mark(bound, state); });
  if (marked == nullptr) return {nullptr, false};
  const bool wanted[] = {false, less, equal, greater};
  return {intersect(remark(marked, [&](std::uint32_t mark) { return std::uint32_t{wanted[mark]}; }), plain_numbers()),
          false};
}

std::optional<NumberSet> multiples(const Decimal& divisor) {
  // divisor = digits / 10^scale: the digits of the number, with `scale` places behind the point, divide by `digits`.
  const std::string text = divisor.whole + divisor.fraction;
  const std::size_t first = text.find_first_not_of('0');
  if (divisor.negative || first == std::string::npos || text.size() - first > 5) return std::nullopt;
  const auto digits = static_cast<std::uint32_t>(std::stoul(text.substr(first)));
  const auto scale = static_cast<std::uint32_t>(divisor.fraction.size());
  if (digits > kMaxDivisor || scale > 32) return std::nullopt;
  using State = std::array<std::uint32_t, 3>;  // remainder, where, places
  const auto step = [=](State state, char c) -> std::optional<State> {
    auto& [rest, where, places] = state;
    if (c == '-') return where == at_start ? std::optional(State{0, after_minus, 0}) : std::nullopt;
    if (c == '.') return where == in_whole ? std::optional(State{rest, in_fraction, 0}) : std::nullopt;
    if (where == in_fraction && places == scale) return c == '0' ? std::optional(state) : std::nullopt;
    places += where == in_fraction;
    return State{(rest * 10 + static_cast<std::uint32_t>(c - '0')) % digits,
                 where == in_fraction ? std::uint32_t{in_fraction} : std::uint32_t{in_whole}, places};
  };
  const auto mark = [=](const State& state) {
    std::uint64_t rest = state[0];
    for (std::uint32_t i = state[2]; i < scale; ++i) rest = rest * 10 % digits;
    return std::uint32_t{rest == 0 && state[1] >= in_whole};
  };
  return NumberSet{intersect(number_automaton(State{0, at_start, 0}, step, mark), plain_numbers()), false};
}

NumberSet intersect(const NumberSet& a, const NumberSet& b) {
  if (a.plain == plain_numbers()) return {b.plain, a.exponents && b.exponents};
  if (b.plain == plain_numbers()) return {a.plain, a.exponents && b.exponents};
  return {intersect(a.plain, b.plain), a.exponents && b.exponents};
}
NumberSet unite(const NumberSet& a, const NumberSet& b) {
  if (a.plain == plain_numbers() || b.plain == plain_numbers()) return {plain_numbers(), a.exponents || b.exponents};
  return {unite(a.plain, b.plain), a.exponents || b.exponents};
}

NumberSet complement(const NumberSet& a) {
  if (a.plain == plain_numbers()) return no_number();
  // Exponents are left out of both: a bound's complement cannot say which of them it holds.
  return {intersect(complement(a.plain), plain_numbers()), a.plain != nullptr && is_empty(*a.plain) && !a.exponents};
}

namespace {

TextSet write(const NumberSet& set) {
  static const TextSet whole = texts_of("^[^.]*$");
  static const TextSet shortest = texts_of("^[^.]*([.][0-9]*[1-9])?$");
  static const TextSet bounded = texts_of("^-?[0-9]{1,64}([.][0-9]{1,32})?$");
  static const TextSet exponents =
      texts_of("^-?(0|[1-9][0-9]{0,63})([.][0-9]{1,32})?[eE][+-]?([0-9]{1,2}|1[0-9][0-9]|2[0-3][0-9])$");
  TextSet out = set.plain;
  const TextSet fractional = intersect(out, complement(integers().plain));
  if (fractional == nullptr) return nullptr;
  if (is_empty(*fractional)) {
    out = intersect(out, whole);
  } else if (const TextSet brief = intersect(out, shortest); brief != nullptr && is_finite(*brief)) {
    out = brief;
  }
  out = intersect(out, bounded);
  return set.exponents ? unite(out, exponents) : out;
}

}  // namespace

TextSet written_numbers(const NumberSet& set) {
  if (set.plain == nullptr) return nullptr;
  static const TextSet all = write(every_number()), whole = write(integers());
  if (set.plain == plain_numbers() && set.exponents) return all;
  return set.plain == integers().plain ? whole : write(set);
}

}  // namespace tollgate::local
