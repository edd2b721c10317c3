// UsageReader: replies and events of unknown form, for requests that are relayed without being understood. The form is
// told by its members, and kept for the rest of a stream. Owner: billing, price half.
#include "billing/usage_members.h"
#include "billing/usage_reader.h"
#include "billing/usage_scan.h"

namespace tollgate::billing {
namespace {

using enum UsageDialect;

bool any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view one : words) {
    if (word == one) return true;
  }
  return false;
}

// What the outermost members, and those of a usage object, say.
struct Signs {
  std::string_view type, object, event_type, usage;
  bool candidates = false, choices = false, pictures = false, billed = false, evals = false;
  bool invoke = false, interaction = false, converse = false, usage_info = false, duration = false;

  explicit Signs(std::string_view json) {
    each_key(json, [&](std::string_view key, std::size_t depth, std::size_t value) {
      if (depth > 2) return value_end(json, value);
      if (key == "billed_units") billed = true;
      if (depth == 2) return key == "usage" ? value : value_end(json, value);
      note(json, key, value);
      // Cohere's stands inside delta, meta or response.
      return any_of(key, {"usage", "meta", "delta", "response"}) ? value : value_end(json, value);
    });
    if (usage.find("\"billed_units\"") != kNoOffset) billed = true;
  }

  bool uses(std::string_view quoted_key) const { return find_value(usage, quoted_key) != kNoOffset; }

 private:
  void note(std::string_view json, std::string_view key, std::size_t value) {
    const std::string_view text = value_text(json, value);
    if (key == "type") type = unquoted(text);
    if (key == "object") object = unquoted(text);
    if (key == "event_type") event_type = unquoted(text);
    if (key == "usage" && is_object_text(text)) usage = text;
    if (key == "choices") choices = true;
    if (key == "data") pictures = text.find("\"b64_json\"") != kNoOffset || text.find("\"url\"") != kNoOffset;
    if (key == "usage_info") usage_info = true;
    if (key == "duration") duration = true;
    if (key == "interaction") interaction = true;
    candidates = candidates || any_of(key, {"usageMetadata", "candidates", "promptFeedback", "predictions"});
    evals = evals || any_of(key, {"eval_count", "prompt_eval_count"});
    if (key == "delta" && text.find("\"billed_units\"") != kNoOffset) billed = true;
    invoke = invoke || any_of(key, {"amazon-bedrock-invocationMetrics", "inputTextTokenCount", "prompt_token_count",
                                    "generation_token_count"});
    converse = converse || any_of(key, {"contentBlockDelta", "messageStart", "stopReason"});
  }
};

bool is_cohere_event(std::string_view type) {
  return any_of(type, {"message-start", "content-start", "content-delta", "content-end", "tool-plan-delta",
                       "tool-call-start", "tool-call-delta", "tool-call-end", "citation-start", "message-end"});
}

bool is_anthropic_event(std::string_view type) {
  return any_of(type, {"message", "message_start", "message_delta", "message_stop", "content_block_start",
                       "content_block_delta", "content_block_stop", "ping"});
}

UsageDialect by_type(std::string_view type, const Signs& signs) {
  if (type.starts_with("response.") || signs.object == "response") return openai_responses;
  if (type.starts_with("image_")) return openai_images;
  if (type.starts_with("transcript.") || type.starts_with("speech.")) return openai_audio;
  if (is_cohere_event(type)) return cohere;
  if (is_anthropic_event(type)) return signs.invoke ? bedrock_invoke : anthropic_messages;
  if (any_of(type, {"contentBlockDelta", "contentBlockStart", "messageStart", "messageStop", "metadata"}))
    return bedrock_converse;
  return detect;
}

UsageDialect by_event(const Signs& signs) {
  const std::string_view type = signs.event_type;
  if (type.starts_with("interaction.") || type.starts_with("step.")) return gemini;
  if (any_of(type, {"stream-start", "text-generation", "stream-end"})) return cohere;
  return detect;
}

UsageDialect by_members(const Signs& signs) {
  if (signs.candidates || signs.interaction || signs.object == "interaction") return gemini;
  if (signs.invoke) return bedrock_invoke;
  if (signs.billed) return cohere;
  if (signs.evals) return ollama;
  if (signs.converse || signs.uses("\"inputTokens\"")) return bedrock_converse;
  if (signs.object == "text_completion") return openai_completions;
  if (signs.choices) return openai_chat;
  if (signs.pictures && signs.object.empty()) return openai_images;
  if (signs.usage_info) return openai_embeddings;
  if (signs.duration && signs.usage.empty()) return openai_audio;
  if (signs.usage.empty()) return detect;
  if (signs.uses("\"input_tokens\"")) return signs.uses("\"total_tokens\"") ? openai_responses : anthropic_messages;
  return openai_embeddings;
}

UsageDialect recognise(std::string_view name, std::string_view json) {
  const Signs signs(json);
  UsageDialect found = by_type(name.empty() || name == "message" ? signs.type : name, signs);
  if (found == detect) found = by_event(signs);
  return found == detect ? by_members(signs) : found;
}

}  // namespace

// Goes on as the reader of this dialect; what headers said stays.
void UsageReader::become(UsageDialect dialect) {
  const RawCounts headers = aws_;
  const std::string model = model_, id = reply_id_, error = error_type_;
  reset(dialect, flags_, model);
  aws_ = headers;
  reply_id_ = id;
  error_type_ = error;
  stale_ = true;
}

void UsageReader::detect_reply(std::string_view json) {
  const std::size_t first = skip_space(json, 0);
  // An array is Gemini's stream without framing.
  const bool array = first < json.size() && json[first] == '[';
  const UsageDialect found = array ? gemini : recognise({}, json);
  if (found == detect) return read_object(json);  // an error, perhaps
  become(found);
  reply(json);
}

void UsageReader::detect_event(std::string_view name, std::string_view data) {
  if (data.substr(0, 6) == "[DONE]") {
    terminal_ = true;
    return;
  }
  const UsageDialect found = recognise(name, data);
  if (found == detect) {
    if (find_value(data, "\"error\"") != kNoOffset) read_object(padded(data));
    // Who knows what it is; the caller gets it, so it counts as an answer.
    if (!error_seen_ && data.size() > 2) note_content(data.size());
    return;
  }
  const std::int64_t events = content_events_, bytes = content_bytes_;
  become(found);
  content_events_ = events;
  content_bytes_ = bytes;
  event(name, data);
}

}  // namespace tollgate::billing
