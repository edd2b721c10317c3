// The dialect over every recorded exchange: requests and replies read and written again, streams folded, written and
// folded again, and cut at any byte.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "billing/usage_reader.h"
#include "exchange_corpus.h"
#include "gemini_testing.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

constexpr const char* kGenerate[] = {"generateContent", "streamGenerateContent"};

Quirks quirks_of(const RecordedExchange& one) {
  Quirks quirks;
  quirks.vertex_labels = one.provider == "vertex";
  return quirks;
}

template <class See>
std::size_t each_generate(See&& see) {
  std::size_t count = 0;
  for (const char* endpoint : kGenerate) count += each_exchange("gemini", endpoint, see);
  return count;
}

// The framing of a recorded stream, and its bytes as they came.
struct Stream {
  Framing framing = Framing::sse;
  std::string bytes;
};
Stream stream_of(const RecordedExchange& one) {
  if (one.reply.starts_with("[")) return {.framing = Framing::json_array, .bytes = one.reply};
  return {.framing = one.framing.empty() ? Framing::sse : Framing::ndjson, .bytes = one.reply + "\n"};
}

Usage usage_of_stream(const Stream& stream) {
  billing::UsageReader reader;
  reader.reset(billing::UsageDialect::gemini, {});
  const auto frames = make_frame_reader(stream.framing);
  frames->feed(stream.bytes);
  Frame frame;
  while (frames->next(frame)) reader.event(frame.event, frame.data);
  return reader.usage();
}

TEST(GeminiRecorded, RequestsKeepEveryMember) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  KnownDifferences known({{"generationConfig", "an empty object says nothing"},
                          {"systemInstruction.parts", "one part that came without its array"}});
  std::size_t refused = 0, snake = 0;
  each_generate([&](const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    const auto request = gemini().read_request(dump_json(one.request), {.model = one.model, .stream = one.stream});
    if (!request) {
      ++refused;
      EXPECT_EQ(one.status, 400) << one.id << ": " << request.error().message;
      return;
    }
    chat::Losses losses;
    const auto body = gemini().write_request(
        *request, {.model = one.model, .stream = one.stream, .quirks = quirks_of(one), .same_dialect = true}, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << ": " << losses.names().front();
    const Json recorded = with_camel_keys(one.request);
    snake += compare_json(recorded, one.request).empty() ? 0 : 1;
    known.compare(one.id, recorded, with_camel_keys(parsed(*body)));
  });
  std::printf("%zu requests with snake_case members, %zu that the vendor refused too\n", snake, refused);
  EXPECT_EQ(refused, 1u);
  known.report("requests");
}

TEST(GeminiRecorded, CountRequestsAndReplies) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  KnownDifferences requests({{"generateContentRequest.systemInstruction.parts", "one part that came without its array"},
                             {"generationConfig", "an empty object says nothing"}});
  KnownDifferences replies(
      {{"promptTokensDetails", "a count is a number here"}, {"totalBillableCharacters", "a count is a number here"}});
  each_exchange("gemini", "countTokens", [&](const RecordedExchange& one) {
    const auto request = read_gemini_count_request(dump_json(one.request), {.model = one.model});
    ASSERT_TRUE(request) << one.id << ": " << request.error().message;
    chat::Losses losses;
    Quirks quirks;
    quirks.vertex_labels = !one.request.contains("generateContentRequest");
    const auto body =
        write_gemini_count_request(*request, {.model = one.model, .quirks = quirks, .same_dialect = true}, losses);
    ASSERT_TRUE(body);
    requests.compare(one.id, with_camel_keys(one.request), with_camel_keys(parsed(*body)));
    const auto count = read_gemini_count_reply(one.reply);
    ASSERT_EQ(count.has_value(), one.status == 200) << one.id;
    if (count) replies.compare(one.id, parsed(one.reply), parsed(write_gemini_count_reply(*count)));
  });
  requests.report("countTokens requests");
  replies.report("countTokens replies");
}

TEST(GeminiRecorded, RepliesKeepEveryMember) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  KnownDifferences known(
      {{"candidates[].index", "always said"},
       {"candidates[].content.parts", "always there, though empty"},
       {"usageMetadata.promptTokenCount", "tool use is a part of the input"},
       {"usageMetadata.toolUsePromptTokenCount", "tool use is a part of the input"},
       {"usageMetadata.toolUsePromptTokensDetails", "tool use is a part of the input"},
       {"usageMetadata.totalTokenCount", "always said"},
       {"usageMetadata.serviceTier", "the tier that was billed is said also where the vendor says trafficType"},
       {"usageMetadata.promptTokensDetails*",
        "split by what is billed apart, and without the vendor's numbers for names"},
       {"usageMetadata.cacheTokensDetails*", "split by what is billed apart"},
       {"usageMetadata.candidatesTokensDetails*", "always said, and without the vendor's numbers for names"}});
  billing::UsageReader usage;
  each_generate([&](const RecordedExchange& one) {
    if (one.stream || one.status >= 400 || parsed(one.reply).contains("error")) return;
    auto reply = gemini().read_reply(one.reply);
    ASSERT_TRUE(reply) << one.id << ": " << reply.error().message;
    std::string padded = one.reply;
    padded.reserve(padded.size() + kJsonPadding);
    usage.reset(billing::UsageDialect::gemini, {});
    usage.reply(padded);
    reply->usage = usage.usage();
    known.compare(one.id, parsed(one.reply), parsed(gemini().write_reply(*reply, {})));
  });
  known.report("replies");
}

