// The states between text, thoughts and calls; what a call looks like is the business of call_readers.h. One owner.
#include <algorithm>
#include <string>
#include <utility>

#include "local_backend/template/call_readers.h"
#include "local_backend/template/tool_calls.h"

namespace tollgate::local {
namespace {

// After so many marks that began no call, marks are text: each may have cost a look at kMaxCall bytes.
constexpr int kMaxFailedMarks = 64;

constexpr std::pair<std::string_view, std::string_view> kThoughtMarks[] = {
    {"<think>", "</think>"},
    {"[THINK]", "[/THINK]"},
    {"<seed:think>", "</seed:think>"},
    {"<|channel>thought", "<channel|>"},
};

std::size_t space_at(std::string_view text) { return std::min(text.find_first_not_of(" \t\r\n"), text.size()); }

// How many bytes at the end of `text` may be the beginning of `mark`.
std::size_t begun_mark(std::string_view text, std::string_view mark) {
  for (std::size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (text.ends_with(mark.substr(0, size))) return size;
  }
  return 0;
}

// How many bytes at the end are a character that is not whole.
std::size_t cut_character(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return 0;
    if (byte < 0xC0) continue;
    const std::size_t size = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
    return size > back ? back : 0;
  }
  return 0;
}

class Parser final : public AnswerParser {
 public:
  Parser(ToolFormat format, bool thinking, bool starts_thinking, ArgumentKinds kinds)
      : format_(format),
        kinds_(std::move(kinds)),
        marks_(marks_of(format)),
        thinking_(thinking),
        state_(thinking && starts_thinking ? State::thought : State::text),
        any_closes_(state_ == State::thought) {}

  void push(std::string_view text, std::vector<TextEvent>& out) override {
    held_ += text;
    run(false, out);
  }

  void finish(std::vector<TextEvent>& out) override {
    run(true, out);
    if (state_ == State::thought) emit(TextEvent::Kind::thinking, std::exchange(space_, {}), out);
    if (edge_ == Edge::none || edge_ == Edge::start) emit(TextEvent::Kind::text, std::exchange(space_, {}), out);
    space_.clear();
  }

 private:
  enum class State : unsigned char { text, thought, call };
  // What stood right before, but for white space.
  enum class Edge : unsigned char { none, start, thought, call };

  void run(bool last, std::vector<TextEvent>& out) {
    while (step(last, out)) {
    }
    held_.erase(0, at_);
    at_ = 0;
  }

  // False if more text is needed to go on.
  bool step(bool last, std::vector<TextEvent>& out) {
    if (at_ == held_.size()) return false;
    switch (state_) {
      case State::text:
        return edge_ == Edge::none ? read_text(last, out) : read_edge(last, out);
      case State::thought:
        return read_thought(last, out);
      case State::call:
        return read_call(last, out);
    }
    return false;
  }

  std::string_view rest() const { return std::string_view(held_).substr(at_); }
  bool takes_calls() const { return failed_marks_ < kMaxFailedMarks; }

  // Between the start, a thought or a call and what follows: white space, then marks that count only here.
  bool read_edge(bool last, std::vector<TextEvent>& out) {
    if (const std::size_t space = space_at(rest()); space > 0) {
      space_ += rest().substr(0, space);
      at_ += space;
      return true;
    }
    bool waits = false;
    const auto stands_here = [&](std::string_view mark) {
      waits = waits || (!last && rest().size() < mark.size() && mark.starts_with(rest()));
      return rest().starts_with(mark);
    };
    if (thinking_ && edge_ == Edge::start) {
      for (const auto& [open, close] : kThoughtMarks) {
        if (!stands_here(open)) continue;
        at_ += open.size();
        begin_thought(close);
        return true;
      }
    }
    if (edge_ == Edge::call) {
      for (const std::string_view mark : marks_.closing) {
        if (!stands_here(mark)) continue;
        at_ += mark.size();
        space_.clear();
        return true;
      }
    }
    for (const std::string_view mark : marks_.at_edge) {
      if (takes_calls() && stands_here(mark)) return begin_call(mark);
    }
    if (waits) return false;
    if (edge_ != Edge::call && marks_.begins_with_header && !header_tried_) {
      header_tried_ = true;
      return begin_call({});
    }
    return read_text(last, out);
  }

