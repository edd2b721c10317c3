// How messages of the dialect openai.chat are written: what all of them share, and the assistant's. Internal to
// openai_chat_*_write.cpp. Thread rule: one owner.
#pragma once

#include <string>
#include <vector>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {

using PartList = std::vector<const chat::Part*>;

// Where a request's messages go, and what their vendor takes.
struct Writing {
  JsonWriter& writer;
  const Quirks& quirks;
  bool same;  // the client speaks this dialect, too
  chat::Losses& losses;
  CallIds ids;
};

class MessagePieces {
 protected:
  explicit MessagePieces(const Writing& writing)
      : writer_(writing.writer),
        quirks_(writing.quirks),
        same_(writing.same),
        losses_(writing.losses),
        ids_(writing.ids),
        parts_{writing.quirks, writing.same, writing.losses} {}

  JsonWriter& begin(std::string_view role) { return writer_.begin_object().member("role", role); }
  // Name, what is kept of the message's own members, and the closing bracket.
  void end(const chat::Message& message);
  // `index`: the message's, for naming losses.
  void write_content(const PartList& parts, std::size_t index);
  void lose_media(const chat::Media& media, std::size_t index);

  JsonWriter& writer_;
  const Quirks& quirks_;
  const bool same_;
  chat::Losses& losses_;
  const CallIds& ids_;
  const PartContext parts_;

 private:
  bool is_plain(const chat::Part& part) const;
  std::string text_alone(const PartList& parts, std::size_t index);
};

// What an assistant said in one turn; `message` is the first of the messages that said it.
void write_assistant(const Writing& writing, const PartList& parts, const chat::Message& message, std::size_t index);

}  // namespace tollgate::gateway::oai
