// What a model behind Bedrock takes, judged by its id, ARN or inference profile: the service hands much of a request to
// the model's own interface, and each refuses what it does not know. Used for translated requests only: a caller of
// this API knows its model. Pure. Thread rule: anywhere.
#pragma once

#include <string_view>

#include "gateway/dialects/anthropic_models.h"

namespace tollgate::gateway::bedrock {

enum class Vendor : unsigned char {
  unknown,  // an application profile or a name of one's own: taken for a Claude of no known version
  claude,
  nova,
  openai,
  mistral,
  meta,
  cohere,
  other,
};

struct ModelTraits {
  Vendor vendor = Vendor::unknown;
  claude::ModelTraits claude;  // with claude_like()
  bool nova_reasons = false;   // Nova 2 on
  bool gpt_oss = false;
  bool json_schema = true;        // takes outputConfig.textFormat and strict tools
  bool sampling = true;           // takes temperature and topP
  bool stop = true;               // takes stopSequences
  bool top_k = true;              // in additionalModelRequestFields
  bool tool_choice_any = true;    // takes toolChoice any
  bool tool_choice_named = true;  // takes toolChoice tool
  bool cache_points = true;
  bool cache_tools = true;  // a cache point among the tools
  bool claude_like() const { return vendor == Vendor::unknown || vendor == Vendor::claude; }
};

ModelTraits traits_of(std::string_view model);

}  // namespace tollgate::gateway::bedrock
