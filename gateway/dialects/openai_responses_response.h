// The Response object around the output: identity, state, usage, and the echo of what was asked. Thread rule: one
// owner.
#pragma once

#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/json_write.h"
#include "core/usage.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::responses {

class ResponseHead {
 public:
  // `reply` without its choices is enough.
  ResponseHead(const chat::Reply& reply, const StreamOptions& options);

  bool own() const { return own_; }
  // Characters for made ids of items.
  std::string base() const;

  struct State {
    std::string_view status;
    std::string_view reason;       // of status "incomplete"
    const Error* error = nullptr;  // of status "failed"
    chat::RawJson error_json;      // the same as its own dialect has it
    const Usage* usage = nullptr;
  };
  // One value. `items`: the elements of the output array.
  void write(JsonWriter& writer, const State& state, std::string_view items) const;

 private:
  std::string id_, model_, echo_;  // echo_: members without braces
  std::int64_t created_ = 0;
  bool own_ = false;
};

// How the end of a reply is said here. `raw`: the dialect's own word, used when the reply is this dialect's own.
ResponseHead::State state_of(const chat::Choice& choice, bool own);
void write_usage(JsonWriter& writer, const Usage& usage);

}  // namespace tollgate::gateway::responses
