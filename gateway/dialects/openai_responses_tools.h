// Tools, tool choice, text format and reasoning of a Responses request, both directions; a reply echoes them.
// Thread rule: pure functions.
#pragma once

#include <string_view>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json.h"
#include "core/json_write.h"
#include "core/result.h"
#include "gateway/dialects/quirks.h"

namespace tollgate::gateway::responses {

Result<void> read_tools(JsonValue tools, chat::Request& request);
Result<void> read_tool_choice(JsonValue choice, chat::Request& request);
// `text` and `reasoning`; unknown members go to the request's extra as "text.<name>" and "reasoning.<name>".
Result<void> read_text(JsonValue text, chat::Request& request);
Result<void> read_reasoning(JsonValue reasoning, chat::Request& request);

// Each writes one value. `losses` may be null.
void write_tools(JsonWriter& writer, const chat::Request& request, const Quirks& quirks, bool same_dialect,
                 chat::Losses* losses);
void write_tool_choice(JsonWriter& writer, const chat::Request& request);
void write_text(JsonWriter& writer, const chat::Request& request, bool same_dialect);
void write_reasoning(JsonWriter& writer, const chat::Request& request, bool same_dialect);

// The effort word that the request comes to; "" when it does not say.
std::string_view effort_of(const chat::Reasoning& reasoning);
// Members of `extra` that are named "<object>.<member>", as members.
void write_nested_extra(JsonWriter& writer, const chat::Extra& extra, std::string_view object);

}  // namespace tollgate::gateway::responses
