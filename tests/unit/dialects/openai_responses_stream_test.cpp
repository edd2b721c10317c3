// Streams of the Responses dialect, by hand-made examples: odd vendors read, other vendors' events written.
#include <gtest/gtest.h>

#include "gateway/dialects/dialect.h"
#include "json_compare.h"
#include "openai_responses_follower.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using Kind = Event::Kind;

std::string stream_of(std::initializer_list<std::string_view> datas) {
  std::string out;
  for (const std::string_view data : datas) {
    out += "data: ";
    for (const char c : data)
      if (c != '\n') out += c;
    out += "\n\n";
  }
  return out;
}

const Part& part(const Fold& fold, std::size_t index) { return fold.reply().choices.at(0).parts.at(index); }

constexpr std::string_view kCreated =
    R"({"type":"response.created","response":{"id":"resp_1","model":"m","created_at":5,"service_tier":"auto","output":[]}})";
constexpr std::string_view kCompleted =
    R"({"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}})";

TEST(OpenaiResponsesStream, ReadsItemsThatOverlapOneAfterTheOther) {
  const Fold fold = fold_of(read_responses_stream(stream_of(
      {kCreated,
       R"({"type":"response.output_item.added","output_index":0,"item":{"id":"fc_0","type":"function_call","call_id":"a","name":"f","arguments":""}})",
       R"({"type":"response.output_item.added","output_index":1,"item":{"id":"fc_1","type":"function_call","call_id":"b","name":"g","arguments":""}})",
       R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":"{\"y\""})",
       R"({"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"x\":1}"})",
       R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":":2}"})",
       R"({"type":"response.output_item.done","output_index":1,"item":{"id":"fc_1","type":"function_call","call_id":"b","name":"g","arguments":"{\"y\":2}"}})",
       R"({"type":"response.output_item.done","output_index":0,"item":{"id":"fc_0","type":"function_call","call_id":"a","name":"f","arguments":"{\"x\":1}"}})",
       kCompleted})));
  EXPECT_EQ(part(fold, 0).get<ToolCall>()->arguments, R"({"x":1})");
  EXPECT_EQ(part(fold, 1).get<ToolCall>()->arguments, R"({"y":2})");
  EXPECT_EQ(fold.reply().choices[0].finish, Finish::tool_calls);
  EXPECT_TRUE(fold.ended());
}

TEST(OpenaiResponsesStream, PartsDoNotOverlap) {
  int open = 0, begun = 0;
  for (
      const Event& event : read_responses_stream(stream_of(
          {kCreated,
           R"({"type":"response.output_item.added","output_index":0,"item":{"id":"m0","type":"message","content":[]}})",
           R"({"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"})",
           R"({"type":"response.output_item.added","output_index":1,"item":{"id":"m1","type":"message","content":[]}})",
           R"({"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"c"})",
           R"({"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"b"})", kCompleted}))) {
    if (event.kind == Kind::part_begin) EXPECT_EQ(open++, 0);
    if (event.kind == Kind::part_begin) EXPECT_EQ(event.part, begun++);
    if (event.kind == Kind::delta) EXPECT_EQ(event.part, begun - 1);
    if (event.kind == Kind::part_end) EXPECT_EQ(open--, 1);
  }
  EXPECT_EQ(open, 0);
  EXPECT_EQ(begun, 2);
}

