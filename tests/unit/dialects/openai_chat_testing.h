// What the tests of openai.chat share: reading and writing in one line, streams folded, lists of known differences.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_dom.h"
#include "exchange_corpus.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::oai_test {

// A path as general_path() gives it ("*" at its end: and everything below), and why a difference there is meant.
struct Known {
  const char* path;
  const char* reason;
};

// Compares with a list of known differences. Fails on any other, and on a listed one that does not occur.
class Comparison {
 public:
  Comparison(const char* what, std::vector<Known> known) : what_(what), known_(std::move(known)) {}
  ~Comparison();
  void compare(const std::string& id, const Json& left, const Json& right);

 private:
  const char* what_;
  std::vector<Known> known_;
  std::map<std::string, std::size_t> seen_, unknown_;
  std::size_t compared_ = 0, exact_ = 0;
};

void expect_same(const std::string& id, const Json& left, const Json& right);
Json json(const std::string& text);
chat::Request read(const std::string& body);
// Written for a vendor with these quirks. `losses` may be null: then none may occur.
Json write(const chat::Request& request, const Quirks& quirks = {}, bool same = false,
           std::vector<std::string>* losses = nullptr, bool stream = false);
chat::Reply reply(const std::string& body);

// Quirks of a recorded provider's row.
Quirks quirks_of(const std::string& provider);
// Recorded stream bytes as they went over the wire.
std::string wire(const RecordedExchange& exchange);
// Events of a stream, read in pieces of the sizes that `cut` gives; in one piece without it.
chat::Events events(std::string_view bytes, const std::function<std::size_t()>& cut = {});
chat::Fold fold(const chat::Events& events);
std::string frames(const chat::Events& events, const StreamOptions& options = {});
// The JSON payloads of a stream's frames, [DONE] as a string.
std::vector<Json> payloads(const std::string& bytes);
// Fails where events break the order that core/chat_event.h promises.
void expect_order(const std::string& id, const chat::Events& events);

// What a reply says. `exact`: with extras and marks of reasoning that a second writing cannot keep.
Json meaning(const chat::Reply& reply, bool exact = false);
std::string text_of_events(const chat::Events& events);

}  // namespace tollgate::gateway::oai_test
