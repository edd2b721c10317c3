// Reads the events of a Responses stream. Items may be open at the same time; the meaning wants one part after the
// other, so that what comes for later items waits until the earlier ones are done. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/dialects/openai_responses_content.h"
#include "gateway/dialects/openai_responses_internal.h"

namespace tollgate::gateway::responses {

// The members of any event, found in one pass.
struct Wire {
  std::string_view type, delta, text;
  JsonValue response, item, part, annotation, logprobs, error;
  std::int64_t output_index = -1, content_index = 0, summary_index = 0;

  explicit Wire(JsonValue event);
};

class ResponsesReader final : public EventReader {
 public:
  void read(std::string_view event, std::string_view data, chat::Events& out) override;
  void finish(chat::Events& out) override;

 private:
  enum class Kind : unsigned char { message, call, reasoning, image, opaque };
  struct Open {
    std::int64_t index = -1;
    Kind kind = Kind::message;
    chat::Part head;  // of parts to begin: extras of the item, names of a call
    bool in_part = false, done = false, refusal = false, logprobs_sent = false;
    int contents = 0;                         // of a message, begun so far
    std::int64_t content = -1, summary = -1;  // indices that the vendor gave the last text
    std::size_t sent = 0;                     // bytes of the open part's text
    std::size_t citations = 0;
    chat::Events held;  // until the items before it are done
  };

  void handle(const Wire& wire, JsonValue event);
  bool handle_delta(const Wire& wire);
  void start(JsonValue response);
  void end(const Wire& wire);
  void fail(JsonValue error, JsonValue outer);

  Open& item_of(const Wire& wire, Kind kind);
  Open* find(std::int64_t index);
  Open& add_item(std::int64_t index, JsonValue item);
  void item_done(std::int64_t index, JsonValue item);
  void finish_item(Open& open, JsonValue item);
  void finish_message(Open& open, JsonValue item);
  void finish_reasoning(Open& open, Item& item);
  void close(Open& open);

  void begin_content(Open& open, std::int64_t content, bool refusal);
  void begin_thinking(Open& open, bool summary);
  void finish_content(Open& open, JsonValue part);
  void text(Open& open, std::string_view text);
  // The whole text is known: what of it has not been sent yet.
  void rest(Open& open, std::string_view whole);
  void arguments(Open& open, std::string_view piece);
  void thought(const Wire& wire, bool summary, bool whole);
  void logprobs(Open& open, JsonValue logprobs);
  void citation(Open& open, JsonValue annotation);

  void begin(Open& open, chat::Part head);
  void end_part(Open& open);
  chat::Event& emit(Open& open, chat::Event::Kind kind);
  void release(chat::Event& event);

  JsonReader reader_;
  chat::Events* out_ = nullptr;
  std::vector<Open> open_;          // in the order of their beginning; the first one is not held back
  std::vector<std::int64_t> done_;  // indices of items that are over
  int parts_ = 0;                   // begun in the outgoing stream
  bool started_ = false, over_ = false, calls_ = false, refused_ = false;
};

}  // namespace tollgate::gateway::responses