TEST(OpenaiResponsesStream, ReadsVendorsThatLeaveEventsOut) {
  // No item is announced, nothing is finished, only whole texts come.
  Fold fold =
      fold_of(read_responses_stream(stream_of({R"({"type":"response.output_text.delta","delta":"he"})",
                                               R"({"type":"response.output_text.done","text":"hello"})", "[DONE]"})));
  EXPECT_EQ(part(fold, 0).get<Text>()->text, "hello");
  EXPECT_FALSE(fold.ended());
  // Everything comes with the last event.
  fold = fold_of(read_responses_stream(stream_of(
      {kCreated,
       R"({"type":"response.completed","response":{"status":"completed","output":[{"id":"rs_1","type":"reasoning","summary":[],
        "content":[{"type":"reasoning_text","text":"hm"}]},{"id":"msg_1","type":"message","role":"assistant","content":[
        {"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"u"}]},{"type":"refusal","refusal":"b"}]}]}})"})));
  EXPECT_EQ(part(fold, 0).get<Thinking>()->text, "hm");
  EXPECT_FALSE(part(fold, 0).get<Thinking>()->summary);
  EXPECT_EQ(part(fold, 1).get<Text>()->citations.at(0).url, "u");
  EXPECT_EQ(part(fold, 2).get<Refusal>()->text, "b");
  EXPECT_EQ(fold.reply().choices[0].finish, Finish::refusal);
  // Names of events instead of types.
  Events events;
  const auto reader = openai_responses().event_reader();
  reader->read("response.output_text.delta", R"({"delta":"x"})", events);
  EXPECT_EQ(events.back().text, "x");
}

TEST(OpenaiResponsesStream, ReadsSummariesOfSeveralParts) {
  const Fold fold = fold_of(read_responses_stream(stream_of(
      {kCreated,
       R"({"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}})",
       R"({"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}})",
       R"({"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"one"})",
       R"({"type":"response.reasoning_summary_text.done","output_index":0,"summary_index":0,"text":"one"})",
       R"({"type":"response.reasoning_summary_text.done","output_index":0,"summary_index":1,"text":"two"})",
       R"({"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAA",
        "summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}]}})",
       kCompleted})));
  const auto* thinking = part(fold, 0).get<Thinking>();
  EXPECT_EQ(thinking->text, "one\n\ntwo");
  EXPECT_EQ(thinking->signature.value, "gAAA");
  EXPECT_EQ(thinking->id, "rs_1");
  EXPECT_TRUE(thinking->summary);
}

TEST(OpenaiResponsesStream, ErrorsEndIt) {
  struct Case {
    std::string_view data;
    const char* message;
    ErrorKind kind;
    int status;
  };
  const Case cases[] = {
      {R"({"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"no money","param":null}})",
       "no money", ErrorKind::retry_elsewhere, 429},
      {R"({"type":"error","code":"rate_limit_exceeded","message":"slow down","param":null})", "slow down",
       ErrorKind::limited, 429},
      {R"({"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"broke"}}})",
       "broke", ErrorKind::retry_same, 500},
      {R"({"error":{"code":503,"message":"The model is overloaded"}})", "The model is overloaded",
       ErrorKind::retry_elsewhere, 503},
      {"{broken", "the vendor's stream holds an event that is no JSON object", ErrorKind::retry_elsewhere, 502},
      {R"({"type":"response.failed","response":{}})", "the vendor's reply failed without saying why",
       ErrorKind::retry_same, 502}};
  for (const Case& one : cases) {
    const Events events = read_responses_stream(stream_of({kCreated, one.data, kCompleted}));
    std::size_t errors = 0;
    for (const Event& event : events) errors += event.kind == Kind::error;
    EXPECT_EQ(errors, 1u) << one.data;
    ASSERT_EQ(events.back().kind, Kind::error) << one.data;
    EXPECT_EQ(events.back().error.message, one.message);
    EXPECT_EQ(events.back().error.kind, one.kind) << one.data;
    EXPECT_EQ(events.back().error.status, one.status) << one.data;
  }
}

TEST(OpenaiResponsesStream, KeepAlivesAndUnknownEventsAreHarmless) {
  const Events events = read_responses_stream(
      stream_of({kCreated, R"({"type":"keepalive","sequence_number":1})", R"({"type":"response.novelty","x":[1]})",
                 R"({"type":"response.output_text.delta","output_index":"x","delta":7})", "{}", kCompleted}));
  EXPECT_EQ(events[1].kind, Kind::ping);
  EXPECT_EQ(events.back().kind, Kind::end);
}

