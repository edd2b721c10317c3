// The halves of the OpenAI Responses dialect, tied together in openai_responses.cpp.
//
// How it fits the meaning
//  - `instructions` is a leading system message with "~instructions" in its extra, so that it is told from a system
//    item; from another dialect the leading plain system messages become `instructions`.
//  - Each item of `input` is one Message; of `output`, one or more parts of the only Choice. In a reply a part keeps
//    its item's members in Part::extra: under their own names, for parts of message items as "item.<name>".
//  - Reasoning: encrypted_content is the signature, the item's id is Thinking::id. What other families signed is
//    handed out in encrypted_content too (openai_responses_signature.h).
//  - Spellings in extras: "~input" and "~content" (a string or an array), "~type" (message), "~status", "~summary"
//    (more than one part), "~include", "~user", and top-level members with their default value ("~truncation").
//
// Thread rule: pure functions; readers and writers belong to one stream.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/json.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::responses {

inline constexpr std::string_view kName = "openai.responses";
inline constexpr std::string_view kFamily = "openai";
inline constexpr std::string_view kItemPrefix = "item.";

const chat::FieldTable& field_table();
bool carries_with(const Quirks& quirks, chat::Field field);

Result<chat::Request> read_request(std::string_view body, const ReadContext& context);
Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses);
Result<chat::Reply> read_reply(std::string_view body);
std::string write_reply(const chat::Reply& reply, const StreamOptions& options);
std::unique_ptr<EventReader> make_event_reader();
std::unique_ptr<EventWriter> make_event_writer(const StreamOptions& options);

Error read_error(int status, std::string_view body);
// The error of a stream event or of a failed response: `error` is its object, `outer` what holds it.
Error error_of_event(JsonValue error, JsonValue outer);
std::string write_error(const Error& error);
// The `type` word of an error body.
std::string_view error_type(const Error& error);
// The nearest of the codes that a Response's `error` may hold.
std::string_view response_error_code(const Error& error);

// The value of this name in `extra`, nullptr when there is none.
const chat::RawJson* find_extra(const chat::Extra& extra, std::string_view name);

// What `status`, the reason of an incomplete reply and the parts say about how a reply ended.
void set_finish(chat::Choice& choice, std::string_view status, std::string_view reason, bool calls, bool refused);

}  // namespace tollgate::gateway::responses
