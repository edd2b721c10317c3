// Streams: what the vendor's frames mean, and the frames that callers of the Gemini API get.
#include <gtest/gtest.h>

#include <algorithm>

#include "gemini_testing.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using Kind = Event::Kind;

// A stream of these candidates' JSON, one a frame and in one line.
std::string stream_of(const std::vector<std::string>& candidates) {
  std::string out;
  for (std::string one : candidates) {
    std::replace(one.begin(), one.end(), '\n', ' ');
    out += R"(data: {"candidates":[)" + one + R"(],"modelVersion":"gemini-3","responseId":"r1"})" + "\r\n\r\n";
  }
  return out;
}
std::string parts(const std::string& inside, const std::string& more = "") {
  return R"({"content":{"role":"model","parts":[)" + inside + R"(]},"index":0)" + more + "}";
}

Events read(const std::string& bytes) {
  Events events = events_of(Framing::sse, bytes);
  EXPECT_EQ(disorder(events), "");
  return events;
}

std::vector<Kind> kinds(const Events& events) {
  std::vector<Kind> out;
  for (const Event& event : events) out.push_back(event.kind);
  return out;
}

TEST(GeminiStream, PiecesOfOnePartAreOnePart) {
  const Events events =
      read(stream_of({parts(R"({"text":"Hm","thought":true})"), parts(R"({"text":"m","thought":true})"),
                      parts(R"({"text":"Hel"})"), parts(R"({"text":"lo"},{"text":""})"),
                      parts(R"({"text":"","thoughtSignature":"c2ln"})", R"(,"finishReason":"STOP")")}));
  const Reply reply = fold_of(events).reply();
  EXPECT_EQ(reply.id, "r1");
  EXPECT_EQ(reply.model, "gemini-3");
  ASSERT_EQ(reply.choices[0].parts.size(), 2u);
  EXPECT_EQ(reply.choices[0].parts[0].get<Thinking>()->text, "Hmm");
  EXPECT_EQ(reply.choices[0].parts[1].get<Text>()->text, "Hello");
  EXPECT_EQ(reply.choices[0].parts[1].get<Text>()->signature.value, "c2ln");
  EXPECT_EQ(reply.choices[0].finish, Finish::stop);
  EXPECT_TRUE(fold_of(events).ended());
}

TEST(GeminiStream, TextBehindASignatureIsAnotherPart) {
  const Reply reply = fold_of(read(stream_of({parts(R"({"text":"a","thoughtSignature":"MQ=="})"),
                                              parts(R"({"text":"b"})", R"(,"finishReason":"STOP")")})))
                          .reply();
  ASSERT_EQ(reply.choices[0].parts.size(), 2u);
  EXPECT_EQ(reply.choices[0].parts[1].get<Text>()->text, "b");
}

TEST(GeminiStream, CallsComeWholeOrInPieces) {
  const Events events = read(stream_of(
      {parts(R"({"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"})"),
       parts(R"({"functionCall":{"name":"g","willContinue":true},"thoughtSignature":"Zw=="})"),
       parts(
           R"({"functionCall":{"partialArgs":[{"jsonPath":"$.place","stringValue":"Par","willContinue":true}],"willContinue":true}})"),
       parts(R"({"functionCall":{"partialArgs":[{"jsonPath":"$.place","stringValue":"is"},{"jsonPath":"$.n['a b'][0]",
         "numberValue":2.5},{"jsonPath":"$.n['a b'][1]","boolValue":true},{"jsonPath":"$.z","nullValue":"NULL_VALUE"},
         {"jsonPath":"$.n['a b'][7]","boolValue":true},{"jsonPath":"nowhere","boolValue":true}],"willContinue":true}})"),
       parts(R"({"functionCall":{}})"),
       parts(R"({"functionCall":{"id":"own","name":"h"}})", R"(,"finishReason":"STOP")")}));
  const Choice made = fold_of(events).reply().choices[0];
  ASSERT_EQ(made.parts.size(), 3u);
  EXPECT_EQ(made.parts[0].get<ToolCall>()->id, "call_r1_1");
  EXPECT_EQ(made.parts[0].get<ToolCall>()->signature.value, "c2ln");
  EXPECT_EQ(made.parts[1].get<ToolCall>()->id, "call_r1_2");
  EXPECT_EQ(made.parts[1].get<ToolCall>()->arguments, R"({"place":"Paris","n":{"a b":[2.5,true]},"z":null})");
  EXPECT_EQ(made.parts[1].get<ToolCall>()->signature.value, "Zw==");
  EXPECT_EQ(made.parts[2].get<ToolCall>()->id, "own");
  EXPECT_EQ(made.finish, Finish::tool_calls);
}

