// ConverseStream, both ways.
#include "bedrock_testing.h"
#include "core/aws_event_stream.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using Frames = std::vector<std::pair<std::string, std::string>>;

std::string bytes_of(const Frames& frames) {
  std::string out;
  for (const auto& [event, data] : frames) write_aws_event(out, event, data);
  return out;
}

Frames frames_of(std::string_view bytes) {
  Frames out;
  const auto reader = make_frame_reader(Framing::aws);
  reader->feed(bytes);
  Frame frame;
  while (reader->next(frame)) {
    out.emplace_back(std::string(frame.event), std::string(frame.data));
    EXPECT_EQ(frame.exception, frame.event.ends_with("Exception"));
  }
  EXPECT_EQ(reader->failure(), "");
  return out;
}

Events read(const Frames& frames) { return events_of(bedrock_converse(), bytes_of(frames)); }

const Frames kFull{
    {"messageStart", R"({"role":"assistant"})"},
    {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"h"}}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"m"}}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}})"},
    {"contentBlockStop", R"({"contentBlockIndex":0})"},
    {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"cmVk"}}})"},
    {"contentBlockStop", R"({"contentBlockIndex":1})"},
    {"contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"text":"hel"}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"text":"lo"}})"},
    {"contentBlockDelta",
     R"({"contentBlockIndex":2,"delta":{"citation":{"title":"T","location":{"web":{"url":"https://x"}}}}})"},
    {"contentBlockStop", R"({"contentBlockIndex":2})"},
    {"contentBlockStart",
     R"({"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t1","name":"f","type":"tool_use"}}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\"q\""}}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":3,"delta":{"toolUse":{"input":":1}"}}})"},
    {"contentBlockStop", R"({"contentBlockIndex":3})"},
    {"contentBlockStart", R"({"contentBlockIndex":4,"start":{"toolUse":{"toolUseId":"t2","name":"g"}}})"},
    {"contentBlockStop", R"({"contentBlockIndex":4})"},
    {"contentBlockStart",
     R"({"contentBlockIndex":5,"start":{"toolUse":{"toolUseId":"t3","name":"s","type":"server_tool_use"}}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":5,"delta":{"toolUse":{"input":"{\"q\":2}"}}})"},
    {"contentBlockStop", R"({"contentBlockIndex":5})"},
    {"contentBlockStart",
     R"({"contentBlockIndex":6,"start":{"toolResult":{"toolUseId":"t3","type":"r","status":"success"}}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":6,"delta":{"toolResult":[{"text":"a"},{"json":{"n":1}}]}})"},
    {"contentBlockStop", R"({"contentBlockIndex":6})"},
    {"contentBlockStart", R"({"contentBlockIndex":7,"start":{"image":{"format":"png"}}})"},
    {"contentBlockDelta", R"({"contentBlockIndex":7,"delta":{"image":{"source":{"bytes":"iVBO"}}}})"},
    {"contentBlockStop", R"({"contentBlockIndex":7})"},
    {"messageStop", R"({"stopReason":"tool_use","additionalModelResponseFields":{"delta":{"stop_sequence":"END"}}})"},
    {"metadata", R"({"metrics":{"latencyMs":0}})"}};

TEST(BedrockStream, IsUnderstood) {
  const Events events = read(kFull);
  expect_order(events, "full");
  const Fold fold = folded(events);
  ASSERT_TRUE(fold.ended());
  const Choice& choice = fold.reply().choices.at(0);
  ASSERT_EQ(choice.parts.size(), 8u);
  EXPECT_EQ(choice.parts[0].get<Thinking>()->text, "hm");
  EXPECT_EQ(choice.parts[0].get<Thinking>()->signature.value, "c2ln");
  EXPECT_EQ(choice.parts[1].get<Thinking>()->redacted.value, "cmVk");
  EXPECT_EQ(choice.parts[2].get<Text>()->text, "hello");
  EXPECT_EQ(choice.parts[2].get<Text>()->citations.at(0).url, "https://x");
  EXPECT_EQ(choice.parts[3].get<ToolCall>()->arguments, R"({"q":1})");
  EXPECT_EQ(choice.parts[4].get<ToolCall>()->arguments, "");
  EXPECT_EQ(choice.parts[5].get<Opaque>()->type, "server_tool_use");
  EXPECT_EQ(choice.parts[5].get<Opaque>()->json,
            R"({"toolUse":{"toolUseId":"t3","name":"s","type":"server_tool_use","input":{"q":2}}})");
  EXPECT_EQ(
      choice.parts[6].get<Opaque>()->json,
      R"({"toolResult":{"toolUseId":"t3","type":"r","status":"success","content":[{"text":"a"},{"json":{"n":1}}]}})");
  EXPECT_EQ(choice.parts[7].get<Media>()->data, "iVBO");
  EXPECT_EQ(choice.finish, Finish::tool_calls);
  EXPECT_EQ(choice.stop_sequence, "END");
}

