#include "local_backend/grammar/program_builder.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

// Automata's marks while an object's names are sorted out: listed names from 1 on, then the rest.
struct OtherMarks {
  std::vector<std::vector<bool>> matched;  // [mark - first]: which patterns a name matches
  std::uint32_t first = 0;
  std::uint32_t id(std::vector<bool> which) {
    const auto known = std::find(matched.begin(), matched.end(), which);
    const auto at = static_cast<std::uint32_t>(known - matched.begin());
    if (known == matched.end()) matched.push_back(std::move(which));
    return first + at;
  }
};

bool takes_others(const SchemaReader& reader, const ObjectClause& clause) {
  return std::none_of(clause.groups.begin(), clause.groups.end(),
                      [&](const auto& group) { return group->patterns.empty() && reader.is_nothing(group->others); });
}

}  // namespace

const std::shared_ptr<const CharDecoder>& free_decoder() {
  static const auto decoder = std::make_shared<const CharDecoder>(*every_text());
  return decoder;
}

std::uint64_t Program::next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

std::uint32_t StringLexeme::needs(std::uint32_t q, std::uint16_t d) const {
  if (d == 0) return shortest[q];
  std::uint32_t out = kNone;
  const std::uint32_t* row = &texts->next[q * texts->classes];
  for (std::uint32_t c = 0; c < texts->classes; ++c)
    if (row[c] != 0 && decoder->may_become(d, c)) out = std::min(out, shortest[row[c]]);
  return out;
}

std::size_t Program::bytes() const {
  const auto automaton = [](const TextSet& texts) {
    return texts == nullptr ? 0 : (texts->next.size() + texts->mark.size() + 2 * texts->starts.size()) * 4;
  };
  std::size_t out = nodes.size() * sizeof(ValueNode) + arrays.size() * sizeof(ArrayProgram);
  for (const StringLexeme& lexeme : strings) out += sizeof lexeme + automaton(lexeme.texts) + lexeme.live.size() / 8;
  for (const NumberLexeme& lexeme : numbers) out += sizeof lexeme + automaton(lexeme.texts);
  for (const ArrayProgram& array : arrays) out += 4 * (array.prefix.size() + array.witnesses.size());
  for (const ObjectProgram& object : objects)
    out += sizeof object + automaton(object.keys) + 8 * object.nodes.size() +
           object.reach.size() * (32 + object.nodes.size() / 8);
  return out;
}

ProgramBuilder::ProgramBuilder(SchemaReader& reader, const GrammarLimits& limits)
    : reader_(reader), limits_(limits), program_(std::make_shared<Program>()) {
  program_->max_depth = static_cast<std::uint32_t>(std::clamp<std::size_t>(limits.max_value_depth, 1, 1000));
  program_->any_order = limits.any_order;
}

void ProgramBuilder::fail(const JsonNode& where, std::string why) {
  if (!error_) error_ = unsupported_schema(where, std::move(why));
}

bool ProgramBuilder::count_states(std::size_t states, const JsonNode& where) {
  states_ += states;
  spend_work(16 * states);
  if (!work_left()) fail(where, "the schema needs too much work");
  if (states_ > limits_.max_states) fail(where, "the schema needs too many states");
  return !error_;
}

Result<std::shared_ptr<const Program>> ProgramBuilder::build() {
  node_of(reader_.whole());
  for (std::uint32_t id = 0; id < open_.size() && !error_ && !reader_.error(); ++id)
    build_node(id, Literals(open_[id]));
  if (reader_.error()) return *reader_.error();
  if (error_) return *error_;
  find_heights();
  if (program_->nodes[0].height == kNone || program_->nodes[0].height > program_->max_depth)
    return bad_schema("no value is valid against the schema");
  cut_dead();
  if (error_) return *error_;
  return std::shared_ptr<const Program>(std::move(program_));
}