// Seen with code that the vendor runs: a finishReason in the middle.
TEST(GeminiStream, ACandidateMayGoOnBehindItsFinishReason) {
  const auto reader = gemini().event_reader();
  Events events;
  reader->read({},
               R"({"candidates":[)" + parts(R"({"executableCode":{"code":"1"}})", R"(,"finishReason":"STOP")") + "]}",
               events);
  EXPECT_TRUE(reader->may_end());
  reader->read({}, R"({"candidates":[)" + parts(R"({"text":"one"})", R"(,"finishReason":"MAX_TOKENS")") + "]}", events);
  reader->finish(events);
  EXPECT_EQ(disorder(events), "");
  const Reply reply = fold_of(events).reply();
  EXPECT_EQ(reply.choices[0].parts[0].get<Opaque>()->type, "executableCode");
  EXPECT_EQ(reply.choices[0].parts[1].get<Text>()->text, "one");
  EXPECT_EQ(reply.choices[0].finish, Finish::length);
}

TEST(GeminiStream, AStreamThatWasCutDoesNotEnd) {
  const Events events = read(stream_of({parts(R"({"text":"a"})")}));
  EXPECT_EQ(kinds(events), (std::vector<Kind>{Kind::start, Kind::part_begin, Kind::delta, Kind::part_end}));
  EXPECT_TRUE(read("").empty());
}

TEST(GeminiStream, CandidatesInterleave) {
  const Events events = read(
      stream_of({R"({"content":{"parts":[{"text":"a"}]},"index":0},{"content":{"parts":[{"text":"x"}]},"index":1})",
                 R"({"content":{"parts":[{"text":"b"}]},"index":0,"finishReason":"STOP"})",
                 R"({"content":{"parts":[{"text":"y"}]},"index":1,"finishReason":"MAX_TOKENS"})"}));
  const Reply reply = fold_of(events).reply();
  ASSERT_EQ(reply.choices.size(), 2u);
  EXPECT_EQ(joined_text(reply.choices[0].parts), "ab");
  EXPECT_EQ(joined_text(reply.choices[1].parts), "xy");
  EXPECT_EQ(reply.choices[1].finish, Finish::length);
  const Events again = events_of(Framing::sse, written(events, {}));
  EXPECT_EQ(meaning_of(fold_of(again).reply()), meaning_of(reply));
}

TEST(GeminiStream, ABlockedPromptEnds) {
  const Events events = read("data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"responseId\":\"r\"}\n\n");
  const Fold fold = fold_of(events);
  EXPECT_TRUE(fold.ended());
  EXPECT_EQ(fold.reply().choices[0].finish, Finish::content_filter);
  const Json again = parsed(written(events, {}).substr(6));
  EXPECT_FALSE(again.contains("candidates"));
  EXPECT_EQ(again["promptFeedback"]["blockReason"], "SAFETY");
}

TEST(GeminiStream, ErrorsAreEvents) {
  const auto first_error = [](const std::string& data) {
    const auto reader = gemini().event_reader();
    Events events;
    reader->read({}, data, events);
    reader->read({}, R"({"candidates":[]})", events);
    reader->finish(events);
    EXPECT_EQ(events.size(), 1u) << data;
    return events.empty() ? Error() : events[0].error;
  };
  const Error busy =
      first_error(R"({"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})");
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.kind, ErrorKind::retry_same);
  EXPECT_EQ(busy.code, "overloaded");
  EXPECT_EQ(first_error(R"([{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}])").kind,
            ErrorKind::limited);
  EXPECT_EQ(first_error("{\"candidates\":[").status, 502);
  EXPECT_EQ(first_error("7").status, 502);
  const auto reader = gemini().event_reader();
  Events events;
  reader->read({}, "[DONE]", events);
  EXPECT_TRUE(events.empty());
}

// Events of another family's stream.
Events foreign() {
  Reply reply;
  reply.id = "msg_1";
  reply.model = "claude-x";
  Choice choice;
  choice.parts = {{.what = Thinking{.text = "hm", .signature = {"EqQB", "anthropic"}}},
                  {.what = Text{.text = "né", .citations = {{.url = "https://a.b", .begin = 1, .end = 2}}}},
                  {.what = ToolCall{.id = "toolu_1", .name = "f", .arguments = R"({"a": "x y"})"}}};
  choice.finish = Finish::tool_calls;
  choice.finish_raw = "tool_use";
  choice.logprobs = R"([{"token":"n","logprob":-1}])";
  reply.choices = {choice};
  reply.usage.reported = true;
  reply.usage[Bucket::input] = 3;
  reply.usage[Bucket::output] = 2;
  return unfold(reply);
}

