// Names and small tools that the files of the Anthropic dialect share. Internal to anthropic*.cpp. Thread rule: pure
// functions; values belong to their owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json.h"
#include "core/json_write.h"
#include "core/result.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::claude {

inline constexpr std::string_view kDialect = "anthropic.messages";
inline constexpr std::string_view kFamily = "anthropic";

// Where something stands, spelt only when an error needs it: "messages[2].content[0]".
struct Place {
  std::string_view member;
  std::int64_t index = -1;
  const Place* parent = nullptr;
  std::string text() const;
};
Error fault(const Place& place, std::string_view problem);

// Unknown members, but nulls. Those of a known object are kept under "object.member": write_nested() writes them inside
// that object again, write_plain() all others but spellings ('~').
void keep_unknown(chat::Extra& extra, std::string_view name, JsonValue value);
void keep_nested(chat::Extra& extra, std::string_view object, std::string_view member, JsonValue value);
void write_nested(JsonWriter& writer, const chat::Extra& extra, std::string_view object);
bool has_nested(const chat::Extra& extra, std::string_view object);
void write_plain(JsonWriter& writer, const chat::Extra& extra);
const chat::RawJson* find_extra(const chat::Extra& extra, std::string_view name);

// --- blocks -> parts (anthropic_blocks_read.cpp) ---
// Blocks of one message. With `markers`, signatures of other families that write_marker() hid in the caller's history
// are put back onto what they belong to.
Result<void> read_blocks(JsonValue blocks, const Place& place, bool markers, std::vector<chat::Part>& out);
Result<void> read_block(JsonValue block, const Place& place, chat::Part& out);
void read_cache_control(JsonValue value, chat::CacheMark& mark, chat::Extra& extra);
chat::Citation read_citation(JsonValue value);

// --- another family's signature in an opaque slot of this API (anthropic_marker.cpp) ---
struct Marker {
  enum class Kind : unsigned char {
    call,     // of the tool call `id`
    text,     // of the text block before it
    part,     // of a text part without any text
    item,     // of a reasoning item `id`
    summary,  // the same, and the text sums the reasoning up
  } kind = Kind::call;
  std::string id;
  chat::Signature signature;
};
std::string write_marker(const Marker& marker);
bool read_marker(std::string_view text, Marker& out);
// What the `signature` of a thinking block and the `data` of a redacted one say to a caller, and back.
std::string signature_slot(const chat::Thinking& thinking);
std::string redacted_slot(const chat::Thinking& thinking);
void read_signature_slot(std::string_view text, chat::Thinking& out);
void read_redacted_slot(std::string_view text, chat::Thinking& out);

// --- ends (anthropic_finish.cpp) ---
chat::Finish finish_of(std::string_view stop_reason);
// The stop_reason to show. `calls`: another vendor's reply that holds tool calls.
std::string_view stop_reason_of(const chat::Choice& choice, bool calls);

// --- replies ---
// Members of the end of a reply, whole or streamed: stop_reason, stop_sequence, stop_details, container, ...
bool read_end_member(std::string_view name, JsonValue value, chat::Choice& out);
// "msg_..." as callers expect it; `fallback` when the vendor gave none.
std::string message_id(std::string_view id, std::string_view fallback);
// An id that this API takes for tool calls: the same when it is one, else a stable other one.
std::string call_id(std::string_view id);
// The same for a reply's call, which may lack one: then made of the reply's id and the call's place.
std::string call_id_in(std::string_view reply_id, std::string_view id, std::size_t index);
void write_citation(JsonWriter& writer, const chat::Citation& citation);
bool can_cite(const chat::Citation& citation);
// The object `input` of a call: its arguments where they are a JSON object, else {"arguments": text}. False then.
bool write_input(JsonWriter& writer, const chat::ToolCall& call);
void write_reply_blocks(JsonWriter& writer, const std::vector<chat::Part>& parts, std::string_view reply_id,
                        bool same_dialect);
// The "text" block of a signature that stands on text: `alone` when that text is empty.
std::string text_marker(const chat::Signature& signature, bool alone);
bool is_blank(std::string_view text);

// --- usage (anthropic_usage.cpp) ---
// At the start of a stream nothing is known but, perhaps, the input.
void write_usage(JsonWriter& writer, const Usage& usage, std::string_view service_tier);
void write_delta_usage(JsonWriter& writer, const Usage& usage);

// --- errors (anthropic_error.cpp) ---
Error read_error_text(int status, std::string_view body);
// `error`: the object {type, message}; status 0 = say it by the type.
Error read_error_object(int status, JsonValue error);
std::string error_text(const Error& error);

// --- the parts of the dialect ---
const chat::FieldTable& field_table();
Result<chat::Request> read_request(std::string_view body, const ReadContext& context);
// `counting`: for count_tokens.
Result<std::string> write_request(const chat::Request& request, const WriteContext& context, bool counting,
                                  chat::Losses& losses);
Result<chat::Reply> read_reply(std::string_view body);
std::string write_reply(const chat::Reply& reply, const StreamOptions& options);
std::unique_ptr<EventReader> make_event_reader();
std::unique_ptr<EventWriter> make_event_writer(const StreamOptions& options);

// Parsers of this thread: one for whole bodies, one for small texts inside of them.
JsonReader& body_parser();
JsonReader& piece_parser();

}  // namespace tollgate::gateway::claude