std::uint32_t ProgramBuilder::node_of(const Literals& literals) {
  const auto [id, fresh] = ids_.try_emplace(literals, static_cast<std::uint32_t>(open_.size()));
  if (fresh) {
    open_.push_back(literals);
    program_->nodes.emplace_back();
  }
  return id->second;
}

void ProgramBuilder::build_node(std::uint32_t id, const Literals& literals) {
  const JsonNode& where = literals.empty() ? *reader_.whole()[0].at : *literals[0].at;
  const ValueSet set = reader_.read(literals);
  if (reader_.error() || !count_states(1, where)) return;
  ValueNode node;
  node.null = set.null;
  node.yes = set.yes;
  node.no = set.no;
  node.text = add_string(set.strings, where);
  node.number = add_number(set.numbers, where);
  for (const ArrayClause& clause : set.arrays) node.arrays.push_back(add_array(clause, where));
  for (const ObjectClause& clause : set.objects) add_objects(clause, where, node.objects);
  program_->nodes[id] = std::move(node);
}

std::uint32_t ProgramBuilder::add_string(const StringSet& set, const JsonNode& where) {
  StringLexeme lexeme;
  if (set.texts != nullptr && is_every(*set.texts)) {
    lexeme.decoder = free_decoder();
    lexeme.least = static_cast<std::uint32_t>(std::min<std::uint64_t>(set.least, kNone - 1));
    lexeme.most = static_cast<std::uint32_t>(std::min<std::uint64_t>(set.most, kNone));
    program_->strings.push_back(std::move(lexeme));
    return static_cast<std::uint32_t>(program_->strings.size() - 1);
  }
  lexeme.texts = set.texts;
  lexeme.most = static_cast<std::uint32_t>(std::min<std::uint64_t>(set.most, kNone));
  if (!count_at_least(lexeme, set.least)) return fail(where, "minLength together with the pattern is too large"), kNone;
  if (is_empty(*lexeme.texts) || lexeme.shortest[lexeme.texts->start] > lexeme.most) return kNone;
  const TextDfa& dfa = *lexeme.texts;
  const auto decoder = std::make_shared<const CharDecoder>(dfa);
  lexeme.decoder = decoder;
  if (!count_states(dfa.states() + decoder->states(), where)) return kNone;
  lexeme.live.resize(dfa.states() * decoder->states());
  for (std::uint32_t q = 1; q < dfa.states(); ++q) {
    for (std::uint16_t d = 0; d < decoder->states(); ++d) {
      bool live = d == 0;
      for (std::uint32_t c = 0; c < dfa.classes && !live; ++c)
        live = dfa.next[q * dfa.classes + c] != 0 && decoder->may_become(d, c);
      lexeme.live[q * decoder->states() + d] = live;
    }
  }
  program_->strings.push_back(std::move(lexeme));
  return static_cast<std::uint32_t>(program_->strings.size() - 1);
}

// Takes up minLength: counted where any text can be made longer, else worked into the automaton. False: too large.
bool ProgramBuilder::count_at_least(StringLexeme& lexeme, std::uint64_t least) {
  if (lexeme.texts == nullptr) return false;
  lexeme.shortest = shortest_ends(*lexeme.texts);
  const TextDfa* dfa = lexeme.texts.get();
  if (least <= lexeme.shortest[dfa->start] || is_empty(*dfa)) return true;
  bool grows = least < kNone;
  for (std::uint32_t q = 1; q < dfa->states() && grows; ++q) {
    const std::uint32_t* row = &dfa->next[q * dfa->classes];
    grows = std::any_of(row, row + dfa->classes,
                        [&](std::uint32_t to) { return to != 0 && lexeme.shortest[to] <= lexeme.shortest[q]; });
  }
  if (grows) return lexeme.least = static_cast<std::uint32_t>(least), true;
  lexeme.texts = intersect(lexeme.texts, text_lengths(least, UINT64_MAX));
  if (lexeme.texts == nullptr) return false;
  lexeme.shortest = shortest_ends(*lexeme.texts);
  return true;
}

