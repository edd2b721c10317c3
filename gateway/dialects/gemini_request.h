// Reading and writing of Gemini requests, by their parts. Internal to the dialect. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "gateway/dialects/dialect.h"
#include "gateway/dialects/gemini_spot.h"

namespace tollgate::gateway::gemini_form {

// An object with the members of GenerateContentRequest. `outer` is where it stands.
Result<chat::Request> read_request_object(JsonValue object, const Spot& outer, const ReadContext& context);
// tools, toolConfig and generationConfig.
void read_tools(JsonValue value, const Spot& outer, FirstFault& faults, chat::Request& request);
void read_tool_config(JsonValue value, const Spot& outer, FirstFault& faults, chat::Request& request);
void read_generation_config(JsonValue value, const Spot& outer, FirstFault& faults, chat::Request& request);

// The members of GenerateContentRequest into an open object.
void write_request_members(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                           chat::Losses& losses);
// The members contents and systemInstruction.
void write_contents(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                    chat::Losses& losses);
// The members tools and toolConfig.
void write_tools(JsonWriter& writer, const chat::Request& request, const WriteContext& context, chat::Losses& losses);
// The member generationConfig, where there is something to say in it.
void write_generation_config(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                             chat::Losses& losses);

// What becomes of each field.
const chat::FieldTable& field_table();

// Models before Gemini 3 take thinking budgets, not levels, no media inside of function responses, and calls without
// signatures. Names that do not tell are taken for newer ones.
bool before_gemini_3(std::string_view model);

}  // namespace tollgate::gateway::gemini_form
