// The messages of a request as Cohere wants them. For cohere*.cpp only. Thread rule: pure functions.
#pragma once

#include "core/json_write.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::cohere {

struct MessageOutcome {
  bool documents = false;  // a member "documents" was written
  bool cited = false;      // one of them is to be cited from
};

// Writes the members "messages" and "documents": documents of the user's messages stand beside the messages, results of
// tools are messages of their own, and their images follow in a message of the user.
MessageOutcome write_messages(JsonWriter& writer, const chat::Request& request, bool same_dialect,
                              chat::Losses& losses);

}  // namespace tollgate::gateway::cohere
