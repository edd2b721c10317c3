// How a template wants the messages of a conversation with tools. docs/formats/chat_templates.md tells the whole
// context. Thread rule: free function.
#pragma once

#include "local_backend/template/chat_template.h"

namespace tollgate::local {

// messages[].tool_calls[].function.arguments: templates either walk through an object or write a JSON text as it is.
enum class ArgumentForm : unsigned char { object, text };

// Found by rendering a small conversation both ways: object, unless only text comes out as JSON. Costs two renderings;
// do it once per template.
ArgumentForm argument_form(const ChatTemplate& chat_template);

}  // namespace tollgate::local