TEST(GeminiStream, WritesTheFramesThatSdksExpect) {
  const std::string text = written(foreign(), {.model = "asked"});
  std::vector<Json> frames;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find("\n\n", at);
    ASSERT_NE(end, std::string::npos);
    ASSERT_EQ(text.substr(at, 6), "data: ");
    frames.push_back(parsed(text.substr(at + 6, end - at - 6)));
    at = end + 2;
  }
  ASSERT_EQ(frames.size(), 5u);
  const auto part = [&](std::size_t i) { return frames[i]["candidates"][0]["content"]["parts"][0]; };
  EXPECT_EQ(part(0), parsed(R"({"text":"hm","thought":true})"));
  EXPECT_EQ(part(1)["thought"], true);
  EXPECT_TRUE(part(1).contains("thoughtSignature"));
  EXPECT_EQ(part(2), parsed(R"({"text":"né"})"));
  EXPECT_EQ(part(3), parsed(R"({"functionCall":{"id":"toolu_1","name":"f","args":{"a":"x y"}},
    "thoughtSignature":"dG9sbGdhdGUubm9uZS4="})"));
  EXPECT_EQ(frames[4], parsed(R"({"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP",
    "index":0,"logprobsResult":{"chosenCandidates":[{"token":"n","logProbability":-1}]},
    "groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.b"}}],"groundingSupports":[
      {"segment":{"startIndex":1,"endIndex":3,"text":"é"},"groundingChunkIndices":[0]}]}}],
    "usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5,
      "promptTokensDetails":[{"modality":"TEXT","tokenCount":3}],"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":2}]},
    "modelVersion":"asked","responseId":"msg_1"})"));
  for (const Json& frame : frames) {
    EXPECT_EQ(frame["modelVersion"], "asked");
    EXPECT_EQ(frame["responseId"], "msg_1");
    EXPECT_EQ(frame["candidates"][0]["content"]["role"], "model");
  }
}

TEST(GeminiStream, WritesOneArrayWhereAskedTo) {
  const std::string text = written(foreign(), {.json_array = true});
  const Json array = parsed(text);
  ASSERT_EQ(array.size(), 5u);
  EXPECT_EQ(array[4]["usageMetadata"]["totalTokenCount"], 5);
  const Events again = events_of(Framing::json_array, text);
  EXPECT_EQ(fold_of(again).reply().choices[0].parts[2].get<ToolCall>()->arguments, R"({"a":"x y"})");
}

TEST(GeminiStream, EndsWithAnErrorInTheVendorsWay) {
  Events events = foreign();
  events.resize(3);
  events.push_back({.kind = Kind::error});
  events.back().error = {.status = 503, .code = "overloaded", .message = "busy"};
  const std::string text = written(events, {});
  const std::size_t last = text.rfind("\n\n") + 2;
  const Json error = parsed(text.substr(last));
  EXPECT_EQ(error["error"]["status"], "UNAVAILABLE");
  EXPECT_EQ(error["error"]["message"], "busy");
  const Json array = parsed(written(events, {.json_array = true}));
  EXPECT_EQ(array.back()["error"]["code"], 503);
  const Events again = read(text);
  EXPECT_EQ(again.back().kind, Kind::error);
  EXPECT_EQ(again.back().error.message, "busy");
  EXPECT_EQ(again.back().error.status, 503);
  // Nothing follows.
  events.push_back({.kind = Kind::end});
  EXPECT_EQ(written(events, {}), text);
}

TEST(GeminiStream, SourcesComeWithTheTextThatIsOpen) {
  const Events events =
      read(stream_of({parts(R"({"text":"Á "})", R"(,"groundingMetadata":{})"),
                      parts(R"({"text":"is one."})",
                            R"(,"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],
        "groundingSupports":[{"segment":{"startIndex":3,"endIndex":5,"text":"is"},"groundingChunkIndices":[0]}]})")}));
  const Reply reply = fold_of(events).reply();
  const auto& citations = reply.choices[0].parts[0].get<Text>()->citations;
  ASSERT_EQ(citations.size(), 1u);
  EXPECT_EQ(citations[0].begin, 2);
  EXPECT_EQ(citations[0].end, 4);
}

}  // namespace
}  // namespace tollgate::gateway