TEST(BedrockStream, IsWrittenAsTheServiceSendsIt) {
  EXPECT_EQ(frames_of(written(bedrock_converse(), read(kFull), {})).size(), kFull.size());
  const Frames again = frames_of(written(bedrock_converse(), read(kFull), {}));
  for (std::size_t i = 0; i < kFull.size(); ++i) {
    EXPECT_EQ(again[i].first, kFull[i].first);
    EXPECT_EQ(json_of(again[i].second), json_of(kFull[i].second)) << i;
  }
}

TEST(BedrockStream, UsageComesWithTheMetadata) {
  Events events = read({{"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"a"}})"},
                        {"messageStop", R"({"stopReason":"end_turn"})"}});
  Event usage;
  usage.kind = Event::Kind::usage;
  usage.usage.reported = true;
  usage.usage.served_tier = "flex";
  usage.usage[Bucket::input] = 3;
  usage.usage[Bucket::reasoning] = 2;
  usage.usage[Bucket::cache_read] = 1;
  events.insert(events.end() - 1, usage);
  EXPECT_EQ(json_of(frames_of(written(bedrock_converse(), events, {})).back().second), json_of(R"({
    "usage":{"inputTokens":3,"outputTokens":2,"totalTokens":6,"cacheReadInputTokens":1},"metrics":{"latencyMs":0},
    "serviceTier":{"type":"flex"}})"));
}

TEST(BedrockStream, OfAnotherDialect) {
  Reply reply;
  reply.dialect = "openai.chat";
  Choice& choice = reply.choices.emplace_back();
  choice.finish = Finish::stop_sequence;
  choice.stop_sequence = "END";
  choice.parts.resize(5);
  choice.parts[0].what = Opaque{.dialect = "openai.responses", .type = "x", .json = "{}"};
  Thinking thinking;
  thinking.text = "hm";
  thinking.signature = {.value = "s", .origin = "google"};
  thinking.redacted = {.value = "r", .origin = "anthropic"};
  choice.parts[1].what = thinking;
  choice.parts[2].what = Refusal{.text = "no"};
  choice.parts[3].what = ToolCall{.id = "a|b", .name = "f", .arguments = "{}"};
  choice.parts[4].what = Text{};
  reply.choices.push_back({.index = 1, .parts = {text_part("another")}});
  const std::string bytes = written(bedrock_converse(), unfold(reply), {});
  const Events events = events_of(bedrock_converse(), bytes);
  expect_order(events, "foreign");
  const Reply back = folded(events).reply();
  ASSERT_EQ(back.choices.size(), 1u) << "one choice is all that there is";
  const auto& parts = back.choices[0].parts;
  ASSERT_EQ(parts.size(), 4u) << "a block of another dialect leaves no gap";
  EXPECT_EQ(parts[0].get<Thinking>()->signature.origin, "google");
  EXPECT_EQ(parts[0].get<Thinking>()->redacted.origin, "anthropic");
  EXPECT_EQ(parts[0].get<Thinking>()->redacted.value, "r");
  EXPECT_EQ(parts[1].get<Text>()->text, "no");
  EXPECT_EQ(parts[2].get<ToolCall>()->id.substr(0, 8), "tooluse_");
  EXPECT_EQ(parts[3].get<Text>()->text, "");
  EXPECT_EQ(back.choices[0].stop_sequence, "END");
  EXPECT_EQ(frames_of(bytes)[1].first, "contentBlockDelta");
  EXPECT_EQ(json_of(frames_of(bytes)[1].second)["contentBlockIndex"], 0);
}

TEST(BedrockStream, IsPatient) {
  // No start, no stops, blocks that follow one another, the counts too early, what nobody knows.
  const Events events = read({{"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"a"},"p":"abcd"})"},
                              {"later", R"({"x":1})"},
                              {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"text":"b"}})"},
                              {"contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"newKind":{"x":1}}})"},
                              {"contentBlockDelta", R"({"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}})"},
                              {"contentBlockStart", R"({"contentBlockIndex":3,"start":{}})"},
                              {"contentBlockDelta", R"({"contentBlockIndex":3,"delta":{"text":"c"}})"},
                              {"contentBlockStop", "{}"},
                              {"contentBlockStop", R"({"contentBlockIndex":9})"},
                              {"metadata", "{}"},
                              {"messageStop", "{}"},
                              {"contentBlockDelta", R"({"contentBlockIndex":4,"delta":{"text":"late"}})"}});
  expect_order(events, "odd");
  const Fold fold = folded(events);
  EXPECT_TRUE(fold.ended());
  const auto& parts = fold.reply().choices.at(0).parts;
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].get<Text>()->text, "a");
  EXPECT_EQ(parts[1].get<Text>()->text, "b");
  EXPECT_EQ(parts[2].get<ToolCall>()->arguments, "{}");
  EXPECT_EQ(parts[3].get<Text>()->text, "c");
  EXPECT_EQ(fold.reply().choices[0].finish, Finish::other);
}

