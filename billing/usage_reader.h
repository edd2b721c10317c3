// UsageReader: finds the vendor's usage in a reply or in stream events and turns it into disjoint buckets. One table of
// where each dialect and vendor hides its counts (reference: docs/formats/billing.md). Streams merge last-value-wins
// per field, never summed. Pure. Thread rule: one owner; holds a JsonReader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "billing/usage_counts.h"
#include "billing/usage_part.h"
#include "core/json.h"
#include "core/usage.h"

namespace tollgate::billing {

enum class UsageDialect : unsigned char {
  openai_chat,
  openai_completions,
  openai_responses,
  openai_embeddings,  // and rerank, Voyage, vLLM, llama.cpp: a prompt and a total
  anthropic_messages,
  openai_images,
  openai_audio,      // transcriptions and speech
  gemini,            // generateContent, embedContent, countTokens, interactions; Vertex too
  bedrock_converse,  // frames of ConverseStream: event name = :event-type
  bedrock_invoke,    // InvokeModel of any model family; frames decoded, event name = "type" of the inside or ""
  cohere,            // v1 and v2: chat, embed, rerank
  ollama,            // native
  detect,            // unknown: found by its members in each reply or event
};

struct UsageFlags {
  bool additive_reasoning =
      false;  // reasoning stands beside completion_tokens, not inside (xAI chat); a total decides first
  bool hidden_reasoning = false;  // reasoning shows only in the total (Gemini's OpenAI-compatible endpoint)
  bool x_groq = false;            // usage under x_groq.usage
  bool reported_cost = false;     // usage.cost is the whole charge (OpenRouter), cost_in_usd_ticks (xAI)
};
// Names as in providers.yaml: the member names above. Unknown names are ignored (the loader refuses them).
UsageFlags usage_flags_from(const std::vector<std::string>& names);

class UsageReader {
 public:
  UsageReader() = default;
  void reset(UsageDialect dialect, UsageFlags flags);
  // A whole non-stream reply body, followed by kJsonPadding readable bytes. Builds no DOM of the body: only usage, and
  // the output array of a Responses reply that holds a built-in tool call, are parsed.
  void reply(std::string_view json);
  // One stream event's data; needs no padding. Cheap when it holds no usage (a substring test; `"usage":null` is none).
  // `event` is the SSE event name or "".
  void event(std::string_view event, std::string_view data);
  // True when the last event() was an OpenAI chat usage-only chunk ("choices": []): what an injected include_usage
  // adds.
  bool last_was_usage_only() const { return usage_only_; }
  // True once the dialect's terminal event was seen ([DONE], message_stop, response.completed|incomplete|failed).
  bool saw_terminal() const { return terminal_; }
  // True once the reply or stream carried an error; its code or type for the record.
  bool saw_error() const { return error_seen_; }
  const std::string& error_code() const { return error_code_; }
  const std::string& served_model() const { return served_model_; }
  const std::string& provider_request_id() const { return reply_id_; }
  // True once an event carried model output (not pings, role-only or start frames): time to first token, retry barrier.
  bool saw_content() const { return content_events_ > 0; }
  // The result so far; `reported` is false when the vendor sent none. The raw text is the last usage object as received
  // (Anthropic streams: {"message_start":...,"message_delta":...}), empty when longer than kMaxRawUsage.
  const Usage& usage();
  // Pieces to price one by one (Anthropic iterations), empty when the whole is one piece. usage() is then their sum.
  // Valid after usage().
  const std::vector<UsagePart>& parts() const { return parts_; }
  // Tokens judged from the events seen, for cut streams: max(content events, content bytes / 4).
  std::int64_t estimated_output_tokens() const;

 private:
  void openai_event(std::string_view data);
  void responses_event(std::string_view name, std::string_view data);
  void anthropic_event(std::string_view name, std::string_view data);
  void anthropic_start(std::string_view data);
  void note_content(std::size_t bytes);
  std::string_view type_of(std::string_view data);
  // The event in scratch_, with room behind it; every slice of it is padded too.
  std::string_view padded(std::string_view data);
  // `object` is padded text of an object with top-level usage, model, id, ...
  void read_object(std::string_view object);
  void read_identity(std::string_view model, std::string_view id, std::string_view tier);
  void read_usage(std::string_view usage_text);
  void read_tools(std::string_view output, std::string_view tool_usage);
  void read_iterations(JsonValue iterations);
  void read_error(std::string_view error_text);
  void sum_parts();
  bool anthropic() const { return dialect_ == UsageDialect::anthropic_messages; }

  UsageDialect dialect_ = UsageDialect::openai_chat;
  UsageFlags flags_;
  JsonReader reader_;
  RawCounts counts_;
  Usage usage_;
  std::vector<UsagePart> parts_;
  std::string scratch_;  // a padded copy of the one event that is parsed
  std::string served_model_, reply_id_, error_code_, start_raw_, raw_;
  std::int64_t content_events_ = 0, content_bytes_ = 0;
  int head_tries_ = 0;
  bool usage_only_ = false, terminal_ = false, error_seen_ = false, stale_ = false;
};

}  // namespace tollgate::billing
