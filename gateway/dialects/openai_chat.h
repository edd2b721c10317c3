// Pieces of the dialect openai.chat that its files share. Internal to openai_chat*.cpp. Pure. Thread rule: anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/chat.h"
#include "core/chat_event.h"
#include "core/json.h"
#include "core/json_write.h"
#include "gateway/dialects/common.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::oai {

inline constexpr std::string_view kName = "openai.chat";
inline constexpr std::string_view kFamily = "openai";

const chat::FieldTable& fields();
bool carries_with(const Quirks& quirks, chat::Field field);

// Parses with the thread's reader; the value lives until the next call on this thread.
Result<JsonValue> parse(std::string_view text);

// The first thing that is wrong with a request, and where. Absent and null members are never wrong.
class Trouble {
 public:
  bool any() const { return !problem_.empty(); }
  void at(std::string_view place, std::string_view problem);
  // Takes over what is wrong inside `list`[index].
  void within(std::string_view list, std::size_t index, const Trouble& inner);
  Error error() const { return bad_request(place_, problem_); }

  void text(std::string_view place, JsonValue value, std::string& out);
  void number(std::string_view place, JsonValue value, std::string& out);
  void integer(std::string_view place, JsonValue value, std::optional<std::int64_t>& out);
  void flag(std::string_view place, JsonValue value, std::optional<bool>& out);
  // True when the value is an array; an object for the other.
  bool array(std::string_view place, JsonValue value);
  bool object(std::string_view place, JsonValue value);

 private:
  void expect_null(std::string_view place, JsonValue value, std::string_view problem);

  std::string place_, problem_;
};

// Unknown members of an object inside a message are kept under "outer.member", spellings under "~member". Nulls say
// nothing and are not kept.
void keep(chat::Extra& extra, std::string_view name, JsonValue value);
void keep_under(chat::Extra& extra, std::string_view outer, std::string_view name, JsonValue value);
// What keep_under() kept for `outer`, as members.
void write_under(JsonWriter& writer, const chat::Extra& extra, std::string_view outer);
// What stands under no other member.
void write_own(JsonWriter& writer, const chat::Extra& extra);
// The raw value kept under this name; "" if none.
std::string_view kept(const chat::Extra& extra, std::string_view name);

// An id for a call that its vendor gave none: "call_" and 24 letters and digits made of the seed.
std::string make_call_id(std::string_view seed, std::size_t ordinal);
// Letters and digits made of any text, the same for the same text.
std::string digest_text(std::string_view text, std::size_t length);

// Ids of calls as the vendor takes them, the same for a call and its results.
class CallIds {
 public:
  // `as_given`: long ids stay as they are.
  CallIds(const chat::Request& request, bool short_ids, bool as_given);
  std::string of(const chat::ToolCall& call) const { return said(&call, call.id); }
  std::string of(const chat::ToolResult& result) const { return said(&result, result.call_id); }

 private:
  std::string said(const void* part, const std::string& id) const;
  void pair_nameless(const chat::Request& request);

  std::vector<std::pair<const void*, std::string>> made_;  // for parts without an id
  bool short_, as_given_;
};

// ---- content parts (openai_chat_parts*.cpp)

// Appends the parts of a `content`: a string, an array of parts, or null.
void read_content(JsonValue content, std::vector<chat::Part>& out, Trouble& trouble);
chat::Part read_part(JsonValue part, Trouble& trouble);
// The cache mark of an Anthropic cache_control object.
chat::CacheMark read_cache_control(JsonValue value);
// One image of an `images` list, or an image_url part: {image_url: {url}} or {image_url: "..."}.
chat::Media read_image(JsonValue image_url, chat::Extra& extra);

struct PartContext {
  const Quirks& quirks;
  bool same_dialect;
  chat::Losses& losses;
};
// Appends one content part to the open array. `index` is the message's, for naming losses. False when this vendor
// cannot be told (named in losses).
bool write_part(JsonWriter& writer, const chat::Part& part, std::size_t index, const PartContext& context);
// cache_control or prompt_cache_breakpoint, where the vendor takes it.
bool cache_written(const chat::Part& part, const PartContext& context);
void write_cache(JsonWriter& writer, const chat::CacheMark& cache, const chat::Extra& extra,
                 const PartContext& context);
std::string image_location(const chat::Media& media);

// ---- reasoning (openai_chat_reasoning.cpp)