TEST(BedrockStream, EndsOnlyWhenTheMessageStopped) {
  const auto reader = bedrock_converse().event_reader();
  Events events;
  reader->read("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"a"}})", events);
  EXPECT_FALSE(reader->may_end());
  reader->read("messageStop", R"({"stopReason":"end_turn"})", events);
  EXPECT_TRUE(reader->may_end()) << "the counts may be missing";
  EXPECT_EQ(events.back().kind, Event::Kind::choice_end);
  reader->finish(events);
  EXPECT_EQ(events.back().kind, Event::Kind::end);
  const Events cut = read({{"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"a"}})"}});
  EXPECT_EQ(cut.back().kind, Event::Kind::part_end);
}

TEST(BedrockStream, BrokenServerToolsStayJson) {
  const auto opaque = [](const char* input) {
    Frames frames{{"contentBlockStart", R"({"contentBlockIndex":0,"start":{"toolUse":{"type":"server_tool_use"}}})"}};
    if (*input != '\0')
      frames.emplace_back("contentBlockDelta",
                          R"({"contentBlockIndex":0,"delta":{"toolUse":{"input":)" + std::string(input) + "}}}");
    return folded(read(frames)).reply().choices.at(0).parts.at(0).get<Opaque>()->json;
  };
  EXPECT_EQ(opaque(""), R"({"toolUse":{"type":"server_tool_use","input":{}}})");
  EXPECT_EQ(opaque(R"("{\"q")"), R"({"toolUse":{"type":"server_tool_use","input":"{\"q"}})");
}

TEST(BedrockStream, ErrorsEndIt) {
  std::string bytes = bytes_of({{"contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"a"}})"}});
  write_aws_exception(bytes, "throttlingException", R"({"message":"Too many tokens, please wait"})");
  write_aws_event(bytes, "messageStop", R"({"stopReason":"end_turn"})");
  const Events events = events_of(bedrock_converse(), bytes);
  ASSERT_EQ(events.back().kind, Event::Kind::error);
  EXPECT_EQ(events.back().error.kind, ErrorKind::limited);
  EXPECT_EQ(events.back().error.status, 429);
  EXPECT_EQ(events.back().error.message, "Too many tokens, please wait");
  const Events broken = read({{"messageStart", "{"}});
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].error.code, "upstream_bad_stream");
  EXPECT_EQ(read({{"messageStart", "[]"}}).size(), 1u);
}

TEST(BedrockStream, AnErrorByItsFramingIsOneUnderAnyName) {
  StreamTranslator translator(bedrock_converse(), bedrock_converse(), {});
  std::string out;
  translator.frame({.event = "messageStart", .data = "{}"}, out);
  EXPECT_EQ(translator.error(), nullptr);
  translator.frame({.event = "Unheard", .data = R"({"message":"why"})", .exception = true}, out);
  ASSERT_NE(translator.error(), nullptr);
  EXPECT_EQ(translator.error()->message, "why");
  EXPECT_EQ(translator.error()->kind, ErrorKind::retry_same);
}

TEST(BedrockStream, ErrorsAreWrittenAsExceptions) {
  const auto exception = [](ErrorKind kind) {
    Event event;
    event.kind = Event::Kind::error;
    event.error = {.kind = kind, .message = "why"};
    const Frames frames = frames_of(written(bedrock_converse(), {event, event}, {}));
    EXPECT_EQ(frames.size(), 1u) << "nothing follows";
    EXPECT_EQ(frames[0].second, R"({"message":"why"})");
    return frames[0].first;
  };
  EXPECT_EQ(exception(ErrorKind::limited), "throttlingException");
  EXPECT_EQ(exception(ErrorKind::client_fault), "validationException");
  EXPECT_EQ(exception(ErrorKind::retry_elsewhere), "serviceUnavailableException");
  EXPECT_EQ(exception(ErrorKind::retry_same), "modelStreamErrorException");
  EXPECT_EQ(exception(ErrorKind::fatal), "internalServerException");
}

TEST(BedrockStream, AnySplitSaysTheSame) { expect_any_split(bedrock_converse(), bytes_of(kFull), "full"); }

}  // namespace
}  // namespace tollgate::gateway
