#include "local_backend/template/call_spelling.h"

#include "local_backend/template/marked_readers.h"

namespace tollgate::local {
namespace {

// {"name": "...", "arguments": {...}}
CallSpelling json_call(std::string arguments) {
  CallSpelling spelling;
  spelling.open = "{\"name\": \"";
  spelling.middle = "\", \"" + std::move(arguments) + "\": ";
  spelling.close = "}";
  spelling.quotes_name = true;
  return spelling;
}

CallSpelling json_list(std::string mark, std::string tail) {
  CallSpelling spelling = json_call("arguments");
  spelling.mark = std::move(mark);
  spelling.head = "[";
  spelling.between = ", ";
  spelling.tail = "]" + std::move(tail);
  spelling.several = true;
  return spelling;
}

CallSpelling hermes_call(std::string_view chat_template) {
  const auto has = [&](std::string_view mark) { return chat_template.find(mark) != std::string_view::npos; };
  if (!has("<tool_call>") && has("<tool_calls>")) return json_list("<tool_calls>", "</tool_calls>");
  if (!has("<tool_call>") && has("<TOOLCALL>")) return json_list("<TOOLCALL>", "</TOOLCALL>");
  CallSpelling spelling = json_call("arguments");
  spelling.mark = "<tool_call>\n";
  spelling.close = "}\n</tool_call>";
  spelling.between = "\n<tool_call>\n";
  spelling.several = true;
  return spelling;
}

CallSpelling mistral_call(std::string_view chat_template) {
  constexpr std::string_view kMark = "[TOOL_CALLS]", kArguments = "[ARGS]";
  if (chat_template.find(kArguments) == std::string_view::npos) return json_list(std::string(kMark), "");
  CallSpelling spelling;
  spelling.mark = kMark;
  spelling.middle = kArguments;
  return spelling;
}

// Llama 3.1 and later say {"name": .., "parameters": ..}; templates that only know the tag teach the tag.
CallSpelling llama_call(std::string_view chat_template) {
  const bool tag = chat_template.find("<function=") != std::string_view::npos &&
                   chat_template.find("\"parameters\"") == std::string_view::npos;
  if (!tag) return json_call("parameters");
  CallSpelling spelling;
  spelling.mark = "<function=";
  spelling.middle = ">";
  spelling.close = "</function>";
  return spelling;
}

// V3 and R1 fence the arguments and say a type; V3.1 says neither.
CallSpelling deepseek_call(std::string_view chat_template) {
  const bool fenced = chat_template.find("```json") != std::string_view::npos;
  const std::string call = std::string(kCallBegin) + (fenced ? "function" + std::string(kSeparator) : "");
  CallSpelling spelling;
  spelling.mark = std::string(kCallsBegin) + call;
  spelling.middle = fenced ? "\n```json\n" : std::string(kSeparator);
  spelling.close = (fenced ? "\n```" : "") + std::string(kCallEnd);
  spelling.between = (fenced ? "\n" : "") + call;
  spelling.tail = kCallsEnd;
  spelling.several = true;
  return spelling;
}

}  // namespace

std::optional<CallSpelling> call_spelling(ToolFormat format, std::string_view chat_template) {
  switch (format) {
    case ToolFormat::hermes:
      return hermes_call(chat_template);
    case ToolFormat::mistral:
      return mistral_call(chat_template);
    case ToolFormat::llama3:
      return llama_call(chat_template);
    case ToolFormat::deepseek:
      return deepseek_call(chat_template);
    case ToolFormat::functionary: {
      CallSpelling spelling;
      spelling.mark = ">>>";
      spelling.middle = "\n";
      return spelling;
    }
    case ToolFormat::qwen_xml:
    case ToolFormat::none:
      break;
  }
  return std::nullopt;
}

std::optional<std::string> spelled_name(const CallSpelling& spelling, std::string_view name) {
  if (!spelling.quotes_name) return is_call_name(name) ? std::optional<std::string>(name) : std::nullopt;
  if (name.empty()) return std::nullopt;
  const std::string quoted = json_quoted(name);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace tollgate::local
