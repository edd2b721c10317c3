// Follows a written Responses stream as the official SDKs do: every event must fit the items so far, and what the
// events spell must be what the last response says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/chat_event.h"
#include "core/json_dom.h"

namespace tollgate {

// What is wrong with the stream, "" for nothing. `last` (may be null) becomes the last event's response. `own_echo`:
// what was asked is told by us, not by a vendor, so that no member may be missing.
std::string follow_responses_stream(std::string_view bytes, Json* last = nullptr, bool own_echo = true);
// The data of all frames, in order; the SSE event name must be the data's type.
std::vector<Json> responses_frames(std::string_view bytes);

// The events that the dialect's reader makes of a stream's bytes, cut into pieces of `step` bytes (0 = whole).
chat::Events read_responses_stream(std::string_view bytes, std::size_t step = 0);
chat::Fold fold_of(const chat::Events& events);
// The bytes that the dialect's writer makes of events.
std::string write_responses_stream(const chat::Events& events, const chat::Request* request = nullptr);

}  // namespace tollgate
