// What the Gemini tests share: replies and events as JSON that holds all they mean, frames by any framing, and lists of
// known differences.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat_event.h"
#include "core/frames.h"
#include "core/json_dom.h"
#include "gateway/dialects/gemini.h"

namespace tollgate::gateway {

Json parsed(std::string_view text);
// Every key in camelCase: the API takes both spellings, and the writer uses this one.
Json with_camel_keys(const Json& value);

// Everything that a reply means, its usage and the extras of the dialect among it.
Json meaning_of(const chat::Reply& reply);

// Events of a stream whose bytes come in pieces of these sizes, in turn; an empty list = all at once.
chat::Events events_of(Framing framing, std::string_view bytes, const std::vector<std::size_t>& sizes = {});
chat::Fold fold_of(const chat::Events& events);
std::string written(const chat::Events& events, const StreamOptions& options);
// A text that is the same when the events are.
std::string trace_of(const chat::Events& events);
// "" when the events keep the order of chat_event.h, else what does not.
std::string disorder(const chat::Events& events);

// Differences that are meant, by general path; each must occur.
class KnownDifferences {
 public:
  struct One {
    std::string path;  // general_path(); a '*' at the end takes all that is inside
    std::string reason;
  };
  explicit KnownDifferences(std::vector<One> known) : known_(std::move(known)) {}
  // Fails for every difference that is not in the list.
  void compare(const std::string& id, const Json& recorded, const Json& written);
  // Prints the counts, fails for what never occurred.
  void report(const char* what) const;
  std::size_t compared() const { return compared_; }

 private:
  std::vector<One> known_;
  std::map<std::string, std::size_t> counts_;
  std::size_t compared_ = 0, exact_ = 0;
};

}  // namespace tollgate::gateway
