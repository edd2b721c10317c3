// UsageReader: finds the vendor's usage in a reply or in stream events and turns it into disjoint buckets. One table of
// where each dialect and vendor hides its counts (reference: docs/formats/billing.md). Streams merge last-value-wins per
// field, never summed. Pure. Thread rule: one owner; holds a JsonReader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/usage.h"

namespace tollgate::billing {

enum class UsageDialect : unsigned char { openai_chat, openai_completions, openai_responses, openai_embeddings, anthropic_messages };

struct UsageFlags {
  bool additive_reasoning = false;  // reasoning stands beside completion_tokens, not inside (xAI chat); else decided by total
  bool x_groq = false;              // usage under x_groq.usage
  bool reported_cost = false;       // usage.cost is the whole charge (OpenRouter), cost_in_usd_ticks (xAI)
};
UsageFlags usage_flags_from(const std::vector<std::string>& names);

class UsageReader {
 public:
  UsageReader() = default;
  void reset(UsageDialect dialect, UsageFlags flags);
  // A whole non-stream reply body.
  void reply(std::string_view json);
  // One stream event's data. Cheap when it holds no usage (a substring test). `event` is the SSE event name or "".
  void event(std::string_view event, std::string_view data);
  // True when the last event() was an OpenAI chat usage-only chunk ("choices": []): what an injected include_usage adds.
  bool last_was_usage_only() const { return usage_only_; }
  // True once the dialect's terminal event was seen ([DONE], message_stop, response.completed|incomplete|failed).
  bool saw_terminal() const { return terminal_; }
  // True once the stream carried an error event; its text for the record.
  bool saw_error() const { return error_seen_; }
  const std::string& error_code() const { return error_code_; }
  const std::string& served_model() const { return served_model_; }
  const std::string& provider_request_id() const { return reply_id_; }
  // True once an event carried model output (not pings, role-only or start frames): time to first token, retry barrier.
  bool saw_content() const { return content_; }
  // The result so far; `reported` is false when the vendor sent none.
  const Usage& usage();
  // Tokens judged from the events seen, for cut streams: max(content events, content bytes / 4).
  std::int64_t estimated_output_tokens() const;

 private:
  struct Counts;  // in the .cpp: raw fields as last seen
  UsageDialect dialect_ = UsageDialect::openai_chat;
  UsageFlags flags_;
  JsonReader reader_;
  Usage usage_;
  bool usage_only_ = false, terminal_ = false, error_seen_ = false, content_ = false;
  std::string served_model_, reply_id_, error_code_;
  std::int64_t content_events_ = 0, content_bytes_ = 0;
};

}  // namespace tollgate::billing
