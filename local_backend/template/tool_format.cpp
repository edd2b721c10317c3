// Which format a template teaches its model.
#include "local_backend/template/tool_calls.h"

namespace tollgate::local {

// By the marks that the template writes around calls of earlier turns, or tells the model to write.
ToolFormat detect_tool_format(std::string_view chat_template) {
  const auto has = [&](std::string_view mark) { return chat_template.find(mark) != std::string_view::npos; };
  if (has("[TOOL_CALLS]")) return ToolFormat::mistral;
  if (has("<｜tool▁call▁begin｜>")) return ToolFormat::deepseek;
  if (has("<function=") && has("<parameter=")) return ToolFormat::qwen_xml;
  if (has("'>>>' + ") || has(">>>all")) return ToolFormat::functionary;
  // The same outer mark with XML inside, or behind another mark: not a format that is read here.
  const bool foreign = has("<arg_key>") || has("<invoke");
  const bool hermes = has("<tool_call>") || has("<tool_calls>") || has("<TOOLCALL>");
  if (hermes && !foreign && has("\"arguments")) return ToolFormat::hermes;
  const bool asks_for_json = has("{\"name\": function name, \"parameters\"");
  if (has("<|python_tag|>") || has("<function=") || asks_for_json) return ToolFormat::llama3;
  return ToolFormat::none;
}

}  // namespace tollgate::local
