#include "local_backend/grammar/matcher.h"

#include <algorithm>
#include <string_view>

namespace tollgate::local {
namespace {

// White space between the parts of arrays and objects: nothing, one blank, or a line end with up to this many blanks
// and tabs. Without a bound, models can fill their whole answer with it.
constexpr std::uint8_t kIndent = 64;
constexpr std::uint8_t kNoGap = 0, kBlank = 1, kLine = 2;

std::optional<std::uint8_t> longer_gap(std::uint8_t gap, unsigned char byte) {
  if (gap == kNoGap && byte == ' ') return kBlank;
  if (gap == kNoGap && byte == '\n') return kLine;
  if (gap >= kLine && gap < kLine + kIndent && (byte == ' ' || byte == '\t')) return static_cast<std::uint8_t>(gap + 1);
  return std::nullopt;
}

// Whether the text can still end within its length.
bool fits_length(const StringLexeme& lexeme, const Position& at) {
  return lexeme.most == kNone || lexeme.needs(at.q, at.d) <= lexeme.most - at.count;
}

constexpr std::string_view kWords[] = {"null", "true", "false"};

}  // namespace

Matcher::Matcher(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

void Matcher::put(const Position& at, Positions& out) {
  // Dropping places beyond this many keeps every text valid; some valid ones can no longer be written.
  constexpr std::size_t kMaxPositions = 512;
  if (out.size() < kMaxPositions && std::find(out.begin(), out.end(), at) == out.end()) out.push_back(at);
}

Positions Matcher::start() {
  if (program_->entries.empty()) return {Position{Mode::value, kBlank, 0, 0, 0, 0, 0}};
  Positions out;
  for (const std::uint32_t literal : program_->entries) enter_literal(literal, out);
  return out;
}

bool Matcher::may_end(const Position& at) const {
  if (at.mode == Mode::done) return true;
  return at.mode == Mode::number && at.frame == 0 && program_->numbers[at.ref].texts->mark[at.q] != 0;
}

void Matcher::step_all(const Positions& from, unsigned char byte, Positions& out) {
  out.clear();
  for (const Position& at : from) step(at, byte, out);
}

void Matcher::step(const Position& at, unsigned char byte, Positions& out) {
  switch (at.mode) {
    case Mode::text:
      return step_text(at, byte, out);
    case Mode::key:
      return step_key(at, byte, out);
    case Mode::number:
      return step_number(at, byte, out);
    case Mode::word:
      return step_word(at, byte, out);
    case Mode::after:
      return step_after(at, byte, out);
    case Mode::first:
    case Mode::next:
      return step_inside(at, byte, out);
    case Mode::colon:
      if (byte == ':') put({Mode::value, kNoGap, 0, at.frame, at.ref}, out);
      return;
    case Mode::value:
      if (byte == ' ' && at.gap == kNoGap) return put({Mode::value, kBlank, 0, at.frame, at.ref}, out);
      return begin_value(at.ref, at.frame, byte, out);
    case Mode::fixed:
      return step_literal(at, byte, out);
    case Mode::done:
      return;
  }
}

void Matcher::step_literal(const Position& at, unsigned char byte, Positions& out) {
  const std::string& text = program_->literals[at.ref].text;
  if (static_cast<unsigned char>(text[at.q]) != byte) return;
  if (at.q + 1 == text.size()) return behind_literal(at.ref, out);
  put({Mode::fixed, 0, 0, 0, at.ref, at.q + 1}, out);
}

void Matcher::enter_literal(std::uint32_t literal, Positions& out) {
  if (program_->literals[literal].text.empty()) return behind_literal(literal, out);
  put({Mode::fixed, 0, 0, 0, literal, 0}, out);
}

void Matcher::behind_literal(std::uint32_t id, Positions& out) {
  const LiteralText& literal = program_->literals[id];
  if (literal.node != kNone) {
    Frame frame;
    frame.clause = id;
    frame.literal = true;
    return put({Mode::value, kBlank, 0, intern(frame), literal.node}, out);
  }
  leave_literal(literal, out);
}

void Matcher::leave_literal(const LiteralText& literal, Positions& out) {
  if (literal.may_end) put({Mode::done}, out);
  for (const std::uint32_t next : literal.next) enter_literal(next, out);
}

void Matcher::begin_value(std::uint32_t id, std::uint32_t frame, unsigned char byte, Positions& out) {
  const ValueNode& node = program_->nodes[id];
  const std::uint32_t depth = frames_[frame].depth;
  switch (byte) {
    case '"':
      if (node.text != kNone) {
        const TextSet& texts = program_->strings[node.text].texts;
        put({Mode::text, 0, 0, frame, node.text, texts == nullptr ? 0 : texts->start}, out);
      }
      return;
    case 'n':
      if (node.null) put({Mode::word, 0, 0, frame, 0, 1}, out);
      return;
    case 't':
      if (node.yes) put({Mode::word, 0, 0, frame, 1, 1}, out);
      return;
    case 'f':
      if (node.no) put({Mode::word, 0, 0, frame, 2, 1}, out);
      return;
    case '[':
    case '{': {
      const bool array = byte == '[';
      for (const std::uint32_t clause : array ? node.arrays : node.objects) {
        const std::uint32_t height = array ? program_->arrays[clause].height : program_->objects[clause].height;
        if (depth + height > program_->max_depth) continue;
        Frame inner;
        inner.parent = frame;
        inner.clause = clause;
        inner.depth = depth + 1;
        inner.array = array;
        put({Mode::first, kNoGap, 0, intern(inner)}, out);
      }
      return;
    }
    default:
      break;
  }
  if (node.number == kNone || byte >= 128) return;
  const NumberLexeme& lexeme = program_->numbers[node.number];
  const TextDfa& dfa = *lexeme.texts;
  const std::uint32_t q = dfa.next[dfa.start * dfa.classes + lexeme.class_of[byte]];
  if (q != 0) put({Mode::number, 0, 0, frame, node.number, q}, out);
}

void Matcher::step_text(const Position& at, unsigned char byte, Positions& out) {
  const StringLexeme& lexeme = program_->strings[at.ref];
  if (byte == '"' && at.d == 0) {
    if (at.count >= lexeme.least && (lexeme.texts == nullptr || lexeme.texts->mark[at.q] != 0)) end_text(at, out);
    return;
  }
  const std::uint16_t to = lexeme.decoder->step(at.d, byte);
  if (to == CharDecoder::kDead) return;
  Position after = at;
  // A character counts from its first byte on.
  if (at.d == 0 && at.count >= lexeme.most) return;
  const std::uint32_t counted = lexeme.most == kNone ? lexeme.least : lexeme.most;
  if (at.d == 0 && at.count < counted) ++after.count;
  if (lexeme.texts == nullptr) {
    after.d = to >= CharDecoder::kClass ? 0 : to;
    return put(after, out);
  }
  const TextDfa& dfa = *lexeme.texts;
  if (to >= CharDecoder::kClass) {
    after.q = dfa.next[at.q * dfa.classes + (to - CharDecoder::kClass)];
    after.d = 0;
    if (after.q != 0 && fits_length(lexeme, after)) put(after, out);
    return;
  }
  after.d = to;
  if (lexeme.live[at.q * lexeme.decoder->states() + to] && fits_length(lexeme, after)) put(after, out);
}

void Matcher::step_key(const Position& at, unsigned char byte, Positions& out) {
  const ObjectProgram& object = program_->objects[frames_[at.frame].clause];
  const TextDfa& keys = *object.keys;
  if (byte == '"' && at.d == 0) return end_key(at, at.q, out);
  const std::uint16_t to = object.decoder->step(at.d, byte);
  if (to == CharDecoder::kDead) return;
  const std::vector<std::uint64_t>& labels = allowed(at.frame).labels;
  const auto hopeful = [&](std::uint32_t state) {
    const std::vector<std::uint64_t>& reach = object.reach[state];
    for (std::size_t word = 0; word < labels.size(); ++word)
      if ((reach[word] & labels[word]) != 0) return true;
    return false;
  };
  Position after = at;
  const std::uint32_t* row = &keys.next[at.q * keys.classes];
  if (to >= CharDecoder::kClass) {
    after.q = row[to - CharDecoder::kClass];
    after.d = 0;
    if (after.q != 0 && hopeful(after.q)) put(after, out);
    return;
  }
  after.d = to;
  for (std::uint32_t c = 0; c < keys.classes; ++c)
    if (row[c] != 0 && object.decoder->may_become(to, c) && hopeful(row[c])) return put(after, out);
}

void Matcher::end_text(const Position& at, Positions& out) { end_value(at.frame, out); }

void Matcher::end_key(const Position& at, std::uint32_t state, Positions& out) {
  const ObjectProgram& object = program_->objects[frames_[at.frame].clause];
  const std::uint32_t mark = object.keys->mark[state];
  if (mark == 0) return;
  const std::uint32_t label = mark - 1;
  if ((allowed(at.frame).labels[label / 64] >> (label % 64) & 1u) == 0) return;
  const bool plain = allowed(at.frame).plain[label / 64] >> (label % 64) & 1u;
  if (plain) {
    const std::uint32_t frame = with_label(at.frame, label, false);
    put({Mode::colon, 0, 0, frame, object.nodes[label]}, out);
  }
  const bool witness = !object.witnesses.empty() && !frames_[at.frame].witnessed;
  if (!witness || !fits(object.witnesses[label], frames_[at.frame].depth)) return;
  const std::uint32_t frame = with_label(at.frame, label, true);
  put({Mode::colon, 0, 0, frame, object.witnesses[label]}, out);
}

void Matcher::step_number(const Position& at, unsigned char byte, Positions& out) {
  const NumberLexeme& lexeme = program_->numbers[at.ref];
  const TextDfa& dfa = *lexeme.texts;
  const std::uint32_t q = byte < 128 ? dfa.next[at.q * dfa.classes + lexeme.class_of[byte]] : 0;
  if (q != 0) return put({Mode::number, 0, 0, at.frame, at.ref, q}, out);
  if (dfa.mark[at.q] == 0 || at.frame == 0) return;
  // Nothing that may follow a number is part of one, so the number ends before this byte.
  Positions ended;
  end_value(at.frame, ended);
  for (const Position& next : ended) step(next, byte, out);
}

void Matcher::step_word(const Position& at, unsigned char byte, Positions& out) {
  const std::string_view word = kWords[at.ref];
  if (static_cast<unsigned char>(word[at.q]) != byte) return;
  if (at.q + 1 == word.size()) return end_value(at.frame, out);
  put({Mode::word, 0, 0, at.frame, at.ref, at.q + 1}, out);
}

void Matcher::end_value(std::uint32_t id, Positions& out) {
  if (id == 0) return put({Mode::done}, out);
  Frame frame = frames_[id];
  if (frame.literal) return leave_literal(program_->literals[frame.clause], out);
  if (frame.array && frame.count < program_->arrays[frame.clause].counted) {
    ++frame.count;
    id = intern(frame);
  }
  put({Mode::after, kNoGap, 0, id}, out);
}

void Matcher::step_inside(const Position& at, unsigned char byte, Positions& out) {
  if (const auto gap = longer_gap(at.gap, byte)) return put({at.mode, *gap, 0, at.frame}, out);
  const Frame& frame = frames_[at.frame];
  if (byte == (frame.array ? ']' : '}')) {
    const std::uint32_t parent = frame.parent;
    if (at.mode == Mode::first && may_close(at.frame)) end_value(parent, out);
    return;
  }
  begin_item(at, byte, out);
}

void Matcher::begin_item(const Position& at, unsigned char byte, Positions& out) {
  const Frame& frame = frames_[at.frame];
  if (!more_fit(at.frame)) return;
  if (frame.array) {
    const ArrayProgram& array = program_->arrays[frame.clause];
    Frame witnessed = frame;
    witnessed.witnessed = true;
    const bool witness = witness_element(frame);
    if (plain_element(frame)) begin_value(array.node_at(witnessed.count), at.frame, byte, out);
    if (witness) begin_value(array.witness_at(witnessed.count), intern(witnessed), byte, out);
    return;
  }
  if (byte == '"') put({Mode::key, 0, 0, at.frame, 0, program_->objects[frame.clause].keys->start}, out);
}

void Matcher::step_after(const Position& at, unsigned char byte, Positions& out) {
  if (byte == ',') {
    if (at.gap == kNoGap && more_fit(at.frame)) put({Mode::next, kNoGap, 0, at.frame}, out);
    return;
  }
  if (!may_close(at.frame)) return;
  if (const auto gap = longer_gap(at.gap, byte)) return put({Mode::after, *gap, 0, at.frame}, out);
  const Frame& frame = frames_[at.frame];
  if (byte == (frame.array ? ']' : '}')) end_value(frame.parent, out);
}

}  // namespace tollgate::local
