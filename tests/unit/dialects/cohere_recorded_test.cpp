// Cohere's chat over every recording of its version 2.
#include "gateway/dialects/translate.h"
#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

// Version 1 has another form altogether and goes through untouched.
bool is_version_2(const RecordedExchange& one) {
  if (!one.request_url.empty()) return one.request_url.find("/v2/chat") != std::string::npos;
  return one.reply.find("generation_id") == std::string::npos && one.reply.find("event_type") == std::string::npos &&
         one.reply.find("\"texts\"") == std::string::npos;
}

template <class See>
void each_chat(See&& see) {
  std::size_t passed_over = 0;
  each_exchange("cohere", "chat", [&](const RecordedExchange& one) {
    if (is_version_2(one)) return see(one);
    ++passed_over;
    std::printf("passed over: %s (%s)\n", one.id.c_str(),
                one.request_url.empty() ? "no chat of version 2" : one.request_url.c_str());
  });
  std::printf("%zu passed over\n", passed_over);
}

// A lone text is written as a string, which Cohere takes for the same.
Json with_plain_texts(Json request) {
  for (Json& message : request["messages"]) {
    if (!message.contains("content") || !message["content"].is_array() || message["content"].size() != 1) continue;
    const Json only = message["content"][0];
    if (only["type"] == "text" && only.size() == 2) message["content"] = only["text"];
  }
  return request;
}

class CohereRecorded : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  }
  const Dialect& cohere_ = cohere_chat();
};

TEST_F(CohereRecorded, RequestsAreReadAndWrittenAgain) {
  KnownDifferences known({
      {"documents", "an empty list says nothing"},
      {"stream", "false is said even where the recording leaves it out"},
      {"response_format.schema", "an older name of json_schema"},
      {"response_format.json_schema", "an older name of json_schema"},
      {"messages[].citations", "an empty list says nothing"},
      {"messages[].tool_calls", "an empty list says nothing"},
      {"messages[].content", "an empty list says nothing"},
      {"tools[].function.description", "an empty text says nothing"},
  });
  each_chat([&](const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    auto request = cohere_.read_request(dump_json(one.request), {});
    ASSERT_TRUE(request) << one.id << " " << request.error().message;
    chat::Losses losses;
    auto body = cohere_.write_request(
        *request, {.model = request->model, .stream = request->stream, .same_dialect = true}, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << " " << losses.names().front();
    known.check(one.id, with_plain_texts(one.request), json_of(*body));
  });
  known.report("cohere requests");
}

TEST_F(CohereRecorded, RepliesAreReadAndWrittenAgain) {
  KnownDifferences known({
      {"usage.tokens.*", "as many as are billed; Cohere counts its own prompt, too"},
      {"usage.cached_tokens", "of its own prompt, and not in what is billed"},
  });
  each_chat([&](const RecordedExchange& one) {
    if (one.stream || one.status != 200) return;
    auto reply = cohere_.read_reply(one.reply);
    ASSERT_TRUE(reply) << one.id << " " << reply.error().message;
    ASSERT_EQ(reply->choices.size(), 1u);
    EXPECT_NE(reply->choices[0].finish, chat::Finish::unset) << one.id;
    reply->usage = reply_usage(billing::UsageDialect::cohere, one.reply);
    EXPECT_TRUE(reply->usage.reported) << one.id;
    known.check(one.id, json_of(one.reply), json_of(cohere_.write_reply(*reply, {})));
  });
  known.report("cohere replies");
}

TEST_F(CohereRecorded, StreamsFoldTheSameAfterBeingWritten) {
  std::size_t count = 0, failed = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!one.stream || one.status != 200) return;
    ++count;
    const std::string bytes = stream_bytes(cohere_, one);
    const chat::Events events = events_of(cohere_, bytes);
    expect_order(events, one.id);
    const chat::Fold first = folded(events);
    EXPECT_NE(first.ended(), first.error() != nullptr) << one.id;
    ASSERT_EQ(first.reply().choices.size(), 1u) << one.id;
    EXPECT_FALSE(first.reply().choices[0].parts.empty()) << one.id;
    failed += first.error() != nullptr;
    const Usage usage = stream_usage(billing::UsageDialect::cohere, Framing::sse, bytes);
    const std::string again = written(cohere_, with_usage(events, usage), {.id = "other"});
    EXPECT_EQ(fold_text(events), fold_text(events_of(cohere_, again))) << one.id;
    if (first.ended())
      EXPECT_EQ(usage.counts, stream_usage(billing::UsageDialect::cohere, Framing::sse, again).counts) << one.id;
    // The whole reply that the events spell unfolds to the same.
    if (first.ended()) EXPECT_EQ(fold_text(events), fold_text(chat::unfold(first.reply()))) << one.id;
    expect_any_split(cohere_, bytes, one.id);
  });
  std::printf("cohere streams: %zu, of which %zu end in an error\n", count, failed);
  EXPECT_GT(failed, 0u);
  EXPECT_GT(count, 0u);
}

// A stream and the whole reply of the same answer: what the frames of one say, a reply of the other form says, too.
TEST_F(CohereRecorded, WrittenFramesAreTheRecordedOnes) {
  KnownDifferences known({{"delta.usage.tokens.*", "as many as are billed; Cohere counts its own prompt, too"},
                          {"delta.usage.cached_tokens", "of its own prompt, and not in what is billed"},
                          {"delta.usage", "where an error ends the stream"},
                          {"delta.error_type", "kept as the error's code"}});
  std::size_t streams = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!one.stream || one.status != 200) return;
    ++streams;
    const auto payloads = [&](const std::string& bytes) {
      const auto frames = make_frame_reader(Framing::sse);
      std::vector<std::string> out;
      frames->feed(bytes);
      Frame frame;
      while (frames->next(frame)) out.emplace_back(frame.data);
      return out;
    };
    const std::string bytes = stream_bytes(cohere_, one);
    auto recorded = payloads(bytes);
    const Usage usage = stream_usage(billing::UsageDialect::cohere, Framing::sse, bytes);
    const auto again = payloads(written(cohere_, with_usage(events_of(cohere_, bytes), usage), {}));
    if (recorded.back() != "[DONE]") recorded.emplace_back("[DONE]");  // the recorder took it away
    ASSERT_EQ(recorded.size(), again.size()) << one.id;
    for (std::size_t i = 0; i + 1 < recorded.size(); ++i) known.check(one.id, json_of(recorded[i]), json_of(again[i]));
  });
  known.report("cohere frames");
  EXPECT_GT(streams, 0u);
}

TEST_F(CohereRecorded, ErrorsAreUnderstood) {
  std::map<std::string, std::size_t> kinds;
  each_exchange("cohere", "", [&](const RecordedExchange& one) {
    if (one.status < 400) return;
    const Error error = cohere_.read_error(one.status, one.reply);
    EXPECT_FALSE(error.message.empty()) << one.id;
    EXPECT_EQ(error.status, one.status);
    EXPECT_EQ(error.kind, one.status == 404   ? ErrorKind::retry_elsewhere
                          : one.status == 401 ? ErrorKind::auth
                                              : ErrorKind::client_fault)
        << one.id << " " << error.message;
    ++kinds[std::to_string(one.status) + " " + error.code];
  });
  for (const auto& [kind, count] : kinds) std::printf("%zu x %s\n", count, kind.c_str());
  EXPECT_FALSE(kinds.empty());
}

}  // namespace
}  // namespace tollgate::gateway
