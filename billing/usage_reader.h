// UsageReader: finds the vendor's usage in a reply or in stream events and turns it into disjoint buckets. One table of
// where each dialect and vendor hides its counts (reference: docs/formats/billing.md). Streams merge last-value-wins
// per field, never summed. Pure. Thread rule: one owner; holds a JsonReader.
//
// Inside: usage_reader.cpp (replies, the result), usage_events.cpp (OpenAI, Anthropic), usage_gemini.cpp,
// usage_bedrock.cpp, usage_cohere.cpp (and Ollama), usage_detect.cpp.
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
  bool apart_reasoning = false;   // reasoning is neither in the completion nor in the total (Vercel's gateway)
  bool x_groq = false;            // usage under x_groq.usage
  bool reported_cost = false;     // usage.cost is the whole charge (OpenRouter), cost_in_usd_ticks (xAI)
  bool timings = false;           // counts stand in "timings" where no usage was asked for (llama.cpp)
};
// Names as in providers.yaml: the member names above. Unknown names are ignored (the loader refuses them).
UsageFlags usage_flags_from(const std::vector<std::string>& names);

class UsageReader {
 public:
  UsageReader() = default;
  // `model` as sent upstream: for vendors whose replies do not name it and whose rules depend on it.
  void reset(UsageDialect dialect, UsageFlags flags, std::string_view model = {});
  // A header of the vendor's reply, before reply() or the first event(); others than Bedrock's are passed over.
  void header(std::string_view name, std::string_view value);
  // A whole non-stream reply body, followed by kJsonPadding readable bytes. Builds no DOM of the body: only usage, and
  // the output array of a Responses reply that holds a built-in tool call, are parsed.
  void reply(std::string_view json);
  // One stream event's data; needs no padding. Cheap when it holds no usage (a substring test; `"usage":null` is none).
  // `event` is the SSE event name, the type of an AWS frame (an exception's too), or "".
  void event(std::string_view event, std::string_view data);
  // True when the last event() was an OpenAI chat usage-only chunk ("choices": []): what an injected include_usage
  // adds.
  bool last_was_usage_only() const { return usage_only_; }
  // True once the dialect's terminal event was seen ([DONE], message_stop, response.completed|incomplete|failed, the
  // last finishReason, Converse's metadata, message-end, done): no usage follows it.
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
  // Containment rules of the usage that was read.
  enum class Shape : unsigned char { openai, anthropic, gemini, converse };

  void openai_event(std::string_view data);
  void responses_event(std::string_view name, std::string_view data);
  void anthropic_event(std::string_view name, std::string_view data);
  void anthropic_start(std::string_view data);
  void media_event(std::string_view name, std::string_view data);
  void media_object(std::string_view object);
  void gemini_reply(std::string_view json);
  void gemini_event(std::string_view name, std::string_view data);
  void read_interaction(std::string_view interaction);
  void read_prediction(std::string_view metadata);
  void read_grounding(std::string_view grounding);
  void converse_event(std::string_view name, std::string_view data);
  void converse_object(std::string_view object);
  void invoke_event(std::string_view name, std::string_view data);
  void invoke_chunk(std::string_view data);
  void invoke_object(std::string_view object);
  void read_invocation(std::string_view data);
  void cohere_event(std::string_view name, std::string_view data);
  void cohere_object(std::string_view object);
  void ollama_event(std::string_view data);
  void ollama_object(std::string_view object);
  void become(UsageDialect dialect);
  void detect_reply(std::string_view json);
  void detect_event(std::string_view name, std::string_view data);

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
  void note_error(std::string_view code);
  void keep_raw(std::string_view text);
  void settle_gemini();
  void settle_aws();
  void sum_parts();

  UsageDialect dialect_ = UsageDialect::openai_chat;
  Shape shape_ = Shape::openai;
  UsageFlags flags_;
  JsonReader reader_;
  RawCounts counts_;
  RawCounts aws_;  // what AWS counted itself: headers and invocation metrics
  Usage usage_;
  std::vector<UsagePart> parts_;
  std::string scratch_;  // a padded copy of the one event that is parsed
  std::string pending_;  // Gemini: the newest usage, read only when asked for, because every event brings one
  std::string model_, served_model_, reply_id_, error_code_, error_type_, start_raw_, raw_;
  std::vector<std::size_t> queries_;             // Gemini: hashes of the searches
  std::uint64_t candidates_ = 0, finished_ = 0;  // Gemini: bits of the candidates seen and finished
  std::int64_t content_events_ = 0, content_bytes_ = 0;
  int head_tries_ = 0;
  bool usage_only_ = false, terminal_ = false, error_seen_ = false, stale_ = false, streamed_ = false;
  bool stopped_ = false;  // Converse: messageStop was seen
};

// The usage in a reply of unknown form; `reported` is false when there is none. As UsageDialect::detect.
Usage find_usage(std::string_view json);

}  // namespace tollgate::billing
