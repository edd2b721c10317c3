// Parts of a Gemini content, both ways: what requests, replies and streams have in common. Internal to the dialect.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/json_write.h"
#include "gateway/dialects/gemini_spot.h"

namespace tollgate::gateway::gemini_form {

inline constexpr std::string_view kDialect = "gemini.generate";
inline constexpr std::string_view kFamily = "google";

// The member's name in camelCase, which the API takes as well as snake_case. `scratch` holds it where it is changed.
std::string_view camel(std::string_view name, std::string& scratch);

// thoughtSignature is the one opaque slot, and SDKs decode it as base64. A foreign signature travels in it as base64 of
// "tollgate.[redacted.][id:<id>.]<origin>.<value>"; one of this family as it is. A call that no Gemini model made and
// nobody signed gets one of origin "none": when it comes back, it is known for what it is.
inline constexpr std::string_view kUnsigned = "none";
struct Packed {
  chat::Signature signature;
  bool redacted = false;
  std::string id;  // of the thought
};
std::string pack_signature(const chat::Signature& signature, bool redacted = false, std::string_view id = {});
Packed unpack_signature(std::string_view text);

// One element of `parts`. Problems go to `faults`; what is unknown becomes extra, or an Opaque part as a whole. A call
// or result without an id gets none here, and the extra "~id".
void read_part(JsonValue value, const Spot& spot, FirstFault& faults, chat::Part& out);
// `parts` of `outer`: an array, or one part (which the API takes too).
void read_parts(JsonValue value, const Spot& outer, FirstFault& faults, std::vector<chat::Part>& out);

// Callers send a streamed thought back in the pieces it came in, each in a content of its own, and another vendor's
// signature behind them in a piece without text: together they are one thought, which that vendor takes back only
// whole.
void join_signed_thoughts(std::vector<chat::Message>& messages);

// Keeps an unknown member of the object that `prefix` names, "" for the one that the extras belong to. Dots and a
// leading
// '~' mean something in names of extras and are replaced.
void keep_member(chat::Extra& extra, std::string_view prefix, std::string_view key, JsonValue value);
// The raw value of the extra with this name, "" if there is none.
std::string_view extra_of(const chat::Extra& extra, std::string_view name);
// Extras named "<prefix>.<member>" as members; with an empty prefix those whose names have no dot.
void write_extras(JsonWriter& writer, const chat::Extra& extra, std::string_view prefix = {});

// A whole part: {"text": ..., "thought": true, "thoughtSignature": ...}.
void write_text_part(JsonWriter& writer, std::string_view text, bool thought, std::string_view signature);
// The value of `args`: always an object. Text that is none is kept as {"input": text}.
void write_arguments(JsonWriter& writer, const chat::ToolCall& call);
// inlineData or fileData into an open part; false, and nothing written, when there is neither data nor a place.
struct MediaStyle {
  bool name = false;                   // write the file's name: Vertex AI takes it, the Gemini API does not
  bool guess = true;                   // write a MIME type though none was said
  const chat::Extra* extra = nullptr;  // "blob.*" are members as well
};
bool write_media(JsonWriter& writer, const chat::Media& media, const MediaStyle& style);

}  // namespace tollgate::gateway::gemini_form
