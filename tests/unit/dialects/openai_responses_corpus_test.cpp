// All recorded Responses exchanges: requests, replies and streams read and written again, in any split of the bytes.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <random>
#include <set>

#include "billing/usage_reader.h"
#include "exchange_corpus.h"
#include "gateway/dialects/dialect.h"
#include "json_compare.h"
#include "openai_responses_follower.h"

namespace tollgate::gateway {
namespace {

struct Exception {
  std::string_view path;  // without indices
  std::string_view reason;
  std::string_view left = {}, right = {};  // begin of the values; "" = any
};

// Known differences: each must still occur, and no other may.
class Exceptions {
 public:
  explicit Exceptions(std::vector<Exception> list) : list_(std::move(list)) {}
  bool known(const JsonDifference& difference) {
    const std::string path = general_path(difference.path);
    for (const Exception& one : list_) {
      if (one.path != path || !std::string_view(difference.left).starts_with(one.left)) continue;
      if (!std::string_view(difference.right).starts_with(one.right)) continue;
      ++seen_[&one];
      return true;
    }
    return false;
  }
  void unknown(const std::string& id, const JsonDifference& difference) {
    Unknown& one = unknown_[general_path(difference.path)];
    if (one.count++ == 0) one.example = id + " " + difference.left + " | " + difference.right;
  }
  void finish(const char* what) {
    for (const Exception& one : list_) {
      std::printf("  %s: %zu x %.*s: %.*s\n", what, seen_[&one], static_cast<int>(one.path.size()), one.path.data(),
                  static_cast<int>(one.reason.size()), one.reason.data());
      EXPECT_GT(seen_[&one], 0u) << what << ": " << one.path << " occurs no longer";
    }
    for (const auto& [path, one] : unknown_)
      ADD_FAILURE() << what << ": " << one.count << " x " << path << ", as in " << one.example;
  }

 private:
  struct Unknown {
    std::size_t count = 0;
    std::string example;
  };
  const std::vector<Exception> list_;
  std::map<const Exception*, std::size_t> seen_;
  std::map<std::string, Unknown> unknown_;
};

// Sums of what a comparison found.
struct Outcome {
  std::size_t compared = 0, equal = 0;

