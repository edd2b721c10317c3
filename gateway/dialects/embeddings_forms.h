// The wire forms of embeddings, and what they share. For embeddings*.cpp only. Thread rule: pure functions.
#pragma once

#include "core/json.h"
#include "core/json_write.h"
#include "gateway/dialects/embeddings.h"
#include "gateway/dialects/faults.h"

namespace tollgate::gateway::embed {

inline constexpr std::string_view kOpenai = "openai.embeddings";
inline constexpr std::string_view kVoyage = "voyage.embeddings";
inline constexpr std::string_view kCohere = "cohere.embed";
inline constexpr std::string_view kGemini = "gemini.embed";
inline constexpr std::string_view kGeminiBatch = "gemini.batch_embed";

extern const EmbedForm kOpenaiForm, kVoyageForm, kCohereForm, kGeminiForm, kGeminiBatchForm;

// A word of a form for each purpose; "" = the form has none.
struct PurposeWord {
  EmbedPurpose purpose;
  std::string_view word;
};
EmbedPurpose purpose_of(std::span<const PurposeWord> words, std::string_view word);
std::string_view word_of(std::span<const PurposeWord> words, EmbedPurpose purpose);

EmbedPart text_part(std::string_view text);
// From a URL or data URL.
EmbedPart image_part(std::string_view url);
// The text of an input that is one text and nothing else; nullptr for others.
const std::string* lone_text(const EmbedInput& input);
// Error: the form takes no such input.
Error refused_input(std::size_t index, std::string_view what, std::string_view form);
// Names what a form that knows none of them loses: dimensions and so on are the callers' own matter.
void lose_extra(const EmbedRequest& request, chat::Losses& losses);
// True when the request asks for another type than float.
bool wants_other_types(const EmbedRequest& request);
// The vector's value as a JSON value: numbers, or a string of base64.
void write_value(JsonWriter& writer, const EmbedVector& vector, bool base64);
// Vectors of one type in the order of their inputs.
std::vector<const EmbedVector*> in_order(const EmbedReply& reply, std::string_view type);

}  // namespace tollgate::gateway::embed
