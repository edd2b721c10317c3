// Ollama's chat over every recording of it.
#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

class OllamaRecorded : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  }
  const Dialect& ollama_ = ollama_chat();
};

TEST_F(OllamaRecorded, RequestsAreReadAndWrittenAgain) {
  KnownDifferences known({
      {"options", "an empty object says nothing"},
      {"tools", "an empty list says nothing"},
      {"format", "an empty text says nothing"},
      {"messages[].tool_calls[].type", "it is always a function"},
  });
  each_exchange("ollama", "ollama.chat", [&](const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    auto request = ollama_.read_request(dump_json(one.request), {});
    ASSERT_TRUE(request) << one.id << " " << request.error().message;
    chat::Losses losses;
    auto body = ollama_.write_request(
        *request, {.model = request->model, .stream = request->stream, .same_dialect = true}, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << " " << losses.names().front();
    known.check(one.id, one.request, json_of(*body));
  });
  known.report("ollama requests");
}

TEST_F(OllamaRecorded, RepliesAreReadAndWrittenAgain) {
  KnownDifferences known({});
  each_exchange("ollama", "ollama.chat", [&](const RecordedExchange& one) {
    if (one.stream || one.status != 200) return;
    auto reply = ollama_.read_reply(one.reply);
    ASSERT_TRUE(reply) << one.id << " " << reply.error().message;
    ASSERT_EQ(reply->choices.size(), 1u);
    EXPECT_NE(reply->choices[0].finish, chat::Finish::unset) << one.id;
    reply->usage = reply_usage(billing::UsageDialect::ollama, one.reply);
    known.check(one.id, json_of(one.reply), json_of(ollama_.write_reply(*reply, {})));
  });
  known.report("ollama replies");
}

TEST_F(OllamaRecorded, StreamsFoldTheSameAfterBeingWritten) {
  std::size_t count = 0;
  each_exchange("ollama", "ollama.chat", [&](const RecordedExchange& one) {
    if (!one.stream || one.status != 200) return;
    ++count;
    const std::string bytes = stream_bytes(ollama_, one);
    const chat::Events events = events_of(ollama_, bytes);
    expect_order(events, one.id);
    const chat::Fold first = folded(events);
    EXPECT_TRUE(first.ended()) << one.id;
    const Usage usage = stream_usage(billing::UsageDialect::ollama, Framing::ndjson, bytes);
    EXPECT_TRUE(usage.reported) << one.id;
    const std::string again = written(ollama_, with_usage(events, usage), {});
    EXPECT_EQ(fold_text(events), fold_text(events_of(ollama_, again))) << one.id;
    EXPECT_EQ(usage.counts, stream_usage(billing::UsageDialect::ollama, Framing::ndjson, again).counts) << one.id;
    EXPECT_EQ(fold_text(events), fold_text(chat::unfold(first.reply()))) << one.id;
    expect_any_split(ollama_, bytes, one.id);
  });
  std::printf("ollama streams: %zu\n", count);
  EXPECT_GT(count, 0u);
}

// A whole reply, streamed as Ollama would, folds to itself.
TEST_F(OllamaRecorded, WholeRepliesSurviveBeingStreamed) {
  each_exchange("ollama", "ollama.chat", [&](const RecordedExchange& one) {
    if (one.stream || one.status != 200) return;
    const auto reply = ollama_.read_reply(one.reply);
    ASSERT_TRUE(reply) << one.id;
    const std::string bytes = written(ollama_, chat::unfold(*reply), {});
    EXPECT_EQ(dump_json(reply_json(*reply)), dump_json(reply_json(folded(events_of(ollama_, bytes)).reply())))
        << one.id;
  });
}

TEST_F(OllamaRecorded, ErrorsAreUnderstood) {
  std::size_t count = 0;
  each_exchange("ollama", "ollama.chat", [&](const RecordedExchange& one) {
    if (one.status < 400) return;
    ++count;
    const Error error = ollama_.read_error(one.status, one.reply);
    EXPECT_NE(error.message.find("not found"), std::string::npos) << one.id << " " << error.message;
    EXPECT_EQ(error.kind, ErrorKind::retry_elsewhere);
    EXPECT_EQ(error.code, "model_not_found");
  });
  std::printf("ollama errors: %zu\n", count);
}

}  // namespace
}  // namespace tollgate::gateway