// Events of another vendor, with everything that a stream may hold.
Events foreign() {
  Reply reply;
  reply.id = "chatcmpl-1";
  reply.model = "other";
  reply.dialect = "anthropic.messages";
  Choice& choice = reply.choices.emplace_back();
  choice.finish = Finish::tool_calls;
  choice.parts.push_back({.what = Thinking{.text = "hm", .signature = {"sig", "anthropic"}}});
  choice.parts.push_back(
      {.what = Text{
           .text = "answer", .citations = {{.url = "https://e.org", .title = "E"}}, .signature = {"T", "google"}}});
  choice.parts.push_back({.what = Text{.text = "next"}});
  choice.parts.push_back({.what = Refusal{.text = "no"}});
  choice.parts.push_back({.what = ToolCall{.id = "c1", .name = "f", .arguments = R"({"a":1})"}});
  choice.parts.push_back({.what = ToolCall{.id = "c2", .name = "sql", .arguments = "select", .custom = true}});
  choice.parts.push_back({.what = Media{.kind = Media::Kind::image, .mime = "image/png", .data = "AAAA"}});
  choice.parts.push_back({.what = Media{.kind = Media::Kind::audio, .data = "AAAA", .transcript = "spoken words"}});
  reply.usage.reported = true;
  reply.usage[Bucket::input] = 3;
  return unfold(reply);
}

TEST(OpenaiResponsesStream, WritesWhatSdksFollow) {
  Json last;
  const std::string bytes = write_responses_stream(foreign());
  EXPECT_EQ(follow_responses_stream(bytes, &last), "");
  EXPECT_EQ(last["usage"]["input_tokens"], 3);
  EXPECT_EQ(last["id"], "resp_chatcmpl1");
  std::string types;
  for (const Json& item : last["output"]) types += item["type"].get<std::string>() + " ";
  EXPECT_EQ(types, "reasoning message reasoning message function_call custom_tool_call image_generation_call message ");
  EXPECT_EQ(last["output"][1]["content"][0]["annotations"][0]["end_index"], 6);
  EXPECT_EQ(last["output"][2]["encrypted_content"], "tollgate.google.text:T");
  EXPECT_EQ(last["output"][7]["content"][0]["text"], "spoken words");
  // A whole reply says the same as the stream.
  const Json whole = *parse_json_dom(
      openai_responses().write_reply(fold_of(foreign()).reply(), {.id = "0190abcd", .created = 1700000000}));
  EXPECT_TRUE(compare_json(whole, last).empty());
}

TEST(OpenaiResponsesStream, LogprobsStandAtTheirText) {
  Events events{{.kind = Kind::start}, {.kind = Kind::part_begin}};
  events[1].part_head.what = Text{};
  const auto delta = [&](Event::Delta kind, const char* text) {
    events.push_back({.kind = Kind::delta, .delta = kind, .text = text});
  };
  delta(Event::Delta::logprobs, R"({"token":"a","logprob":-1})");
  delta(Event::Delta::text, "a");
  delta(Event::Delta::logprobs, R"({"token":"b","logprob":-2})");
  delta(Event::Delta::text, "b");
  for (const Kind kind : {Kind::part_end, Kind::choice_end, Kind::end}) events.push_back({.kind = kind});
  Json last;
  const std::string bytes = write_responses_stream(events);
  EXPECT_EQ(follow_responses_stream(bytes, &last), "");
  EXPECT_EQ(last["output"][0]["content"][0]["logprobs"].size(), 2u);
  EXPECT_EQ(responses_frames(bytes)[4]["logprobs"][0]["token"], "a");
  EXPECT_EQ(fold_of(read_responses_stream(bytes)).reply().choices[0].logprobs,
            R"([{"token":"a","logprob":-1},{"token":"b","logprob":-2}])");
}

