// Content parts of Responses items, and whole items, read into the meaning; shared by requests (`input`) and replies
// (`output`). Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/chat.h"
#include "core/json.h"
#include "core/json_write.h"
#include "gateway/dialects/openai_responses_signature.h"

namespace tollgate::gateway::responses {

// One item, freed of its form. Members that the meaning has no place for are in `extra`.
struct Item {
  chat::Role role = chat::Role::assistant;
  std::string id;
  chat::Extra extra;
  std::vector<chat::Part> parts;
  bool message = false;    // type "message": its parts are content parts
  chat::RawJson logprobs;  // array, of its text parts; "" = none
  // A reasoning item that only carries another part's signature (Signed::call, Signed::text) has no parts.
  Signed carries = Signed::thought;
  chat::Signature carried;
};

// "input[3]", made only for errors.
struct Place {
  std::string_view list;
  std::size_t index = 0;
  std::string text(std::string_view member = {}) const;
};

// Fills an empty item.
Result<void> read_item(JsonValue value, Place place, Item& item);
// A string or an array of content parts. `logprobs` may be null.
Result<void> read_content(JsonValue content, Place place, std::vector<chat::Part>& parts, chat::RawJson* logprobs);

chat::Citation read_citation(JsonValue annotation);
// An annotation object. `length`: characters of the text, for citations that do not say which of them they support.
void write_annotation(JsonWriter& writer, const chat::Citation& citation, std::int64_t length);
std::int64_t count_characters(std::string_view text);

// The type of an item that a vendor-run tool made, or its result, as its own dialect has it.
bool from_caller(std::string_view item_type);
// A media part of a user's message or a tool's result as input_image, input_file, input_audio or input_text. False
// when there is no form for it.
bool write_media(JsonWriter& writer, const chat::Part& part, bool same_dialect, bool cache_marks);
// "prompt_cache_breakpoint" of the part, if it has one and the reader of this knows it.
void write_cache_mark(JsonWriter& writer, const chat::Part& part, bool known);

// Grows an array's text by another array's elements.
void append_elements(chat::RawJson& array, std::string_view other);
std::string quoted(std::string_view text);

}  // namespace tollgate::gateway::responses
