// Replies of recorded exchanges, handed over as the relay would. Thread rule: functions without state.
#include "exchange_feed.h"

#include <map>
#include <sstream>

#include "core/base64.h"
#include "core/frames.h"
#include "price_test_data.h"

namespace tollgate::billing::test {
namespace {

// Frames of a stream, split as packets come.
void feed_frames(const std::string& body, Framing framing, UsageReader& reader) {
  constexpr std::size_t kRead = 1'500;
  const auto frames = make_frame_reader(framing);
  for (std::size_t i = 0; i < body.size(); i += kRead) {
    const std::string piece = body.substr(i, kRead);
    frames->feed(piece);
    for (Frame frame; frames->next(frame);) reader.event(frame.event, frame.data);
  }
  frames->feed("\n");  // some recorders drop the last line's end
  for (Frame frame; frames->next(frame);) reader.event(frame.event, frame.data);
}

// Fixtures without framing hold one payload per line.
void feed_lines(const std::string& body, UsageReader& reader) {
  std::stringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) reader.event("", line);
  }
}

void feed_headers(const Json& response, UsageReader& reader) {
  if (!response.contains("headers") || !response["headers"].is_object()) return;
  for (const auto& [name, value] : response["headers"].items()) {
    if (value.is_string()) reader.header(name, value.get<std::string>());
  }
}

}  // namespace

UsageDialect dialect_of(const Json& exchange) {
  using enum UsageDialect;
  static const std::map<std::string, UsageDialect> kDialects = {{"openai-chat", openai_chat},
                                                                {"openai-completions", openai_completions},
                                                                {"openai-responses", openai_responses},
                                                                {"responses.get", openai_responses},
                                                                {"responses.aux", openai_responses},
                                                                {"openai-embeddings", openai_embeddings},
                                                                {"embeddings", openai_embeddings},
                                                                {"rerank", openai_embeddings},
                                                                {"openai-images", openai_images},
                                                                {"openai-audio.transcriptions", openai_audio},
                                                                {"anthropic-messages", anthropic_messages},
                                                                {"anthropic-vertex", anthropic_messages},
                                                                {"bedrock-converse", bedrock_converse},
                                                                {"bedrock-invoke", bedrock_invoke},
                                                                {"gemini", gemini},
                                                                {"cohere", cohere},
                                                                {"ollama", ollama},
                                                                {"chat", openai_chat}};
  if (exchange["protocol"] == "ollama" && exchange["endpoint"] == "chat.completions") return openai_chat;
  // Recorded as a conversation, though it is a model's own stream.
  const Json& report = exchange["usage_reported"];
  if (exchange["protocol"] == "bedrock-converse" && report.is_object() &&
      report.contains("amazon-bedrock-invocationMetrics"))
    return bedrock_invoke;
  const auto found = kDialects.find(exchange["protocol"].get<std::string>());
  return found == kDialects.end() ? detect : found->second;
}

UsageFlags flags_of(const std::string& provider) {
  UsageFlags flags;
  flags.additive_reasoning = provider == "xai";
  flags.hidden_reasoning = provider == "google";
  flags.x_groq = provider == "groq";
  flags.reported_cost =
      provider == "openrouter" || provider == "xai" || provider == "perplexity" || provider == "vercel-gateway";
  flags.apart_reasoning = provider == "vercel-gateway";
  flags.timings = provider == "llamacpp";
  return flags;
}

void feed(const Json& exchange, UsageDialect dialect, UsageReader& reader) {
  const std::string model = exchange["model"].is_string() ? exchange["model"].get<std::string>() : "";
  reader.reset(dialect, flags_of(exchange["provider"].get<std::string>()), model);
  const Json& response = exchange["response"];
  const Json& body = response["body"];
  feed_headers(response, reader);
  if (body.is_null()) return;
  if (!body.is_string()) return reader.reply(padded(dump_json(body)));
  const std::string text = body.get<std::string>();
  if (response["body_encoding"] == "base64") {
    if (exchange["provider"] != "bedrock") return;  // sound
    std::string bytes;
    if (!base64_decode(text, bytes)) return;
    // Frames of InvokeModel wrap the model's own events.
    const bool chunks = bytes.find("{\"bytes\":") != std::string::npos;
    feed_frames(bytes, chunks ? Framing::aws_chunk : Framing::aws, reader);
    return;
  }
  const bool framed = text.starts_with("data:") || text.find("\ndata:") != std::string::npos;
  framed ? feed_frames(text, Framing::sse, reader) : feed_lines(text, reader);
}

}  // namespace tollgate::billing::test