TEST(OpenaiResponsesStream, AnErrorInTheMiddleEndsItInGoodForm) {
  Events events = foreign();
  events.resize(6);
  Event error{.kind = Kind::error};
  error.error = {.kind = ErrorKind::limited, .status = 429, .code = "too_fast", .message = "slow down"};
  events.push_back(error);
  events.push_back({.kind = Kind::end});
  const std::string bytes = write_responses_stream(events);
  EXPECT_EQ(follow_responses_stream(bytes), "");
  const auto frames = responses_frames(bytes);
  const Json& told = frames[frames.size() - 2];
  // SDKs raise for an `error` member; the API's description has its words at the top.
  EXPECT_EQ(told["type"], "error");
  EXPECT_EQ(told["error"]["message"], "slow down");
  EXPECT_EQ(told["error"]["type"], "rate_limit_error");
  EXPECT_EQ(told["message"], "slow down");
  EXPECT_EQ(told["code"], "too_fast");
  EXPECT_EQ(frames.back()["type"], "response.failed");
  EXPECT_EQ(frames.back()["response"]["error"]["code"], "rate_limit_exceeded");
  EXPECT_EQ(frames.back()["response"]["output"].size(), 1u);  // what was finished
  const Fold fold = fold_of(read_responses_stream(bytes));
  ASSERT_NE(fold.error(), nullptr);
  EXPECT_EQ(fold.error()->kind, ErrorKind::limited);
}

TEST(OpenaiResponsesStream, AnErrorAtTheBeginningIsPrecededByTheResponse) {
  Event error{.kind = Kind::error};
  error.error = {.kind = ErrorKind::retry_elsewhere, .status = 502, .message = "gone"};
  EXPECT_EQ(follow_responses_stream(write_responses_stream({error})), "");
}

TEST(OpenaiResponsesStream, FreeTextOfWrappedCallsComesWhole) {
  Request request;
  Tool sql;
  sql.kind = Tool::Kind::custom;
  sql.name = "sql";
  request.tools.push_back(sql);
  Events events{{.kind = Kind::start}, {.kind = Kind::part_begin}};
  events[1].part_head.what = ToolCall{.id = "c", .name = "sql"};
  for (const char* piece : {R"({"inp)", R"(ut":"select)", R"( 1"})"})
    events.push_back({.kind = Kind::delta, .delta = Event::Delta::arguments, .text = piece});
  for (const Kind kind : {Kind::part_end, Kind::choice_end, Kind::end}) events.push_back({.kind = kind});
  Json last;
  EXPECT_EQ(follow_responses_stream(write_responses_stream(events, &request), &last), "");
  EXPECT_EQ(last["output"][0]["type"], "custom_tool_call");
  EXPECT_EQ(last["output"][0]["input"], "select 1");
}

TEST(OpenaiResponsesStream, ToolsThatTheVendorRunsAreToldAtWork) {
  const auto events = read_responses_stream(stream_of(
      {kCreated,
       R"({"type":"response.output_item.added","output_index":0,"item":{"id":"mcp_1","type":"mcp_call","name":"n","arguments":"","status":"in_progress"}})",
       R"({"type":"response.mcp_call.in_progress","output_index":0,"item_id":"mcp_1"})",
       R"({"type":"response.output_item.done","output_index":0,"item":{"id":"mcp_1","type":"mcp_call","name":"n","arguments":"{}","status":"failed"}})",
       kCompleted}));
  const std::string bytes = write_responses_stream(events);
  EXPECT_EQ(follow_responses_stream(bytes, nullptr, false), "");
  std::string types;
  for (const Json& frame : responses_frames(bytes)) types += frame["type"].get<std::string>().substr(8) + " ";
  EXPECT_EQ(types,
            ".created .in_progress .output_item.added .mcp_call.in_progress .mcp_call_arguments.done .mcp_call.failed "
            ".output_item.done .completed ");
}

TEST(OpenaiResponsesStream, PingsAreCommentsAndNothingFollowsTheEnd) {
  std::string out;
  const auto writer = openai_responses().event_writer({});
  writer->write({.kind = Kind::ping}, out);
  EXPECT_EQ(out, ": keepalive\n\n");
  writer->write({.kind = Kind::end}, out);
  const std::size_t size = out.size();
  writer->write({.kind = Kind::end}, out);
  writer->write({.kind = Kind::error}, out);
  EXPECT_EQ(out.size(), size);
}

}  // namespace
}  // namespace tollgate::gateway