std::uint32_t ProgramBuilder::add_number(const NumberSet& set, const JsonNode& where) {
  if (set.empty()) return kNone;
  NumberLexeme lexeme;
  lexeme.texts = written_numbers(set);
  if (lexeme.texts == nullptr) return fail(where, "the numbers are too large"), kNone;
  if (is_empty(*lexeme.texts) || !count_states(lexeme.texts->states(), where)) return kNone;
  for (char32_t byte = 0; byte < 128; ++byte)
    lexeme.class_of[byte] = static_cast<std::uint16_t>(lexeme.texts->class_of(byte));
  program_->numbers.push_back(std::move(lexeme));
  return static_cast<std::uint32_t>(program_->numbers.size() - 1);
}

std::uint32_t ProgramBuilder::add_array(const ArrayClause& clause, const JsonNode& where) {
  if (clause.some.size() > 1) fail(where, "more than one element that must be there");
  ArrayProgram array;
  array.least = clause.least;
  array.most = clause.most;
  const std::size_t prefix = longest_prefix(clause);
  for (std::size_t i = 0; i < prefix; ++i) array.prefix.push_back(node_of(element_literals(clause, i)));
  array.rest = node_of(element_literals(clause, prefix));
  for (std::size_t i = 0; i <= prefix && !clause.some.empty(); ++i)
    array.witnesses.push_back(node_of(join(element_literals(clause, i), clause.some[0])));
  program_->arrays.push_back(std::move(array));
  return static_cast<std::uint32_t>(program_->arrays.size() - 1);
}

// Which label each name has. `names`: the listed ones that are allowed, then those that are not. `others` gets what
// holds for each kind of other names.
TextSet ProgramBuilder::key_automaton(const ObjectClause& clause, const std::vector<std::string>& names,
                                      std::uint32_t listed, std::vector<OtherNames>& others) const {
  TextSet keys = text_list(names);
  if (keys == nullptr) return nullptr;
  OtherMarks marks;
  marks.first = static_cast<std::uint32_t>(names.size()) + 1;
  const std::uint32_t unmatched = marks.id({});
  if (takes_others(reader_, clause)) {
    keys = product(*keys, *every_text(), [&](std::uint32_t name, std::uint32_t) { return name ? name : unmatched; });
    std::vector<TextSet> patterns;
    for (const auto& group : clause.groups)
      for (const auto& pattern : group->patterns) patterns.push_back(pattern.first);
    for (const auto& some : clause.some) patterns.push_back(some.first);
    for (const TextSet& pattern : patterns) {
      if (keys == nullptr) return nullptr;
      // Marks of the patterns before are extended by one answer.
      OtherMarks longer;
      longer.first = marks.first;
      keys = product(*keys, *pattern, [&](std::uint32_t mark, std::uint32_t match) {
        if (mark < marks.first) return mark;
        std::vector<bool> which = marks.matched[mark - marks.first];
        which.push_back(match != 0);
        return longer.id(std::move(which));
      });
      marks = std::move(longer);
    }
    if (keys != nullptr && clause.names != nullptr)
      keys = product(*keys, *clause.names, [](std::uint32_t mark, std::uint32_t name) { return name ? mark : 0u; });
    if (keys == nullptr) return nullptr;
  }
  std::map<OtherNames, std::uint32_t> labels;
  return remark(keys, [&](std::uint32_t mark) -> std::uint32_t {
    if (mark <= listed) return mark;
    if (mark < marks.first) return 0;
    Literals all;
    std::size_t at = 0;
    const std::vector<bool>& which = marks.matched[mark - marks.first];
    for (const auto& group : clause.groups) {
      bool named = false;
      for (const auto& pattern : group->patterns) {
        if (which[at++]) named = true, all = join(all, pattern.second);
      }
      if (!named) all = join(all, group->others);
    }
    if (reader_.is_nothing(all)) return 0;
    const OtherNames kind{std::move(all), !clause.some.empty() && which[at]};
    const auto [label, fresh] = labels.try_emplace(kind, static_cast<std::uint32_t>(others.size()));
    if (fresh) others.push_back(kind);
    return listed + label->second + 1;
  });
}

