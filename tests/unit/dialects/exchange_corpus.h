// The recorded exchanges as tests want them: one at a time, filtered by the index, body bytes as the vendor sent them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/json_dom.h"

namespace tollgate {

struct RecordedExchange {
  std::string id, provider, protocol, endpoint, model;
  bool stream = false;
  int status = 200;         // 200 where the recording does not say
  Json request;             // parsed body; null where none was recorded or it is no JSON
  std::string request_url;  // "" where none was recorded
  std::string reply;        // body bytes: JSON text, event stream text, or decoded binary
  Json reply_headers;       // object, may be empty
  Json usage;               // as the vendor reported it; null where none
  std::string framing;      // "payload_lines" where a fixture holds one data payload per line, its SSE framing removed
};

// False where no recordings are at hand (then nothing is called).
bool have_exchanges();
// Calls `see` with every exchange whose index row has this protocol and endpoint ("" = any).
// Returns how many there were.
std::size_t each_exchange(std::string_view protocol, std::string_view endpoint,
                          const std::function<void(const RecordedExchange&)>& see);

}  // namespace tollgate
