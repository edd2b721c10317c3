// Tool calls in the text that a model writes: every family has its own marks. The parser takes text as it comes and
// tells what is plain text, what is a thought and what is a call; it holds back only what may still become a mark.
// Formats: docs/formats/tool_calls.md. Thread rule: one owner.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::local {

enum class ToolFormat : unsigned char {
  none,      // the template shows no tools: everything is text
  hermes,    // <tool_call>{"name":..,"arguments":{..}}</tool_call>: Hermes 2 and 3, Qwen 2.5 and 3
  llama3,    // {"name":..,"parameters":{..}} as the whole answer, <|python_tag|>, <function=name>{..}</function>
  mistral,   // [TOOL_CALLS][{"name":..,"arguments":{..},"id":..}], and [TOOL_CALLS]name[ARGS]{..}
  deepseek,  // <｜tool▁calls▁begin｜>..., V3 and V3.1
  qwen_xml,  // <tool_call><function=name><parameter=p>value</parameter></function></tool_call>: Qwen 3 Coder
  functionary,
};

// What the template's own text gives away.
ToolFormat detect_tool_format(std::string_view chat_template);

struct TextEvent {
  enum class Kind : unsigned char { text, thinking, call_begin, call_arguments, call_end } kind = Kind::text;
  std::string text;  // the piece; the name at call_begin; JSON text of the arguments, whole or in pieces
  std::string id;    // at call_begin, where the format has ids; else empty
};

class AnswerParser {
 public:
  virtual ~AnswerParser() = default;
  // Appends what is sure now.
  virtual void push(std::string_view text, std::vector<TextEvent>& out) = 0;
  // The end of the answer: what is held back becomes text, a call that was cut is closed if its arguments are whole
  // JSON and becomes text otherwise.
  virtual void finish(std::vector<TextEvent>& out) = 0;
};
// Which JSON kinds a function's argument may be of, as bits; 0: not known. Formats whose arguments are no JSON ask it.
enum ArgumentKind : unsigned {
  kTextArgument = 1,
  kNumberArgument = 2,
  kBooleanArgument = 4,
  kNullArgument = 8,
  kObjectArgument = 16,
  kArrayArgument = 32,
};
using ArgumentKinds = std::function<unsigned(std::string_view function, std::string_view argument)>;

// `thinking`: <think>...</think> (and the family's other marks) become thoughts; `starts_thinking`: the prompt ended
// inside of one.
std::unique_ptr<AnswerParser> make_answer_parser(ToolFormat format, bool thinking, bool starts_thinking,
                                                 ArgumentKinds kinds = {});

}  // namespace tollgate::local
