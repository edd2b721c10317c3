#include "core/frames.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/aws_event_stream.h"
#include "core/base64.h"
#include "core/json_write.h"
#include "core/sse.h"

namespace tollgate {
namespace {

// A JSON object that stands among the lines without being an event. Collects it, whatever pieces it comes in.
class BareObject {
 public:
  explicit BareObject(std::size_t max_bytes) : max_(max_bytes) {}
  bool open() const { return depth_ > 0; }
  bool overflowed() const { return overflowed_; }
  std::string_view text() const { return text_; }

  // Starts with the brace that `bytes` begin with; the rest is for add().
  void begin() {
    text_ = '{';
    depth_ = 1;
    in_string_ = escaped_ = false;
  }
  void drop() { depth_ = 0; }
  // Takes what belongs to it; returns how much that was.
  std::size_t add(std::string_view bytes) {
    std::size_t used = 0;
    for (; used < bytes.size() && depth_ > 0; ++used) take(bytes[used]);
    if (used > max_ - std::min(max_, text_.size())) {
      overflowed_ = true;
      drop();
    } else {
      text_ += bytes.substr(0, used);
    }
    return used;
  }

 private:
  void take(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (in_string_) {
      escaped_ = c == '\\';
      in_string_ = c != '"';
    } else if (c == '"') {
      in_string_ = true;
    } else {
      depth_ += c == '{' ? 1 : c == '}' ? -1 : 0;
    }
  }

  std::size_t max_;
  std::string text_;
  int depth_ = 0;
  bool in_string_ = false, escaped_ = false, overflowed_ = false;
};

// Google ends a stream that fails with a bare error object between events, and others do so too: where it is whole
// before the next blank line, it is given as a frame of its own. The rules of event streams would pass over its lines.
class SseFrames final : public FrameReader {
 public:
  explicit SseFrames(std::size_t max_frame_bytes) : scanner_(max_frame_bytes), bare_(max_frame_bytes) {}
  void feed(std::string_view bytes) override {
    chunk_ = bytes;
    if (bare_.open()) {
      collect(0);
    } else if (scanner_.partial_bytes() == 0) {
      look_at(0);
    }
    scanner_.feed(bytes);
  }
  bool next(Frame& frame) override {
    for (;;) {
      if (std::exchange(held_, false)) {
        look_at(event_.end);
        if (!event_.has_data) continue;
        frame = {.event = event_.event, .data = event_.data};
        return true;
      }
      if (!scanner_.next(event_)) {
        behind_bare_ = behind_bare_ || ready_;
        return give_bare(frame);
      }
      held_ = true;
      behind_bare_ = false;
      if (ready_ && whole_at_ <= event_.end) return give_bare(frame);
      bare_.drop();
      ready_ = false;
    }
  }
  bool partial() const override { return bare_.open() || (!behind_bare_ && scanner_.partial_bytes() > 0); }
  std::string_view failure() const override {
    return scanner_.overflowed() || bare_.overflowed() ? "an event of the stream is larger than the limit"
                                                       : std::string_view{};
  }

 private:
  // At the beginning of an event: does an object stand there?
  void look_at(std::size_t offset) {
    const std::size_t at = chunk_.find_first_not_of("\r\n", offset);
    if (at == std::string_view::npos || chunk_[at] != '{') return;
    bare_.begin();
    collect(at + 1);
  }
  void collect(std::size_t offset) {
    whole_at_ = offset + bare_.add(chunk_.substr(offset));
    ready_ = !bare_.open() && !bare_.overflowed();
  }
  bool give_bare(Frame& frame) {
    if (!std::exchange(ready_, false)) return false;
    frame = {.event = {}, .data = bare_.text()};
    return true;
  }

