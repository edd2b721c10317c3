// What readers of whole replies and of streams share. Thread rule: pure functions.
#pragma once

#include <cstdint>

#include "core/chat.h"
#include "core/json.h"
#include "gateway/dialects/openai_responses_content.h"

namespace tollgate::gateway::responses {

// Everything of a Response object but its output, its usage and how it ended.
void read_reply_head(JsonValue response, chat::Reply& reply);
std::int64_t created_of(JsonValue value);
// Moves the item's id and further members into its parts' extras, as replies keep them.
void name_parts(Item& item);

}  // namespace tollgate::gateway::responses
