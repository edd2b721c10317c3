// The recorded exchanges of openai.chat, for its tests.
#pragma once

#include <functional>

#include "billing/usage_reader.h"
#include "core/frames.h"
#include "exchange_corpus.h"

namespace tollgate::gateway::oai_test {

inline std::size_t each_chat(const std::function<void(const RecordedExchange&)>& see) {
  return each_exchange("openai-chat", "chat.completions", see) + each_exchange("ollama", "chat.completions", see);
}

inline bool answered(const RecordedExchange& one) { return one.status < 300 && !one.reply.empty(); }
inline bool is_stream(const RecordedExchange& one) {
  return one.framing == "payload_lines" || one.reply.starts_with("data:") ||
         one.reply.find("\ndata:") != std::string::npos;
}

// As billing reads it.
inline Usage usage_of(const RecordedExchange& one, const std::string& bytes) {
  billing::UsageFlags flags;
  flags.additive_reasoning = one.provider == "xai";
  flags.hidden_reasoning = one.provider == "google";
  flags.x_groq = one.provider == "groq" || one.provider == "huggingface";
  billing::UsageReader reader;
  reader.reset(billing::UsageDialect::openai_chat, flags);
  if (is_stream(one)) {
    const auto frames = make_frame_reader(Framing::sse);
    frames->feed(bytes);
    for (Frame frame; frames->next(frame);) reader.event(frame.event, frame.data);
  } else {
    std::string padded;
    padded.reserve(bytes.size() + kJsonPadding);
    padded = bytes;
    reader.reply(padded);
  }
  return reader.usage();
}

}  // namespace tollgate::gateway::oai_test