  SseScanner scanner_;
  BareObject bare_;
  SseEvent event_;
  std::string_view chunk_;
  std::size_t whole_at_ = 0;  // where in the chunk the object ended
  bool ready_ = false;        // the object is whole, and not yet given
  bool held_ = false;         // `event_` waits
  bool behind_bare_ = false;  // what the scanner holds are lines of an object that was given
};

// One JSON text per line; blank lines are passed over. The last line is given only once its line end was fed.
class LineFrames final : public FrameReader {
 public:
  explicit LineFrames(std::size_t max_frame_bytes) : max_(max_frame_bytes) {}
  void feed(std::string_view bytes) override { chunk_ = bytes; }
  bool next(Frame& frame) override {
    if (reported_) carry_.clear(), reported_ = false;
    while (!chunk_.empty() && !overflowed_) {
      const std::size_t end = chunk_.find('\n');
      std::string_view line = chunk_.substr(0, end);
      chunk_.remove_prefix(end == std::string_view::npos ? chunk_.size() : end + 1);
      overflowed_ = line.size() > max_ - carry_.size();
      if (overflowed_) return false;
      if (!carry_.empty() || end == std::string_view::npos) {
        carry_ += line;
        line = carry_;
      }
      if (end == std::string_view::npos) return false;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find_first_not_of(" \t") == std::string_view::npos) {
        carry_.clear();
        continue;
      }
      reported_ = !carry_.empty();
      frame = {.event = {}, .data = line};
      return true;
    }
    return false;
  }
  bool partial() const override { return !overflowed_ && !reported_ && !carry_.empty(); }
  std::string_view failure() const override {
    return overflowed_ ? "a line of the stream is larger than the limit" : std::string_view{};
  }

 private:
  std::size_t max_;
  std::string_view chunk_;
  std::string carry_;
  bool reported_ = false, overflowed_ = false;
};

class AwsFrames : public FrameReader {
 public:
  explicit AwsFrames(std::size_t max_frame_bytes) : messages_(max_frame_bytes) {}
  void feed(std::string_view bytes) override { messages_.feed(bytes); }
  bool next(Frame& frame) override {
    while (messages_.next(message_)) {
      const std::string_view kind = message_.text(":message-type");
      if (kind == "exception") {
        frame = {.event = message_.text(":exception-type"), .data = message_.payload, .exception = true};
      } else if (kind == "error") {
        frame = {.event = message_.text(":error-code"), .data = error_data(), .exception = true};
      } else {
        frame = {.event = message_.text(":event-type"), .data = message_.payload};
      }
      if (frame.exception || !frame.data.empty()) return true;
    }
    return false;
  }
  bool partial() const override { return messages_.partial(); }
  std::string_view failure() const override { return messages_.failure(); }

 private:
  // An error without a model says everything in headers; its data is made to look like an exception's.
  std::string_view error_data() {
    if (!message_.payload.empty()) return message_.payload;
    error_.clear();
    JsonWriter(error_).begin_object().member("message", message_.text(":error-message")).end_object();
    return error_;
  }

  AwsMessageReader messages_;
  AwsMessage message_;
  std::string error_;
};

// Events of the model's own dialect inside of AWS messages.
class AwsChunkFrames final : public FrameReader {
 public:
  explicit AwsChunkFrames(std::size_t max_frame_bytes) : messages_(max_frame_bytes) {}
  void feed(std::string_view bytes) override { messages_.feed(bytes); }
  bool next(Frame& frame) override {
    while (failure_.empty() && messages_.next(frame)) {
      if (frame.exception) return true;
      const auto payload = json_.parse(frame.data);
      const JsonValue bytes = payload ? (*payload)["bytes"] : JsonValue{};
      if (payload && !bytes.present()) continue;  // a kind of event that carries nothing of the model
      if (!payload || !base64_decode(bytes.as_string().value_or("="), inside_)) {
        failure_ = "a chunk of the stream holds no readable bytes";
        return false;
      }
      if (inside_.empty()) continue;
      frame = {.event = type_of_inside(), .data = inside_};
      return true;
    }
    return false;
  }
  bool partial() const override { return failure_.empty() && messages_.partial(); }
  std::string_view failure() const override { return failure_.empty() ? messages_.failure() : failure_; }

 private:
  std::string_view type_of_inside() {
    static constexpr std::array<std::string_view, 1> kNames{"type"};
    std::array<ByteRange, 1> values;
    inside_.reserve(inside_.size() + kJsonPadding);
    if (!scan_members(inside_, kNames, values)) return {};
    const std::string_view text = std::string_view(inside_).substr(values[0].begin, values[0].end - values[0].begin);
    if (text.size() < 2 || text.front() != '"' || text.find('\\') != std::string_view::npos) return {};
    return text.substr(1, text.size() - 2);
  }

