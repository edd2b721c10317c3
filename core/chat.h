// The one meaning of a chat: what a request asks and what a reply says, free of any vendor's form. A dialect
// (gateway/dialects) reads its wire form into these types and writes them back; translation is "read here, write
// there".
//
// Conventions
//  - `RawJson` is the compact text of one JSON value; "" means absent. `Number` is the text of a JSON number as the
//    client wrote it, so that 0.7 stays 0.7; "" means absent.
//  - Roles are four. A tool's result is a ToolResult part in a `user` message, whatever the dialect calls that role.
//    A reader makes one Message of each wire message or item; writers merge or split them as their dialect needs
//    (merge_adjacent below).
//  - `extra` keeps what a dialect has and the meaning has not, for that same dialect only: {member name, RawJson}.
//    A writer of another dialect leaves it out, and the loss is named (core/chat_fields.h). A name that begins with '~'
//    keeps that dialect's own spelling of something the meaning has too: leaving it out is no loss.
//  - `origin` names the API family that made an opaque value ("anthropic", "openai", "google", "bedrock", "cohere",
//  ...). Signatures
//    and encrypted reasoning mean something to that family only.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/usage.h"

namespace tollgate::chat {

using RawJson = std::string;
using Number = std::string;
using Extra = std::vector<std::pair<std::string, RawJson>>;

enum class Role : unsigned char { system, developer, user, assistant };

// A prompt cache breakpoint behind the part, tool or message it stands on.
struct CacheMark {
  bool set = false;
  std::string ttl;  // "5m", "1h"; "" = the vendor's default
};

// An opaque proof that a model made a thought or call; goes back to its family in the next turn, unchanged.
struct Signature {
  std::string value, origin;
  bool empty() const { return value.empty(); }
};

// Where a text was taken from.
struct Citation {
  std::string url, title, quote;
  std::int64_t begin = -1, end = -1;  // characters of the text it supports; -1 = not said
  std::string origin;                 // of `raw`
  RawJson raw;                        // as its dialect wrote it
};

struct Text {
  std::string text;
  std::vector<Citation> citations;
  Signature signature;  // Gemini signs text parts too
};
struct Refusal {
  std::string text;
};
// Image, document, audio or video. One of `data`, `url`, `file_id`, `text` is set.
struct Media {
  enum class Kind : unsigned char { image, document, audio, video } kind = Kind::image;
  std::string mime;        // "image/png"; "" = not said
  std::string data;        // base64, without "data:"
  std::string url;         // http(s), gs:, s3:
  std::string file_id;     // the vendor's own file store; means nothing elsewhere
  std::string text;        // a document given as plain text
  std::string name;        // file name or title
  std::string context;     // what the caller says about a document
  std::string detail;      // image: low | high | auto | original
  std::string id;          // of generated audio, for the next turn
  std::string transcript;  // of generated audio
  bool citations = false;  // document: cite from it
};
struct ToolCall {
  std::string id, name;
  std::string arguments;  // JSON text of an object; as the model wrote it, so it may be broken
  Signature signature;    // Gemini signs calls
  bool custom = false;    // an OpenAI custom tool: `arguments` is free text, not JSON
};
struct Part;
struct ToolResult {
  std::string call_id;
  std::string name;           // Gemini matches by name; "" = look it up by id (chat::name_of_call)
  std::vector<Part> content;  // text and media
  RawJson json;               // given as an object (Gemini response, Bedrock json block); content is then empty
  bool is_error = false;
  bool custom = false;
};
// Reasoning that the model shows. Some or all of text, signature and redacted data are there.
struct Thinking {
  std::string text;
  bool summary = false;  // `text` sums the reasoning up, it is not the reasoning itself
  Signature signature;   // or, for OpenAI, encrypted_content
  Signature redacted;    // Anthropic redacted_thinking and Bedrock redactedContent: no text at all
  std::string id;        // OpenAI reasoning item
};
// A block that the meaning does not model: server tool calls and their results, containers, compaction, ... Kept for
// its own dialect.
struct Opaque {
  std::string dialect;  // dialect name: "anthropic.messages"
  std::string type;     // "web_search_tool_result"
  RawJson json;
};

struct Part {
  std::variant<Text, Refusal, Media, ToolCall, ToolResult, Thinking, Opaque> what;
  CacheMark cache;
  Extra extra;

