// Inside of bedrock*.cpp: pieces of a request that have files of their own. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json_write.h"
#include "gateway/dialects/bedrock_models.h"
#include "gateway/dialects/bedrock_turns.h"

namespace tollgate::gateway::bedrock {

// Name of the extras that keep what additionalModelRequestFields says beside the meaning.
inline constexpr std::string_view kFields = "additionalModelRequestFields.";

struct Writing {
  const chat::Request& request;
  const ModelTraits& traits;
  const Conversation& conversation;
  bool own = false;  // the request was read in this dialect
  chat::Losses& losses;
};

// The tools of the service and those of the caller; a cache point marks the tool before it.
void read_tool_config(JsonValue config, chat::Request& request);
// Nothing when there is none to say. The choice goes to `fields` where the service's own words lack it.
Result<void> write_tool_config(JsonWriter& writer, const Writing& writing, JsonWriter& fields);

// additionalModelRequestFields: how the model thinks, what else it samples by; the rest is kept.
void read_fields(JsonValue fields, chat::Request& request);

// How the request thinks, for the model at hand.
struct ReasoningPlan {
  bool thinks = false;  // in a way that leaves no room for sampling
  std::string effort;   // of outputConfig
};
// Writes members of additionalModelRequestFields.
ReasoningPlan write_reasoning(JsonWriter& fields, const Writing& writing);

}  // namespace tollgate::gateway::bedrock
