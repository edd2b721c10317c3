// Cohere's chat, API v2 (POST /v2/chat): the pieces of the dialect "cohere.chat". For cohere*.cpp only.
//
// How its notions are told in chat's terms
//  - `documents` of a request are Media parts (kind document, text) in front of the last user message; documents in the
//    result of a tool are its text.
//  - `tool_plan` is Thinking with `summary` set: Cohere's models are shown it where they are shown thinking.
//  - `strict_tools` is Tool::strict of every function; citation_options.mode other than OFF is Media::citations.
//  - Citations hang on the text that they support; those of thinking and plans stay in Choice::extra.
// Thread rule: pure functions; readers and writers belong to one stream.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/json_write.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::cohere {

inline constexpr std::string_view kName = "cohere.chat";
inline constexpr std::string_view kFamily = "cohere";
// Spellings in the extra of a document: its data where they are more than text and title, and its name in citations; in
// the extra of a text: the document that it was.
inline constexpr std::string_view kData = "~data", kDocumentId = "~id", kDocument = "~document";

const chat::FieldTable& field_table();
Result<chat::Request> read_request(std::string_view body, const ReadContext& context);
Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses);
Result<chat::Reply> read_reply(std::string_view body);
std::string write_reply(const chat::Reply& reply, const StreamOptions& options);
Error read_error(int status, std::string_view body);
std::string write_error(const Error& error);
std::unique_ptr<EventReader> event_reader();
std::unique_ptr<EventWriter> event_writer(const StreamOptions& options);

// What several of the pieces need.
chat::Finish finish_of(std::string_view word);
std::string_view word_of(chat::Finish finish, std::string_view raw);
// A document of a request: a text, or {id, data}.
chat::Part read_document(JsonValue document);
// A document of a tool's result: the way in which Cohere is told any result, so it is a text.
chat::Part read_result_document(JsonValue document);
chat::Citation read_citation(JsonValue citation);
// A citation that no text part can carry: it supports the model's thinking or its plan.
bool is_aside(JsonValue citation);
// `text` is what the citation supports as a whole, `content_index` its place among the message's contents.
void write_citation(JsonWriter& writer, const chat::Citation& citation, std::string_view text, int content_index);
// Appends elements in OpenAI's form, joined by commas, for one of Cohere's items.
void read_logprobs(JsonValue item, std::string& elements);
// Elements in OpenAI's form, an array's text, as Cohere's items.
void write_logprobs(JsonWriter& writer, std::string_view array);
void write_usage(JsonWriter& writer, const Usage& usage);
void read_tool_call(JsonValue call, chat::Part& part);
// One element of tool_calls; `arguments` may be less than the call's (a stream's start has none).
void write_tool_call(JsonWriter& writer, const chat::ToolCall& call, std::string_view arguments,
                     const chat::Extra& extra = {});
// Arguments as Cohere wants them: a custom tool's free text becomes an object.
std::string call_arguments(const chat::ToolCall& call);

}  // namespace tollgate::gateway::cohere