  void compare(const std::string& id, const Json& before, const Json& after, Exceptions& exceptions) {
    ++compared;
    const auto differences = compare_json(before, after, 200);
    equal += differences.empty();
    for (const JsonDifference& one : differences)
      if (!exceptions.known(one)) exceptions.unknown(id, one);
  }
};

const Dialect& dialect() { return openai_responses(); }

Json parsed(std::string_view text) {
  auto json = parse_json_dom(text);
  return json ? *json : Json();
}

// True when an object in the text has a member twice, which comparing parsed texts would not show.
bool says_twice(JsonValue value) {
  bool twice = false;
  std::set<std::string_view> names;
  value.members([&](std::string_view name, JsonValue member) {
    twice = twice || !names.insert(name).second || says_twice(member);
  });
  value.elements([&](JsonValue element) { twice = twice || says_twice(element); });
  return twice;
}

bool says_twice(std::string_view text) {
  JsonReader reader;
  const auto value = reader.parse(text);
  return !value || says_twice(*value);
}

std::string stream_bytes(const RecordedExchange& one) {
  if (one.framing.empty()) return one.reply;
  std::string bytes;
  std::size_t at = 0;
  while (at < one.reply.size()) {
    const std::size_t end = std::min(one.reply.find('\n', at), one.reply.size());
    if (end > at) bytes += "data: " + one.reply.substr(at, end - at) + "\n\n";
    at = end + 1;
  }
  return bytes;
}

Usage usage_of(const std::string& reply) {
  billing::UsageReader reader;
  reader.reset(billing::UsageDialect::openai_responses, {});
  std::string text = reply;
  text.reserve(text.size() + kJsonPadding);
  reader.reply(text);
  return reader.usage();
}

template <class See>
std::size_t each_stream(See&& see) {
  std::size_t count = 0;
  each_exchange("openai-responses", "responses", [&](const RecordedExchange& one) {
    const std::string bytes = stream_bytes(one);
    if (!one.stream || one.status >= 300 || bytes.empty()) return;
    ++count;
    see(one, bytes);
  });
  return count;
}

TEST(OpenaiResponsesCorpus, RequestsComeBackAsTheyWere) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Exceptions exceptions({{"stream", "false is the default", "false", "(absent)"},
                         {"instructions", "an empty text says nothing", "\"\"", "(absent)"},
                         {"tools", "no tools are no tools", "[]", "(absent)"},
                         {"tools[].description", "an empty text says nothing", "\"\"", "(absent)"},
                         {"input[].content[].annotations", "required in a message with an id", "(absent)", "[]"},
                         {"input[].content[].logprobs", "of the past, and empty", "[]", "(absent)"}});
  Outcome outcome;
  each_exchange("openai-responses", "responses", [&](const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    auto request = dialect().read_request(dump_json(one.request), {});
    ASSERT_TRUE(request) << one.id << ": " << request.error().message;
    chat::Losses losses;
    auto body = dialect().write_request(
        *request, {.model = request->model, .stream = request->stream, .same_dialect = true}, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << ": " << losses.names()[0];
    EXPECT_FALSE(says_twice(*body)) << one.id;
    outcome.compare(one.id, one.request, parsed(*body), exceptions);
  });
  std::printf("requests: %zu compared, %zu equal without exception\n", outcome.compared, outcome.equal);
  exceptions.finish("requests");
  EXPECT_GT(outcome.compared, 400u);
}

TEST(OpenaiResponsesCorpus, RepliesComeBackAsTheyWere) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  constexpr std::string_view kVendor = "usage is written from the buckets of the ledger; a vendor's own member";
  Exceptions exceptions({{"output[].content[].annotations", "required", "(absent)", "[]"},
                         {"output[].content[].logprobs", "required", "(absent)", "[]"},
                         {"output[].id", "required", "(absent)"},
                         {"usage.input_tokens_details", "required", "(absent)"},
                         {"usage.output_tokens_details", "required", "(absent)"},
                         {"usage.input_tokens_details.cache_write_tokens", "required by now", "(absent)", "0"},
                         {"usage.context_details", kVendor, "", "(absent)"},
                         {"usage.cost", kVendor, "", "(absent)"},
                         {"usage.cost_details", kVendor, "", "(absent)"},
                         {"usage.cost_in_usd_ticks", kVendor, "", "(absent)"},
                         {"usage.is_byok", kVendor, "", "(absent)"},
                         {"usage.num_server_side_tools_used", kVendor, "", "(absent)"},
                         {"usage.num_sources_used", kVendor, "", "(absent)"},
                         {"usage.pydantic_ai_gateway", kVendor, "", "(absent)"}});
  Outcome outcome;
  std::set<std::string> unreadable;
  const auto see = [&](const RecordedExchange& one) {
    if (one.stream || one.status >= 300 || one.reply.empty()) return;
    auto reply = dialect().read_reply(one.reply);
    if (!reply) {
      unreadable.insert(one.id + ": " + reply.error().message);
      return;
    }
    reply->usage = usage_of(one.reply);
    const std::string written = dialect().write_reply(*reply, {});
    EXPECT_FALSE(says_twice(written)) << one.id;
    outcome.compare(one.id, parsed(one.reply), parsed(written), exceptions);
    reply->dialect = "openai.chat";
    EXPECT_FALSE(says_twice(dialect().write_reply(*reply, {}))) << one.id;
  };
  each_exchange("openai-responses", "responses", see);
  each_exchange("responses.get", "responses.get", see);  // reading a stored response gives the same object
  std::printf("replies: %zu compared, %zu equal without exception, %zu not read\n", outcome.compared, outcome.equal,
              unreadable.size());
  for (const std::string& one : unreadable) std::printf("  %s\n", one.c_str());
  exceptions.finish("replies");
  EXPECT_GT(outcome.compared, 250u);
  // A chat completion, two errors under an unknown status, and the answer to a deletion.
  EXPECT_EQ(unreadable.size(), 4u);
}

// The last response object of a stream; null where it has none.
Json last_response(const std::string& bytes) {
  Json last;
  for (const Json& frame : [&] {
         std::vector<Json> all;
         const auto frames = make_frame_reader(Framing::sse);
         frames->feed(bytes);
         Frame one;
         while (frames->next(one)) all.push_back(parsed(one.data));
         return all;
       }()) {
    const std::string type = frame.is_object() ? frame.value("type", "") : "";
    if (type == "response.completed" || type == "response.incomplete") last = frame["response"];
  }
  return last;
}

// What a reply says, as JSON, without what a stream's beginning cannot know.
Json said(chat::Reply reply) {
  reply.extra.clear();
  reply.service_tier.clear();
  reply.usage = {};
  if (reply.created == 0) reply.created = 1700000000;  // some recordings have it taken out
  return parsed(dialect().write_reply(reply, {}));
}

TEST(OpenaiResponsesCorpus, StreamsSpellTheirLastResponse) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Exceptions exceptions({{"id", "the vendor gives each event new ids", "\"resp_REDACTED"},
                         {"id", "the recorder gives each event new ids", "\"capture-id"},
                         {"output[].id", "the vendor gives each event new ids", "\"id_REDACTED"},
                         {"output[].id", "the vendor gives each event new ids", "\"msg_REDACTED"},
                         {"output[].id", "the recorder gives each event new ids", "\"capture-id"},
                         {"output[]", "the vendor leaves its last output empty", "(absent)"},
                         {"output[].encrypted_content", "the vendor seals it anew in each event", "\""},
                         {"output[].content[].logprobs[].logprob", "the vendor rounds it in its last event"},
                         {"output[].status", "the item began without one", "\"completed\"", "(absent)"}});
  Outcome outcome;
  std::size_t without = 0;
  const std::size_t streams = each_stream([&](const RecordedExchange& one, const std::string& bytes) {
    const Json last = last_response(bytes);
    const chat::Fold fold = fold_of(read_responses_stream(bytes));
    if (last.is_null()) {
      ++without;
      EXPECT_NE(fold.error(), nullptr) << one.id << " has neither end nor error";
      return;
    }
    ASSERT_TRUE(fold.ended()) << one.id;
    const auto reply = dialect().read_reply(dump_json(last));
    ASSERT_TRUE(reply) << one.id << ": " << reply.error().message;
    outcome.compare(one.id, said(*reply), said(fold.reply()), exceptions);
  });
  std::printf("streams: %zu, %zu compared, %zu equal without exception, %zu failed\n", streams, outcome.compared,
              outcome.equal, without);
  exceptions.finish("streams");
  EXPECT_GT(outcome.compared, 160u);
}