  bool read_text(bool last, std::vector<TextEvent>& out) {
    const std::string_view text = rest();
    std::size_t found = text.size();
    std::size_t kept = last ? 0 : cut_character(text);
    std::string_view next;
    for (const std::string_view mark : marks_.anywhere) {
      if (!takes_calls()) break;
      const std::size_t at = text.find(mark);
      // At the same place the longer mark is meant, but none is the beginning of another.
      if (at < found) found = at, next = mark;
      if (!last) kept = std::max(kept, begun_mark(text, mark));
    }
    if (found == 0 && !next.empty()) return begin_call(next);
    const std::size_t size = next.empty() ? text.size() - kept : found;
    if (size == 0) return false;
    pass(TextEvent::Kind::text, text.substr(0, size), out);
    at_ += size;
    return true;
  }

  bool read_thought(bool last, std::vector<TextEvent>& out) {
    const std::string_view text = rest();
    if (edge_ != Edge::none) {
      if (const std::size_t space = space_at(text); space > 0) return at_ += space, true;
      // A model may write the mark that the prompt has written already.
      if (any_closes_ && !last && text.size() < kThoughtMarks[0].first.size() &&
          kThoughtMarks[0].first.starts_with(text)) {
        return false;
      }
      edge_ = Edge::none;
      if (any_closes_ && text.starts_with(kThoughtMarks[0].first)) {
        at_ += kThoughtMarks[0].first.size();
        begin_thought(kThoughtMarks[0].second);
        return true;
      }
    }
    std::size_t found = text.size();
    std::size_t kept = last ? 0 : cut_character(text);
    std::string_view next;
    for (const auto& [open, close] : kThoughtMarks) {
      if (!any_closes_ && close != closing_) continue;
      const std::size_t at = text.find(close);
      if (at < found) found = at, next = close;
      if (!last) kept = std::max(kept, begun_mark(text, close));
    }
    const std::size_t size = next.empty() ? text.size() - kept : found;
    if (size == 0 && next.empty()) return false;
    pass(TextEvent::Kind::thinking, text.substr(0, size), out);
    at_ += size + next.size();
    if (next.empty()) return true;
    space_.clear();
    state_ = State::text;
    edge_ = Edge::thought;
    return true;
  }

  bool read_call(bool last, std::vector<TextEvent>& out) {
    std::vector<ReadCall> calls;
    const CallReader::Outcome outcome = reader_->read(rest(), last, calls);
    if (outcome == CallReader::Outcome::more) return false;
    state_ = State::text;
    if (outcome == CallReader::Outcome::no) {
      ++failed_marks_;
      pass(TextEvent::Kind::text, mark_, out);
      at_ += mark_.size();
      return true;
    }
    space_.clear();
    for (ReadCall& call : calls) {
      out.push_back({TextEvent::Kind::call_begin, std::move(call.name), std::move(call.id)});
      out.push_back({TextEvent::Kind::call_arguments, std::move(call.arguments), {}});
      out.push_back({TextEvent::Kind::call_end, {}, {}});
    }
    at_ += reader_->used();
    edge_ = calls.empty() ? Edge::thought : Edge::call;
    return true;
  }

  bool begin_call(std::string_view mark) {
    mark_ = mark;
    reader_ = make_call_reader(format_, mark, kinds_);
    state_ = State::call;
    return true;
  }

  void begin_thought(std::string_view closing) {
    closing_ = closing;
    any_closes_ = false;
    space_.clear();
    state_ = State::thought;
    edge_ = Edge::start;
  }

  // White space is held until something else follows: next to a mark it is no text.
  void pass(TextEvent::Kind kind, std::string_view text, std::vector<TextEvent>& out) {
    if (text.empty()) return;
    const std::size_t end = text.find_last_not_of(" \t\r\n") + 1;
    if (end > 0) {
      if (edge_ == Edge::thought || edge_ == Edge::call) space_.clear();
      emit(kind, std::exchange(space_, {}) + std::string(text.substr(0, end)), out);
      edge_ = Edge::none;
    }
    space_ += text.substr(end);
  }

  static void emit(TextEvent::Kind kind, std::string text, std::vector<TextEvent>& out) {
    if (!text.empty()) out.push_back({kind, std::move(text), {}});
  }

  const ToolFormat format_;
  const ArgumentKinds kinds_;
  const FormatMarks& marks_;
  const bool thinking_;
  State state_;
  Edge edge_ = Edge::start;
  bool any_closes_;  // the prompt began the thought: by which mark is not known
  bool header_tried_ = false;
  int failed_marks_ = 0;
  std::string held_;
  std::size_t at_ = 0;  // of held_: what is before has been told
  std::string space_;
  std::string_view mark_, closing_;
  std::unique_ptr<CallReader> reader_;
};

}  // namespace

std::unique_ptr<AnswerParser> make_answer_parser(ToolFormat format, bool thinking, bool starts_thinking,
                                                 ArgumentKinds kinds) {
  return std::make_unique<Parser>(format, thinking, starts_thinking, std::move(kinds));
}

}  // namespace tollgate::local