// A whole reply is a stream of one frame: it must fold to what it says as a whole.
TEST(GeminiRecorded, WholeRepliesReadTheSameAsStreams) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  KnownDifferences known({{"choices[].extra.logprobsResult", "streams bring it piece by piece"}});
  each_generate([&](const RecordedExchange& one) {
    if (one.stream || one.status >= 400 || parsed(one.reply).contains("error")) return;
    const auto reply = gemini().read_reply(one.reply);
    ASSERT_TRUE(reply);
    const auto reader = gemini().event_reader();
    chat::Events events;
    reader->read({}, one.reply, events);
    EXPECT_TRUE(reader->may_end()) << one.id;
    reader->finish(events);
    EXPECT_EQ(disorder(events), "") << one.id;
    known.compare(one.id, meaning_of(*reply), meaning_of(fold_of(events).reply()));
  });
  known.report("replies as streams");
}

TEST(GeminiRecorded, StreamsReadBackAsWritten) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  KnownDifferences known({});
  each_generate([&](const RecordedExchange& one) {
    if (!one.stream || one.status >= 400) return;
    const Stream stream = stream_of(one);
    chat::Events events = events_of(stream.framing, stream.bytes);
    EXPECT_EQ(disorder(events), "") << one.id;
    const Usage usage = usage_of_stream(stream);
    EXPECT_EQ(usage.reported, !one.usage.is_null()) << one.id;
    ASSERT_EQ(events.back().kind, chat::Event::Kind::end) << one.id;
    chat::Event spent{.kind = chat::Event::Kind::usage};
    spent.usage = usage;
    events.insert(events.end() - 1, spent);
    const chat::Fold first = fold_of(events);
    for (const bool array : {false, true}) {
      const Stream again{.framing = array ? Framing::json_array : Framing::sse,
                         .bytes = written(events, {.json_array = array})};
      const chat::Events second = events_of(again.framing, again.bytes);
      EXPECT_EQ(disorder(second), "") << one.id;
      chat::Reply reply = fold_of(second).reply();
      reply.usage = usage_of_stream(again);
      EXPECT_TRUE(fold_of(second).ended()) << one.id;
      known.compare(one.id, meaning_of(first.reply()), meaning_of(reply));
    }
  });
  known.report("streams, written and read again");
}

TEST(GeminiRecorded, StreamsReadTheSameInAnySplit) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t streams = 0;
  each_generate([&](const RecordedExchange& one) {
    if (!one.stream || one.status >= 400) return;
    const Stream stream = stream_of(one);
    const std::string whole = trace_of(events_of(stream.framing, stream.bytes));
    EXPECT_EQ(trace_of(events_of(stream.framing, stream.bytes, {1})), whole) << one.id;
    for (unsigned seed = 1; seed <= 4; ++seed) {
      std::mt19937 random(seed);
      std::vector<std::size_t> sizes(64);
      for (std::size_t& size : sizes) size = 1 + random() % 200;
      EXPECT_EQ(trace_of(events_of(stream.framing, stream.bytes, sizes)), whole) << one.id << " seed " << seed;
    }
    ++streams;
  });
  std::printf("%zu streams in six splits each\n", streams);
  EXPECT_GT(streams, 100u);
}

TEST(GeminiRecorded, ErrorsAreUnderstood) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::map<ErrorKind, std::size_t> kinds;
  std::size_t errors = 0;
  each_exchange("gemini", "", [&](const RecordedExchange& one) {
    const bool fault = one.status >= 400 || (!one.stream && parsed(one.reply).contains("error"));
    if (!fault) return;
    const Error error = gemini().read_error(one.status < 400 ? 0 : one.status, one.reply);
    const Json said = parsed(one.reply)["error"];
    EXPECT_EQ(error.message, said["message"].get<std::string>()) << one.id;
    EXPECT_FALSE(error.code.empty()) << one.id;
    ++kinds[error.kind];
    ++errors;
    const std::string status = said["status"].get<std::string>();
    if (error.message.starts_with("API key not valid")) EXPECT_EQ(error.kind, ErrorKind::auth) << one.id;
    if (status == "NOT_FOUND") EXPECT_EQ(error.kind, ErrorKind::retry_elsewhere) << one.id;
    if (status == "RESOURCE_EXHAUSTED") {
      EXPECT_EQ(error.kind, ErrorKind::limited);
      EXPECT_EQ(error.retry_after.count(), 34'400);
    }
    // Written and read again it says the same.
    const Error again = gemini().read_error(0, gemini().write_error(error));
    EXPECT_EQ(again.message, error.message);
    EXPECT_EQ(again.status, error.status);
    EXPECT_EQ(again.retry_after, error.retry_after);
  });
  std::printf("%zu errors: %zu of the client, %zu auth, %zu limits, %zu for elsewhere\n", errors,
              kinds[ErrorKind::client_fault], kinds[ErrorKind::auth], kinds[ErrorKind::limited],
              kinds[ErrorKind::retry_elsewhere]);
  EXPECT_GT(errors, 10u);
}

}  // namespace
}  // namespace tollgate::gateway
