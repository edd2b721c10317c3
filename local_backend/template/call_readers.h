// One reader per mark that may begin a tool call: tells whether a call follows, and what it says. Readers hold no text:
// they are shown everything from the mark on, again and again, and remember how far they have looked.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/template/tool_calls.h"

namespace tollgate::local {

inline constexpr std::size_t kMaxCall = std::size_t{1} << 20;  // bytes of one call; longer ones are text

struct ReadCall {
  std::string name, id;
  std::string arguments;  // one JSON object
};

class CallReader {
 public:
  enum class Outcome : unsigned char { more, no, yes };
  virtual ~CallReader() = default;
  // `held` begins with the mark and only grows between calls; `last`: it grows no more, so that the outcome is not
  // `more`. The outcome does not depend on how the text came in pieces.
  virtual Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) = 0;
  std::size_t used() const { return used_; }  // after `yes`: bytes of `held` that were the calls

 protected:
  std::size_t used_ = 0;
};

// The marks of a format.
struct FormatMarks {
  std::vector<std::string_view> anywhere;  // begin a call wherever they stand
  std::vector<std::string_view> at_edge;   // only where the answer begins, and behind a thought or another call
  std::vector<std::string_view> closing;   // behind a call: no text
  bool begins_with_header = false;         // the answer may begin with what a mark would begin, without the mark
};
const FormatMarks& marks_of(ToolFormat format);

// `mark` is one of the format's opening marks, or empty for a header at the beginning. `kinds` must outlive the reader.
std::unique_ptr<CallReader> make_call_reader(ToolFormat format, std::string_view mark, const ArgumentKinds& kinds);

// Finds the end of a JSON object or array, going on where it stopped.
class JsonEnd {
 public:
  enum class State : unsigned char { open, closed, wrong };
  // `from`: where the value begins, the same in each call.
  State look(std::string_view text, std::size_t from);
  std::size_t end() const { return at_; }  // after `closed`: behind the last bracket

 private:
  std::size_t at_ = 0;
  std::string open_;  // brackets awaited
  bool begun_ = false, quoted_ = false, escaped_ = false;
};

// The text of a member of a JSON object, as it stands there; empty if there is none. REQUIRES valid JSON.
std::string_view json_member(std::string_view object, std::string_view name);
bool is_json_object(std::string_view text);
// {"name":..., "arguments" or "parameters":..., "id":...}; false if it is no call.
bool read_json_call(std::string_view object, ReadCall& out);
// A text as JSON.
std::string json_quoted(std::string_view text);

}  // namespace tollgate::local
