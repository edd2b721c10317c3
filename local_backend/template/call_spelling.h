// How a family writes tool calls, as text around name and arguments: for answers that must be calls. The counterpart of
// the parser in tool_calls.h, which reads what this spells. Formats: docs/formats/tool_calls.md. Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "local_backend/template/tool_calls.h"

namespace tollgate::local {

// mark head open NAME middle {arguments} close (between open NAME middle {arguments} close)* tail
struct CallSpelling {
  std::string mark;  // begins the calls; often a control token
  std::string head, open, middle, close, between, tail;
  bool quotes_name = false;  // NAME is inside of a JSON string
  bool several = false;      // the family may call several functions in one answer
};

// Nothing for formats whose arguments are no JSON (qwen_xml), and where the template shows no tools.
std::optional<CallSpelling> call_spelling(ToolFormat format, std::string_view chat_template);
// The name as it stands in a call; nothing for one that cannot stand there.
std::optional<std::string> spelled_name(const CallSpelling& spelling, std::string_view name);

}  // namespace tollgate::local
