// Inside of bedrock*.cpp: names and functions that its files share. Thread rule: constants and pure functions.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/json_write.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::bedrock {

inline constexpr std::string_view kDialect = "bedrock.converse";
inline constexpr std::string_view kFamily = "bedrock";

const chat::FieldTable& field_table();

Result<chat::Request> read_request(std::string_view body, const ReadContext& context);
Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses);
Result<chat::Reply> read_reply(std::string_view body);
std::string write_reply(const chat::Reply& reply, const StreamOptions& options);
std::unique_ptr<EventReader> make_event_reader();
std::unique_ptr<EventWriter> make_event_writer(const StreamOptions& options);

Error read_error(int status, std::string_view body);
std::string write_error(const Error& error);
// True for the name of an exception, which ends a stream; the error it tells.
bool is_exception(std::string_view event);
Error stream_error(std::string_view event, std::string_view data);
// The exception that says such an error in a stream.
std::string_view exception_of(ErrorKind kind);

chat::Finish finish_of(std::string_view stop_reason);
// `raw` is written where it says the same.
std::string_view stop_reason_of(chat::Finish finish, std::string_view raw);
// {"inputTokens": ...}
void write_usage(JsonWriter& writer, const Usage& usage);
// Of additionalModelResponseFields: Claude tells the stop string there, in two places. "" for none.
std::string stop_sequence_in(JsonValue fields);

// Extras keep members by their path inside of what they stand in: "toolUse.type". Writes those right under `prefix`
// ("toolUse."); with an empty prefix, those whose name has no dot.
void write_extra_under(JsonWriter& writer, const chat::Extra& extra, std::string_view prefix);
// The raw value kept under this name, "" for none.
std::string_view extra_value(const chat::Extra& extra, std::string_view name);
void keep_under(chat::Extra& extra, std::string_view prefix, std::string_view name, JsonValue value);

// Only white space, which the service refuses as a text.
bool is_blank(std::string_view text);
// "messages[2].image.url"; "messages[2]" without a member.
std::string place_in(std::size_t message, std::string_view what);

}  // namespace tollgate::gateway::bedrock