  AwsFrames messages_;
  JsonReader json_;
  std::string inside_;
  std::string_view failure_;
};

// The elements of one array, cut where commas stand outside of strings and brackets. What is inside an element is not
// checked: whoever reads it parses it.
class ArrayFrames final : public FrameReader {
 public:
  explicit ArrayFrames(std::size_t max_frame_bytes) : max_(max_frame_bytes) {}
  void feed(std::string_view bytes) override { chunk_ = bytes; }
  bool next(Frame& frame) override {
    if (reported_) carry_.clear(), reported_ = false;
    while (!chunk_.empty() && failure_.empty()) {
      if (state_ == State::element) return take_element(frame);
      const char c = chunk_.front();
      if (is_space(c)) {
        chunk_.remove_prefix(1);
      } else {
        between(c);
      }
    }
    return false;
  }
  bool partial() const override { return failure_.empty() && state_ == State::element; }
  std::string_view failure() const override { return failure_; }

 private:
  enum class State : unsigned char { before, first, need, element, behind, after };
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  // A character outside of elements: a bracket or comma of the array itself, or the start of an element.
  void between(char c) {
    const bool may_begin = state_ == State::first || state_ == State::need;
    if (state_ == State::before && c == '[') {
      state_ = State::first;
    } else if ((state_ == State::first || state_ == State::behind) && c == ']') {
      state_ = State::after;
    } else if (state_ == State::behind && c == ',') {
      state_ = State::need;
    } else if (may_begin && c != ',' && c != ']' && c != '}') {
      state_ = State::element;
      return;
    } else {
      failure_ = "the stream is no JSON array";
    }
    chunk_.remove_prefix(1);
  }

  bool take_element(Frame& frame) {
    const std::size_t end = element_end();
    std::string_view text = chunk_.substr(0, end);
    chunk_.remove_prefix(text.size());
    if (text.size() > max_ - carry_.size()) {
      failure_ = "an element of the stream is larger than the limit";
      return false;
    }
    if (!carry_.empty() || end == std::string_view::npos) {
      carry_ += text;
      text = carry_;
    }
    if (end == std::string_view::npos) return false;
    state_ = State::behind;
    reported_ = !carry_.empty();
    while (is_space(text.back())) text.remove_suffix(1);
    frame = {.event = {}, .data = text};
    return true;
  }

  // Offset of the character behind the element, npos when the piece ends first. What ends by itself is not held back
  // until the comma comes.
  std::size_t element_end() {
    std::size_t at = 0;
    while (at < chunk_.size()) {
      if (escaped_) {
        escaped_ = false;
        ++at;
        continue;
      }
      at = chunk_.find_first_of(in_string_ ? std::string_view("\"\\") : std::string_view("\"{}[],"), at);
      if (at == std::string_view::npos) break;
      const Mark mark = mark_of(chunk_[at]);
      if (mark == Mark::behind) return at;
      ++at;
      if (mark == Mark::last) return at;
    }
    return std::string_view::npos;
  }

  // What a quote, backslash, bracket or comma is to the element: within it, its last character, or behind it.
  enum class Mark : unsigned char { within, last, behind };
  Mark mark_of(char c) {
    if (in_string_) {
      escaped_ = c == '\\';
      in_string_ = escaped_;
      return !in_string_ && depth_ == 0 ? Mark::last : Mark::within;
    }
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (depth_ == 0) {
      return Mark::behind;
    } else if (c != ',' && --depth_ == 0) {
      return Mark::last;
    }
    return Mark::within;
  }

  std::size_t max_;
  std::string_view chunk_;
  std::string carry_;  // an element begun in an earlier piece
  std::size_t depth_ = 0;
  State state_ = State::before;
  bool in_string_ = false, escaped_ = false, reported_ = false;
  std::string_view failure_;
};

}  // namespace

std::unique_ptr<FrameReader> make_frame_reader(Framing framing, std::size_t max_frame_bytes) {
  switch (framing) {
    case Framing::ndjson:
      return std::make_unique<LineFrames>(max_frame_bytes);
    case Framing::aws:
      return std::make_unique<AwsFrames>(max_frame_bytes);
    case Framing::aws_chunk:
      return std::make_unique<AwsChunkFrames>(max_frame_bytes);
    case Framing::json_array:
      return std::make_unique<ArrayFrames>(max_frame_bytes);
    case Framing::sse:
      break;
  }
  return std::make_unique<SseFrames>(max_frame_bytes);
}

}  // namespace tollgate