// Where all names are listed, one of them is the member that must be there: an alternative for each.
void ProgramBuilder::add_objects(const ObjectClause& clause, const JsonNode& where, std::vector<std::uint32_t>& out) {
  constexpr std::size_t kMaxObjects = 256;
  if (out.size() > kMaxObjects) fail(where, "too many alternatives");
  if (error_) return;
  if (clause.some.empty() || takes_others(reader_, clause)) {
    if (const std::uint32_t object = add_object(clause, where); object != kNone) out.push_back(object);
    return;
  }
  std::set<std::string> names(clause.required.begin(), clause.required.end());
  for (const auto& group : clause.groups)
    for (const auto& property : group->properties) names.insert(property.first);
  const auto& [allowed, literals] = clause.some.back();
  for (const std::string& name : names) {
    if (allowed->run(name) == 0) continue;
    ObjectClause one = clause;
    one.some.pop_back();
    auto group = std::make_shared<ObjectGroup>();
    group->properties.emplace_back(name, literals);
    one.groups.push_back(std::move(group));
    if (std::find(one.required.begin(), one.required.end(), name) == one.required.end()) one.required.push_back(name);
    add_objects(one, where, out);
  }
}

std::uint32_t ProgramBuilder::add_object(const ObjectClause& clause, const JsonNode& where) {
  std::vector<std::string> names, forbidden;
  ObjectProgram object;
  object.least = clause.least;
  object.most = clause.most;
  const auto required = [&](const std::string& name) {
    return std::find(clause.required.begin(), clause.required.end(), name) != clause.required.end();
  };
  std::map<std::string, bool> seen;
  const auto add = [&](const std::string& name) {
    if (!seen.try_emplace(name, true).second) return true;
    Literals literals = member_literals(clause, name);
    const bool allowed = (clause.names == nullptr || clause.names->run(name) != 0) && !reader_.is_nothing(literals);
    if (!allowed) return forbidden.push_back(name), !required(name);
    names.push_back(name);
    object.nodes.push_back(node_of(literals));
    object.required.push_back(required(name));
    return true;
  };
  bool possible = true;
  for (const auto& group : clause.groups)
    for (const auto& property : group->properties) possible = add(property.first) && possible;
  for (const std::string& name : clause.required) possible = add(name) && possible;
  if (!possible) return kNone;
  object.listed = static_cast<std::uint32_t>(names.size());
  names.insert(names.end(), forbidden.begin(), forbidden.end());
  std::vector<OtherNames> others;
  object.keys = key_automaton(clause, names, object.listed, others);
  if (object.keys == nullptr) return fail(where, "the member names are too large together"), kNone;
  if (!count_states(object.keys->states(), where)) return kNone;
  for (const OtherNames& other : others) object.nodes.push_back(node_of(other.literals));
  if (!clause.some.empty()) {
    if (clause.some.size() > 1) return fail(where, "more than one unlisted member that must be there"), kNone;
    if (object.most != UINT64_MAX)
      return fail(where, "maxProperties beside an unlisted member that must be there"), kNone;
    const auto& [allowed, literals] = clause.some[0];
    for (std::uint32_t i = 0; i < object.listed; ++i)
      object.witnesses.push_back(allowed->run(names[i]) ? node_of(join(member_literals(clause, names[i]), literals))
                                                        : kNone);
    for (const OtherNames& other : others)
      object.witnesses.push_back(other.some ? node_of(join(other.literals, literals)) : kNone);
  }
  if (object.least > object.listed + 1u && !others.empty())
    return fail(where, "minProperties above the number of listed names"), kNone;
  program_->objects.push_back(std::move(object));
  return static_cast<std::uint32_t>(program_->objects.size() - 1);
}

}  // namespace tollgate::local
