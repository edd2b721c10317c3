// Tools and the choice among them. Pure. Thread rule: anywhere.
#pragma once

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json_write.h"
#include "gateway/dialects/anthropic_block_write.h"
#include "gateway/dialects/anthropic_models.h"

namespace tollgate::gateway::claude {

// Writes member `tools` where there are any; true then. `blocks` writes their cache marks.
bool write_tools(JsonWriter& writer, const chat::Request& request, const ModelTraits& traits, bool same_dialect,
                 BlockWriter& blocks, chat::Losses& losses);
// Writes member `tool_choice` where something is chosen. `thinks`: the model will think, and may not be forced then.
void write_tool_choice(JsonWriter& writer, const chat::Request& request, bool has_tools, bool thinks, bool same_dialect,
                       chat::Losses& losses);

}  // namespace tollgate::gateway::claude
