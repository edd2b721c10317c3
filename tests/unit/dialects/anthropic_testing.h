// What the tests of the Anthropic dialect share: running streams through its reader and writer, and a second, plain
// reading of a stream that knows nothing of ours. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/chat_event.h"
#include "core/frames.h"
#include "core/json_dom.h"
#include "gateway/dialects/anthropic.h"

namespace tollgate::gateway {

// Cut into pieces of these sizes, used in turn; {} = in one piece.
chat::Events read_stream(std::string_view bytes, Framing framing, const std::vector<std::size_t>& cuts = {});
std::string write_stream(const chat::Events& events, const StreamOptions& options);
chat::Fold folded(const chat::Events& events);
// Everything that an event says.
std::string shown(const chat::Event& event);
std::vector<std::string> shown(const chat::Events& events);
// Payloads of an event stream, one per event, in order, up to the first message_stop.
std::vector<Json> payloads(std::string_view bytes, Framing framing);
// The message that the payloads spell, put together as the official SDKs do it; null when there is none.
Json message_of(const std::vector<Json>& payloads);
Json parsed(std::string_view text);

}  // namespace tollgate::gateway
