// Ollama's own chat (POST /api/chat): the pieces of the dialect "ollama.chat". For ollama*.cpp only.
//
// How its notions are told in chat's terms
//  - A message's content is one text; its images stand behind it, base64 without a name of their kind.
//  - Calls have an id only from recent servers. Calls without one get an id that begins with kMadeId and is never sent
//    to a server; results are matched with them by tool_name, oldest first.
//  - Members of `options` that chat has no word for are kept in Request::extra as "options.<name>".
//  - Durations and other members of the last line are kept in Choice::extra, stream or not.
// Thread rule: pure functions; readers and writers belong to one stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/json_write.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::ollama {

inline constexpr std::string_view kName = "ollama.chat";
inline constexpr std::string_view kFamily = "ollama";
inline constexpr std::string_view kMadeId = "ollama_call_";
inline constexpr std::string_view kOptionPrefix = "options.";
// A spelling: the result did not say which call it answers.
inline constexpr std::string_view kFound = "~found";

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
// `calls` tells whether the reply holds calls: Ollama says "stop" then, too.
chat::Finish finish_of(std::string_view word, bool calls);
std::string_view word_of(chat::Finish finish, std::string_view raw);
// By the first characters of the base64 text; "" when unknown.
std::string_view mime_of_image(std::string_view base64);
chat::Part read_image(JsonValue image);
// `seed` and the call's place tell it from all others when the server gave no id.
chat::Part read_tool_call(JsonValue call, std::string_view seed, std::size_t index);
// Writes one element of tool_calls; `index` is -1 in a request, where ids made here are left out. False when the
// arguments were no JSON object, which is what Ollama takes: they are put into one then.
bool write_tool_call(JsonWriter& writer, const chat::ToolCall& call, int index);
// Seconds since 1970 of "2026-08-17T08:22:53.078901Z"; 0 when it is no such text.
std::int64_t seconds_of(std::string_view time);
std::string time_of(std::int64_t seconds);
// Writes prompt_eval_count and eval_count.
void write_usage(JsonWriter& writer, const Usage& usage);

}  // namespace tollgate::gateway::ollama