  template <class T>
  const T* get() const {
    return std::get_if<T>(&what);
  }
  template <class T>
  T* get() {
    return std::get_if<T>(&what);
  }
};

struct Message {
  Role role = Role::user;
  std::vector<Part> parts;
  std::string name;  // participant's name (OpenAI)
  std::string id;    // item id (Responses)
  Extra extra;
};

// A function that the caller runs, or a tool that the vendor runs.
struct Tool {
  enum class Kind : unsigned char {
    function,
    custom,  // free text in and out (OpenAI); `config` keeps its format
    web_search,
    web_fetch,
    code_execution,
    file_search,
    image_generation,
    computer,
    mcp,
    other,
  } kind = Kind::function;
  std::string name, description;
  RawJson parameters;          // JSON Schema of a function's arguments; "" = takes none
  std::optional<bool> strict;  // arguments must match the schema
  CacheMark cache;
  std::string origin;  // of `config`: dialect name
  RawJson config;      // a vendor-run tool as its dialect declares it, whole
  Extra extra;
};

struct ToolChoice {
  enum class Mode : unsigned char { unset, automatic, none, required, named } mode = Mode::unset;
  std::string name;                  // Mode::named
  std::vector<std::string> allowed;  // only these functions; empty = all
  std::optional<bool> parallel;      // several calls in one turn
};

struct ResponseFormat {
  enum class Kind : unsigned char { unset, text, json_object, json_schema } kind = Kind::unset;
  std::string name, description;
  RawJson schema;
  std::optional<bool> strict;
};

struct Reasoning {
  enum class Mode : unsigned char { unset, off, on, adaptive } mode = Mode::unset;
  std::string effort;                  // none | minimal | low | medium | high | xhigh | max
  std::optional<std::int64_t> budget;  // tokens; Gemini's -1 (dynamic) is Mode::adaptive
  std::optional<bool> include;         // show thoughts in the reply
  std::string summary;                 // auto | concise | detailed
};

struct Request {
  std::string model;
  bool stream = false;
  std::vector<Message> messages;  // system and developer texts among them, in the order given
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  ResponseFormat format;
  Reasoning reasoning;
  std::optional<std::int64_t> max_output_tokens;
  Number temperature, top_p, top_k, min_p, frequency_penalty, presence_penalty, repetition_penalty;
  std::optional<std::int64_t> seed, n;
  std::vector<std::string> stop;
  std::optional<bool> logprobs;
  std::optional<std::int64_t> top_logprobs;
  RawJson logit_bias;        // {"token id": bias}
  std::string user;          // the caller's end user
  RawJson metadata;          // object of strings
  std::string service_tier;  // auto | default | flex | priority | ...: as written; writers map what they know
  std::optional<bool> store;
  std::string prompt_cache_key;
  std::string previous_response_id;     // Responses: the vendor keeps the conversation
  std::string verbosity;                // low | medium | high
  std::vector<std::string> modalities;  // of the reply: "text", "audio", "image"
  RawJson audio_output;                 // OpenAI {"voice","format"}
  RawJson prediction;                   // OpenAI predicted output
  RawJson safety_settings;              // Gemini
  std::optional<bool> include_usage;    // stream_options.include_usage
  Extra extra;
};

enum class Finish : unsigned char {
  unset,           // not ended (a stream that was cut)
  stop,            // the model was done
  stop_sequence,   // a stop string of the request
  length,          // the output limit
  context_length,  // the context was full
  tool_calls,
  content_filter,  // the vendor's filter or guardrail
  refusal,         // the model refused
  pause,           // a long turn to be continued (Anthropic pause_turn)
  malformed_call,  // Gemini MALFORMED_FUNCTION_CALL
  error,
  other,
};

struct Choice {
  int index = 0;
  std::vector<Part> parts;  // the assistant's message
  Finish finish = Finish::unset;
  std::string finish_raw;  // the dialect's own word, for the same dialect
  std::string stop_sequence;
  RawJson logprobs;  // array in the form of OpenAI chat's choices[].logprobs.content
  Extra extra;
};

struct Reply {
  std::string id, model;
  std::int64_t created = 0;  // Unix seconds; 0 = not said
  std::vector<Choice> choices;
  // Set by the gateway from the billing module's reader, so that the caller is told what the ledger is told.
  Usage usage;
  std::string service_tier, system_fingerprint;
  Extra extra;
  std::string dialect;  // name of the dialect that read it: only that one writes this reply's `extra`s again
};

// Neighbouring messages of one role made one, for dialects that demand turns. System and developer messages are left
// as they are.
std::vector<Message> merge_adjacent(const std::vector<Message>& messages);
// Name of the function that the call with this id asked for, looked up in earlier messages; "" if none.
std::string_view name_of_call(const std::vector<Message>& messages, std::string_view call_id);
// A signature as text that another family's caller can carry: its own value when `own` is its origin, else
// "tollgate.<origin>.<value>". unwrap_signature() undoes it; a text without the prefix is of origin `own`.
std::string wrap_signature(const Signature& signature, std::string_view own);
Signature unwrap_signature(std::string_view text, std::string_view own);
// All text parts of a message joined by `separator`.
std::string joined_text(const std::vector<Part>& parts, std::string_view separator = "");

}  // namespace tollgate::chat