TEST(OpenaiResponsesCorpus, StreamsWrittenAgainSpellTheSame) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t count = 0;
  each_stream([&](const RecordedExchange& one, const std::string& bytes) {
    chat::Events events = read_responses_stream(bytes);
    const Json last = last_response(bytes);
    chat::Event usage{.kind = chat::Event::Kind::usage};
    if (!last.is_null()) usage.usage = usage_of(dump_json(last));
    if (usage.usage.reported) events.insert(events.end() - 1, usage);
    const std::string written = write_responses_stream(events);
    Json end;
    EXPECT_EQ(follow_responses_stream(written, &end, false), "") << one.id;
    const chat::Fold before = fold_of(events), after = fold_of(read_responses_stream(written));
    EXPECT_EQ(before.ended(), after.ended()) << one.id;
    EXPECT_EQ(before.error() == nullptr, after.error() == nullptr) << one.id;
    if (before.error()) EXPECT_EQ(before.error()->message, after.error()->message);
    for (const JsonDifference& each : compare_json(said(before.reply()), said(after.reply())))
      ADD_FAILURE() << one.id << " " << each.path << ": " << each.left << " | " << each.right;
    if (!last.is_null() && last["usage"].is_object()) {
      for (const char* name : {"input_tokens", "output_tokens", "total_tokens"})
        EXPECT_EQ(end["usage"][name], last["usage"][name]) << one.id << " " << name;
    }
    // For a client of another vendor's stream: ids and echo are made here, the meaning stays.
    for (chat::Event& event : events)
      if (event.kind == chat::Event::Kind::start) event.reply.dialect = "anthropic.messages";
    EXPECT_EQ(follow_responses_stream(write_responses_stream(events)), "") << one.id;
    ++count;
  });
  std::printf("streams written again: %zu\n", count);
  EXPECT_GT(count, 160u);
}

// Events as text, to be compared.
std::string shown(const chat::Events& events) {
  std::string out;
  for (const chat::Event& event : events) {
    out += std::to_string(static_cast<int>(event.kind)) + "/" + std::to_string(static_cast<int>(event.delta)) + "/" +
           std::to_string(event.part) + " " + event.text + event.signature.value + event.citation.raw +
           event.error.message + "\n";
  }
  return out + dump_json(said(fold_of(events).reply()));
}

TEST(OpenaiResponsesCorpus, AnySplitOfTheBytesGivesTheSameEvents) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::mt19937 random(7);
  std::size_t count = 0;
  each_stream([&](const RecordedExchange& one, const std::string& bytes) {
    const std::string whole = shown(read_responses_stream(bytes));
    for (const std::size_t step : {std::size_t{1}, std::size_t{2 + random() % 200}, std::size_t{2 + random() % 3000}})
      EXPECT_TRUE(whole == shown(read_responses_stream(bytes, step))) << one.id << " in pieces of " << step;
    ++count;
  });
  EXPECT_GT(count, 160u);
}

TEST(OpenaiResponsesCorpus, ErrorsAreUnderstood) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::map<ErrorKind, std::size_t> kinds;
  each_exchange("openai-responses", "", [&](const RecordedExchange& one) {
    if (one.status < 400) return;
    const Error error = dialect().read_error(one.status, one.reply);
    EXPECT_GT(error.message.size(), 10u) << one.id;
    EXPECT_EQ(error.status, one.status);
    EXPECT_NE(error.kind, ErrorKind::fatal);
    EXPECT_NE(one.reply.find(dump_json(Json(error.message)).substr(1, 20)), std::string::npos) << one.id;
    const bool keys = error.message.find("API key") != std::string::npos;
    EXPECT_EQ(error.kind == ErrorKind::auth, keys) << one.id << ": " << error.message;
    ++kinds[error.kind];
  });
  std::printf("errors: %zu client faults, %zu of credentials, %zu for elsewhere\n", kinds[ErrorKind::client_fault],
              kinds[ErrorKind::auth], kinds[ErrorKind::retry_elsewhere]);
  EXPECT_GT(kinds[ErrorKind::client_fault], 4u);
  EXPECT_GT(kinds[ErrorKind::auth], 4u);
  EXPECT_EQ(kinds[ErrorKind::retry_elsewhere], 2u);  // models that the vendor does not have
}

}  // namespace
}  // namespace tollgate::gateway
