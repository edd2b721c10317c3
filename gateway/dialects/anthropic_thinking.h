// How a request thinks: what `thinking`, `output_config.effort` and `max_tokens` have to say together, for the model at
// hand. Pure. Thread rule: anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "gateway/dialects/anthropic_models.h"

namespace tollgate::gateway::claude {

struct ThinkingPlan {
  enum class Type : unsigned char { unset, disabled, enabled, adaptive } type = Type::unset;
  std::optional<std::int64_t> budget;
  std::string effort;
  std::string_view display;
  std::int64_t max_tokens = 0;
  bool thinks() const { return type == Type::enabled || type == Type::adaptive; }
};

// As the caller of this same API said it.
ThinkingPlan spoken_plan(const chat::Request& request);
// As the model takes it. What it does not take is left out and named. `unsigned_call`: the conversation ends in calls
// whose thinking is not at hand; a model with a budget refuses to think on from there.
ThinkingPlan fitting_plan(const chat::Request& request, const ModelTraits& traits, bool unsigned_call,
                          chat::Losses& losses);

}  // namespace tollgate::gateway::claude
