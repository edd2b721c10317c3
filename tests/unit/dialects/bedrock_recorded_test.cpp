// Converse and ConverseStream over every recording of them.
#include "billing/usage_reader.h"
#include "core/aws_event_stream.h"
#include "gateway/dialects/translate.h"
#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kProtocol = "bedrock-converse";

class BedrockRecorded : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  }
  template <class See>
  void each(See&& see) {
    each_exchange(kProtocol, "converse", see);
    each_exchange(kProtocol, "converse-stream", see);
  }
  const Dialect& bedrock_ = bedrock_converse();
};

// The model stands in the path.
std::string model_of(const RecordedExchange& one) {
  const std::size_t at = one.request_url.find("/model/");
  if (at == std::string::npos) return one.model;
  const std::size_t begin = at + 7;
  return one.request_url.substr(begin, one.request_url.find("/converse", begin) - begin);
}

TEST_F(BedrockRecorded, RequestsAreReadAndWrittenAgain) {
  KnownDifferences known({
      {"outputConfig.textFormat.structure.jsonSchema.schema", "JSON inside of a string, written without white space"},
      {"additionalModelRequestFields.reasoning_config", "an older name of thinking"},
      {"additionalModelRequestFields.thinking", "of reasoning_config"},
      {"additionalModelRequestFields.output_config", "written where the service has a place of its own"},
      {"outputConfig", "of additionalModelRequestFields.output_config"},
      {"system", "an empty list says nothing"},
      {"inferenceConfig", "an empty object says nothing"},
      {"inferenceConfig.stopSequences", "an empty list says nothing"},
      {"additionalModelRequestFields", "an empty object says nothing"},
  });
  each([&](const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    const std::string model = model_of(one);
    auto request = bedrock_.read_request(dump_json(one.request), {.model = model, .stream = one.stream});
    ASSERT_TRUE(request) << one.id << " " << request.error().message;
    EXPECT_EQ(request->model, model);
    EXPECT_EQ(request->stream, one.stream);
    chat::Losses losses;
    auto body = bedrock_.write_request(*request, {.model = model, .stream = one.stream, .same_dialect = true}, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << " " << losses.names().front();
    known.check(one.id, one.request, json_of(*body));
  });
  known.report("bedrock requests");
}

// What the service would refuse is never written, whatever the request was.
TEST_F(BedrockRecorded, RequestsOfOthersAreWrittenInTurns) {
  std::size_t count = 0;
  each([&](const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    auto request = bedrock_.read_request(dump_json(one.request), {.model = model_of(one)});
    ASSERT_TRUE(request);
    chat::Losses losses;
    auto body = bedrock_.write_request(*request, {.model = model_of(one)}, losses);
    ASSERT_TRUE(body) << one.id;
    const Json written = json_of(*body);
    std::string last = "assistant";
    for (const Json& message : written["messages"]) {
      EXPECT_NE(message["role"], last) << one.id;
      last = message["role"].get<std::string>();
      EXPECT_FALSE(message["content"].empty()) << one.id;
    }
    ++count;
  });
  EXPECT_GT(count, 60u);
}

TEST_F(BedrockRecorded, RepliesAreReadAndWrittenAgain) {
  KnownDifferences known({
      {"usage.cacheReadInputTokenCount", "an older name, beside the newer"},
      {"usage.cacheWriteInputTokenCount", "an older name, beside the newer"},
      {"usage.cacheReadInputTokens", "nothing is not said"},
      {"usage.cacheWriteInputTokens", "nothing is not said"},
      {"usage.serverToolUsage", "of the service's own tools; billing counts what costs"},
  });
  billing::UsageReader usage;
  each([&](const RecordedExchange& one) {
    if (one.stream || one.status != 200) return;
    auto reply = bedrock_.read_reply(one.reply);
    ASSERT_TRUE(reply) << one.id << " " << reply.error().message;
    ASSERT_EQ(reply->choices.size(), 1u);
    EXPECT_NE(reply->choices[0].finish, chat::Finish::unset) << one.id;
    EXPECT_NE(reply->choices[0].finish, chat::Finish::other) << one.id;
    usage.reset(billing::UsageDialect::bedrock_converse, {}, one.model);
    std::string padded = one.reply;
    padded.reserve(padded.size() + kJsonPadding);
    usage.reply(padded);
    reply->usage = usage.usage();
    EXPECT_TRUE(reply->usage.reported) << one.id;
    known.check(one.id, json_of(one.reply), json_of(bedrock_.write_reply(*reply, {})));
  });
  known.report("bedrock replies");
}

// Fixtures that hold one payload per line, as {"messageStop": {...}}, are put into messages again.
std::string stream_of(const RecordedExchange& one) {
  if (one.framing.empty()) return one.reply;
  std::string out;
  for (std::size_t at = 0; at < one.reply.size();) {
    const std::size_t end = std::min(one.reply.find('\n', at), one.reply.size());
    if (const auto line = parse_json_dom(one.reply.substr(at, end - at)); line && line->is_object())
      for (const auto& [name, value] : line->items()) write_aws_event(out, name, dump_json(value));
    at = end + 1;
  }
  return out;
}

// One recording under this name is of another operation: its frames are chunks of a model's own.
bool is_converse(const std::string& bytes) {
  return bytes.find("contentBlockDelta") != std::string::npos || bytes.find("contentBlockStart") != std::string::npos;
}

Usage usage_of(std::string_view bytes, std::string_view model) {
  billing::UsageReader reader;
  reader.reset(billing::UsageDialect::bedrock_converse, {}, model);
  const auto frames = make_frame_reader(Framing::aws);
  frames->feed(bytes);
  Frame frame;
  while (frames->next(frame)) reader.event(frame.event, frame.data);
  return reader.usage();
}

// All that a reply says. Arguments by value: a stream has them as the model wrote them, a whole reply as an object.
std::string comparable(chat::Reply reply) {
  JsonReader reader;
  std::string more;
  reply.extra.clear();
  for (chat::Choice& choice : reply.choices) {
    choice.extra.clear();
    for (chat::Part& part : choice.parts) {
      std::erase_if(part.extra, [](const auto& one) { return one.first == "~type"; });
      if (auto* call = part.get<chat::ToolCall>()) {
        const auto arguments = reader.parse(call->arguments);
        call->arguments = arguments ? arguments->text() : call->arguments.empty() ? "{}" : call->arguments;
      } else if (const auto* opaque = part.get<chat::Opaque>()) {
        Json members = json_of(opaque->json).begin().value();
        more += "\n" + opaque->type;
        for (const char* name : {"toolUseId", "name", "type", "status", "input", "content"})
          if (members.contains(name)) more += " " + dump_json(members[name]);
      } else if (const auto* thinking = part.get<chat::Thinking>()) {
        for (const chat::Signature* one : {&thinking->signature, &thinking->redacted})
          more += "\n" + one->origin + " " + one->value;
      }
    }
  }
  return dump_json(reply_json(reply)) + more;
}

TEST_F(BedrockRecorded, StreamsFoldTheSameAfterBeingWritten) {
  std::size_t count = 0, with_usage = 0, others = 0;
  std::map<int, int> finishes;
  each([&](const RecordedExchange& one) {
    if (!one.stream || one.status != 200) return;
    const std::string bytes = stream_of(one);
    if (!is_converse(bytes)) {
      ++others;
      return;
    }
    ++count;
    chat::Events events = events_of(bedrock_, bytes);
    expect_order(events, one.id);
    const chat::Fold first = folded(events);
    ASSERT_TRUE(first.ended()) << one.id;
    ASSERT_EQ(first.error(), nullptr) << one.id;
    ASSERT_EQ(first.reply().choices.size(), 1u) << one.id;
    EXPECT_FALSE(first.reply().choices[0].parts.empty()) << one.id;
    ++finishes[static_cast<int>(first.reply().choices[0].finish)];
    // The gateway puts the counts in front of the end.
    chat::Event counted;
    counted.kind = chat::Event::Kind::usage;
    counted.usage = usage_of(bytes, one.model);
    with_usage += counted.usage.reported;
    events.insert(events.end() - 1, counted);
    const std::string again = written(bedrock_, events, {.id = "other"});
    EXPECT_EQ(fold_text(events_of(bedrock_, bytes)), fold_text(events_of(bedrock_, again))) << one.id;
    EXPECT_EQ(comparable(first.reply()), comparable(folded(events_of(bedrock_, again)).reply())) << one.id;
    const Usage back = usage_of(again, one.model);
    EXPECT_EQ(back.counts, counted.usage.counts) << one.id;
    EXPECT_EQ(back.reported, counted.usage.reported) << one.id;
    // The whole reply that the events spell unfolds to the same, and is read from its own form as the same.
    EXPECT_EQ(fold_text(events_of(bedrock_, bytes)), fold_text(chat::unfold(first.reply()))) << one.id;
    expect_any_split(bedrock_, bytes, one.id);
  });
  std::printf("bedrock streams: %zu, with usage %zu, of another operation %zu\n", count, with_usage, others);
  EXPECT_GE(count, 40u);
  EXPECT_EQ(others, 1u);
  EXPECT_GE(finishes.size(), 4u);
}

// A whole reply and a stream of it say the same: what a stream spelled is written whole and read again.
TEST_F(BedrockRecorded, AStreamSaysWhatTheWholeReplySays) {
  std::size_t count = 0;
  each([&](const RecordedExchange& one) {
    if (one.status != 200) return;
    chat::Reply reply;
    if (one.stream) {
      reply = folded(events_of(bedrock_, stream_of(one))).reply();
      if (reply.choices.empty()) return;
    } else {
      auto read = bedrock_.read_reply(one.reply);
      ASSERT_TRUE(read);
      reply = std::move(*read);
    }
    auto whole = bedrock_.read_reply(bedrock_.write_reply(reply, {}));
    ASSERT_TRUE(whole);
    const std::string again = written(bedrock_, chat::unfold(reply), {});
    EXPECT_EQ(comparable(*whole), comparable(reply)) << one.id;
    EXPECT_EQ(comparable(folded(events_of(bedrock_, again)).reply()), comparable(reply)) << one.id;
    ++count;
  });
  EXPECT_GE(count, 100u);
}

TEST_F(BedrockRecorded, ErrorsAreUnderstood) {
  std::map<std::string, ErrorKind> wanted = {
      {"end of its life", ErrorKind::retry_elsewhere},      {"model identifier is invalid", ErrorKind::retry_elsewhere},
      {"on-demand throughput", ErrorKind::retry_elsewhere}, {"security token", ErrorKind::auth},
      {"exceeds maximum length", ErrorKind::client_fault},  {"Malformed input", ErrorKind::client_fault},
      {"doesn't support the", ErrorKind::client_fault},     {"Field required", ErrorKind::client_fault},
  };
  std::set<std::string> seen;
  std::size_t count = 0;
  each([&](const RecordedExchange& one) {
    if (one.status < 400) return;
    ++count;
    const Error error = bedrock_.read_error(one.status, one.reply);
    EXPECT_FALSE(error.message.empty()) << one.id;
    EXPECT_EQ(error.status, one.status);
    bool known = false;
    for (const auto& [words, kind] : wanted) {
      if (error.message.find(words) == std::string::npos) continue;
      EXPECT_EQ(error.kind, kind) << one.id << " " << error.message;
      seen.insert(words);
      known = true;
    }
    EXPECT_TRUE(known) << one.id << " " << error.message;
    EXPECT_EQ(json_of(bedrock_.write_error(error))["message"], json_of(one.reply)["message"]);
  });
  std::printf("bedrock errors: %zu\n", count);
  EXPECT_EQ(seen.size(), wanted.size());
}

}  // namespace
}  // namespace tollgate::gateway