// The members of a message or delta that carry reasoning.
struct ThoughtMembers {
  JsonValue reasoning, reasoning_content, details;
};
// A signature that belongs to the tool call with this id.
struct CallSignature {
  std::string call_id;
  chat::Signature signature;
};
// One item of reasoning_details in our words.
struct Detail {
  enum class Kind : unsigned char { other, text, summary, encrypted } kind = Kind::other;
  std::string_view text;  // text or summary
  chat::Signature signature;
  std::string_view id;
  bool redacted = false;  // the signature is a whole thought without a text
};
Detail read_detail(JsonValue item);
// True for families whose reasoning items have ids of their own (OpenAI's and its kin).
bool has_item_ids(std::string_view origin);
std::string_view plain_thought(const ThoughtMembers& members);
void read_thoughts(const ThoughtMembers& members, std::vector<chat::Part>& out, std::vector<CallSignature>& of_calls);
// True when reasoning_details has to say it: there is a signature, or a family is known.
bool needs_details(const chat::Thinking& thinking);
// Appends the items of reasoning_details. `index` counts them. `wrap`: write for a caller (chat::wrap_signature).
void write_details(JsonWriter& writer, const chat::Thinking& thinking, std::int64_t& index, bool wrap);
void write_call_detail(JsonWriter& writer, const chat::ToolCall& call, std::string_view id, std::int64_t& index);

// ---- messages (openai_chat_message*.cpp)

// The members of a message or of a stream's delta, whatever order they come in.
struct Members {
  JsonValue role, content, name, refusal, tool_call_id, tool_calls, function_call, audio, images, annotations;
  JsonValue extra_content, cache_control;
  ThoughtMembers thoughts;
};
// Unknown members go to `extra`, as "message.NAME" when `under_message`.
void read_members(JsonValue message, bool under_message, Members& out, chat::Extra& extra);
// What an assistant said. `seed` makes ids for calls without one. Empty texts are left out for a `reply`.
void read_assistant(const Members& members, std::string_view seed, bool reply, std::vector<chat::Part>& out,
                    Trouble& trouble);
chat::Part read_call(JsonValue value, std::string_view seed, std::size_t ordinal);
// extra_content.google.thought_signature.
chat::Signature read_google_signature(JsonValue extra_content);
void write_google_signature(JsonWriter& writer, const chat::Signature& signature);
chat::Citation read_annotation(JsonValue value);
// `offset`: characters of the reply before the text that the citation belongs to; `length`: of that text.
void write_annotation(JsonWriter& writer, const chat::Citation& citation, std::int64_t offset, std::int64_t length);
std::int64_t characters(std::string_view text);
// Perplexity's search_results, or its citations where there are no results. They have no `raw`.
void read_sources(JsonValue results, JsonValue citations, std::vector<chat::Citation>& out);
std::string text_of(JsonValue arguments);

void read_message(JsonValue value, std::size_t index, std::string& last_function_id, chat::Message& out,
                  Trouble& trouble);
void write_messages(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                    chat::Losses& losses);

// ---- tools and settings

bool read_tool_member(std::string_view key, JsonValue value, chat::Request& out, Trouble& trouble);
void write_tools(JsonWriter& writer, const chat::Request& request, const WriteContext& context, chat::Losses& losses);
bool read_reasoning_member(std::string_view key, JsonValue value, chat::Request& out, Trouble& trouble);
void write_reasoning(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                     chat::Losses& losses);

Result<chat::Request> read_request(std::string_view body, const ReadContext& context);
Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses);

// ---- replies

chat::Finish read_finish(std::string_view word);
// The word that the dialect has for it; "" for unset.
std::string_view finish_word(chat::Finish finish, bool has_calls);
bool has_calls(const std::vector<chat::Part>& parts);
// {"content": [...]} and its kin: the elements' text without brackets.
std::string_view elements_of(std::string_view array);
void read_logprobs(JsonValue logprobs, chat::RawJson& content, chat::Extra& extra);
void write_logprobs(JsonWriter& writer, const chat::RawJson& content, const chat::Extra& extra, bool own);
void write_usage(JsonWriter& writer, const Usage& usage);
// The id that the caller sees.
std::string reply_id(const chat::Reply& reply, const StreamOptions& options);

Result<chat::Reply> read_reply(std::string_view body);
std::string write_reply(const chat::Reply& reply, const StreamOptions& options);
std::unique_ptr<EventReader> event_reader();
std::unique_ptr<EventWriter> event_writer(const StreamOptions& options);

// ---- errors

// True for an object that is an error in any vendor's form; not for replies.
bool is_error(JsonValue body);
Error read_error(int status, std::string_view body);
Error read_error(int status, JsonValue body);
std::string write_error(const Error& error);

}  // namespace tollgate::gateway::oai
