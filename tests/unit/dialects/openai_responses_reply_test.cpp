// Whole replies of the Responses dialect, by hand-made examples.
#include <gtest/gtest.h>

#include "gateway/dialects/dialect.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

const Dialect& dialect() { return openai_responses(); }

Json parsed(std::string_view text) {
  auto json = parse_json_dom(text);
  EXPECT_TRUE(json) << text;
  return json ? *json : Json();
}

constexpr std::string_view kReply = R"({"id":"resp_1","object":"response","created_at":1700000000,"status":"completed",
  "model":"gpt-x","service_tier":"default","error":null,"incomplete_details":null,"instructions":"i","temperature":1.0,
  "tools":[],"tool_choice":"auto","metadata":{},"reasoning":{"effort":"low","summary":null},"billing":{"payer":"me"},
  "output":[
   {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"think"}],"encrypted_content":"gAAA"},
   {"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}},
   {"id":"msg_1","type":"message","role":"assistant","status":"completed","phase":"commentary","content":[
     {"type":"output_text","text":"see it","annotations":[{"type":"url_citation","url":"https://e.org","title":"E",
      "start_index":0,"end_index":3},{"type":"file_citation","file_id":"file-1","filename":"a.txt","index":4}],
      "logprobs":[{"token":"see it","logprob":-0.5,"bytes":[115],"top_logprobs":[]}]},
     {"type":"output_text","text":" too","annotations":[],"logprobs":[]}]},
   {"id":"msg_2","type":"message","role":"assistant","status":"completed","content":[
     {"type":"output_text","text":"apart","annotations":[],"logprobs":[]}]},
   {"id":"fc_1","type":"function_call","status":"completed","call_id":"call_1","name":"f","arguments":"{\"a\":1}",
    "namespace":"crm"},
   {"id":"ctc_1","type":"custom_tool_call","status":"completed","call_id":"call_2","name":"sql","input":"select"},
   {"id":"ig_1","type":"image_generation_call","status":"completed","result":"iVBORw0KGgo=","output_format":"webp"}],
  "usage":null})";

TEST(OpenaiResponsesReply, ComesBackForTheSameDialect) {
  const auto reply = dialect().read_reply(kReply);
  ASSERT_TRUE(reply);
  for (const JsonDifference& one : compare_json(parsed(kReply), parsed(dialect().write_reply(*reply, {}))))
    ADD_FAILURE() << one.path << ": " << one.left << " | " << one.right;
}

TEST(OpenaiResponsesReply, MeansWhatItSays) {
  const auto reply = dialect().read_reply(kReply);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->id + " " + reply->model + " " + reply->service_tier, "resp_1 gpt-x default");
  EXPECT_EQ(reply->created, 1700000000);
  EXPECT_EQ(reply->dialect, "openai.responses");
  ASSERT_EQ(reply->choices.size(), 1u);
  const Choice& choice = reply->choices[0];
  EXPECT_EQ(choice.finish, Finish::tool_calls);
  ASSERT_EQ(choice.parts.size(), 8u);
  const auto* thinking = choice.parts[0].get<Thinking>();
  EXPECT_EQ(thinking->text + " " + thinking->id + " " + thinking->signature.value, "think rs_1 gAAA");
  EXPECT_EQ(choice.parts[1].get<Opaque>()->type, "web_search_call");
  const auto* text = choice.parts[2].get<Text>();
  ASSERT_EQ(text->citations.size(), 2u);
  EXPECT_EQ(text->citations[0].url, "https://e.org");
  EXPECT_EQ(text->citations[0].end, 3);
  EXPECT_EQ(text->citations[1].title, "a.txt");
  EXPECT_EQ(choice.parts[5].get<ToolCall>()->id, "call_1");
  EXPECT_TRUE(choice.parts[6].get<ToolCall>()->custom);
  EXPECT_EQ(choice.parts[7].get<Media>()->mime, "image/webp");
  EXPECT_EQ(parsed(choice.logprobs)[0]["logprob"], -0.5);
}

TEST(OpenaiResponsesReply, EndsInManyWays) {
  struct Case {
    const char* members;
    Finish finish;
    const char* status;
    const char* reason;
  };
  const Case cases[] = {
      {R"("status":"completed","output":[])", Finish::stop, "completed", nullptr},
      {R"("status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[])", Finish::length,
       "incomplete", "max_output_tokens"},
      {R"("status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[])", Finish::content_filter,
       "incomplete", "content_filter"},
      {R"("status":"incomplete","incomplete_details":{"reason":"max_messages"},"output":[])", Finish::other,
       "incomplete", "max_messages"},
      {R"("status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"no"}]}])",
       Finish::refusal, "completed", nullptr},
      {R"("status":"failed","error":{"code":"server_error","message":"oops"},"output":[])", Finish::error, "failed",
       nullptr},
      {R"("status":"queued","output":[])", Finish::unset, "queued", nullptr},
      {R"("status":"cancelled","output":[])", Finish::other, "cancelled", nullptr}};
  for (const Case& one : cases) {
    const auto reply = dialect().read_reply("{" + std::string(one.members) + "}");
    ASSERT_TRUE(reply) << one.members;
    EXPECT_EQ(reply->choices[0].finish, one.finish) << one.members;
    const Json again = parsed(dialect().write_reply(*reply, {}));
    EXPECT_EQ(again["status"], one.status);
    if (one.reason) EXPECT_EQ(again["incomplete_details"]["reason"], one.reason);
    if (one.finish == Finish::error) EXPECT_EQ(again["error"]["message"], "oops");
  }
}

TEST(OpenaiResponsesReply, RefusesWhatIsNoResponse) {
  for (const char* body : {"", "<html>", "[]", "{}", R"({"choices":[]})", R"({"output":"x"})", R"({"output":[3]})"}) {
    const auto reply = dialect().read_reply(body);
    ASSERT_FALSE(reply) << body;
    EXPECT_EQ(reply.error().code, "bad_upstream_reply");
    EXPECT_EQ(reply.error().kind, ErrorKind::retry_elsewhere);
  }
}

// A reply of another vendor, for a client of this dialect.
Reply foreign() {
  Reply reply;
  reply.id = "msg_01-X";
  reply.model = "claude";
  reply.dialect = "anthropic.messages";
  reply.extra.emplace_back("container", "{}");
  Choice& choice = reply.choices.emplace_back();
  choice.finish = Finish::tool_calls;
  choice.finish_raw = "tool_use";
  choice.parts.push_back({.what = Thinking{.text = "hm", .signature = {.value = "sig", .origin = "anthropic"}},
                          .extra = {{"cache_control", "{}"}}});
  choice.parts.push_back({.what = Thinking{.redacted = {.value = "R", .origin = "anthropic"}}});
  choice.parts.push_back({.what = Text{.text = "see ü",
                                       .citations = {{.url = "https://e.org", .title = "E", .quote = "q"},
                                                     {.title = "a.pdf", .begin = 2}}}});
  choice.parts.push_back({.what = Text{.text = "more"}});
  choice.parts.push_back({.what = Opaque{.dialect = "anthropic.messages", .type = "server_tool_use", .json = "{}"}});
  choice.parts.push_back({.what = ToolCall{.id = "toolu_1", .name = "f", .signature = {"G", "google"}}});
  choice.parts.push_back({.what = ToolCall{.id = "toolu_2", .name = "sql", .arguments = R"({"input":"select 1"})"}});
  return reply;
}

TEST(OpenaiResponsesReply, SpeaksForOtherVendors) {
  Request request;
  Tool sql;
  sql.kind = Tool::Kind::custom;
  sql.name = "sql";
  request.tools.push_back(sql);
  Reply reply = foreign();
  reply.usage.reported = true;
  reply.usage[Bucket::input] = 10;
  reply.usage[Bucket::cache_read] = 5;
  reply.usage[Bucket::cache_write_5m] = 3;
  reply.usage[Bucket::output] = 7;
  reply.usage[Bucket::reasoning] = 2;
  const Json out = parsed(dialect().write_reply(reply, {.model = "my-model", .created = 42, .request = &request}));
  EXPECT_EQ(out["id"], "resp_msg01X");
  EXPECT_EQ(out["object"], "response");
  EXPECT_EQ(out["model"], "my-model");
  EXPECT_EQ(out["created_at"], 42);
  EXPECT_EQ(out["status"], "completed");
  EXPECT_FALSE(out.contains("container"));
  const Json& output = out["output"];
  ASSERT_EQ(output.size(), 6u);
  EXPECT_EQ(output[0]["encrypted_content"], "tollgate.anthropic.sig");
  EXPECT_EQ(output[0]["content"][0]["text"], "hm");
  EXPECT_TRUE(output[0]["summary"].empty());
  EXPECT_FALSE(output[0].contains("cache_control"));
  EXPECT_TRUE(output[0]["id"].get<std::string>().starts_with("rs_"));
  EXPECT_EQ(output[1]["encrypted_content"], "tollgate.anthropic.redacted:R");
  EXPECT_EQ(output[2]["content"][0]["text"], "see ü");
  EXPECT_EQ(dump_json(output[2]["content"][0]["annotations"]),
            R"([{"type":"file_citation","file_id":"","filename":"a.pdf","index":2},)"
            R"({"type":"url_citation","url":"https://e.org","title":"E","start_index":0,"end_index":5}])");
  EXPECT_EQ(output[2]["content"][1]["text"], "more");
  EXPECT_EQ(output[3]["arguments"], "{}");
  EXPECT_EQ(output[3]["call_id"], "toolu_1");
  EXPECT_TRUE(output[3]["id"].get<std::string>().starts_with("fc_"));
  EXPECT_EQ(output[4]["encrypted_content"], "tollgate.google.call:G");
  EXPECT_EQ(output[5]["type"], "custom_tool_call");
  EXPECT_EQ(output[5]["input"], "select 1");
  EXPECT_EQ(dump_json(out["usage"]),
            R"({"input_tokens":18,"input_tokens_details":{"cached_tokens":5,"cache_write_tokens":3},"output_tokens":9,)"
            R"("output_tokens_details":{"reasoning_tokens":2},"total_tokens":27})");
}

TEST(OpenaiResponsesReply, ShowsThoughtsAsSummariesToThoseWhoAskForSummaries) {
  Request request;
  request.reasoning.summary = "auto";
  const Json out = parsed(dialect().write_reply(foreign(), {.request = &request}));
  EXPECT_EQ(out["output"][0]["summary"][0]["text"], "hm");
  EXPECT_FALSE(out["output"][0].contains("content"));
  EXPECT_TRUE(out["usage"].is_null());
}

TEST(OpenaiResponsesReply, EchoesWhatWasAsked) {
  const auto request = dialect().read_request(
      R"({"model":"m","instructions":"be brief","input":"q","temperature":0.5,"max_output_tokens":9,"store":true,
          "tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],"tool_choice":"required",
          "parallel_tool_calls":false,"text":{"verbosity":"low"},"reasoning":{"effort":"high"},"truncation":"auto",
          "metadata":{"a":"b"},"user":"u","top_logprobs":1,"prompt_cache_key":"k"})",
      {});
  ASSERT_TRUE(request);
  const Json out = parsed(dialect().write_reply(foreign(), {.request = &*request}));
  EXPECT_EQ(out["instructions"], "be brief");
  EXPECT_EQ(out["temperature"], 0.5);
  EXPECT_EQ(out["top_p"], 1.0);
  EXPECT_EQ(out["max_output_tokens"], 9);
  EXPECT_EQ(out["store"], false);  // nobody keeps it
  EXPECT_EQ(out["tools"][0]["name"], "f");
  EXPECT_EQ(out["tool_choice"], "required");
  EXPECT_EQ(out["parallel_tool_calls"], false);
  EXPECT_EQ(dump_json(out["text"]), R"({"format":{"type":"text"},"verbosity":"low"})");
  EXPECT_EQ(dump_json(out["reasoning"]), R"({"effort":"high","summary":null})");
  EXPECT_EQ(out["truncation"], "auto");
  EXPECT_EQ(out["metadata"]["a"], "b");
  EXPECT_EQ(out["user"], "u");
  EXPECT_EQ(out["top_logprobs"], 1);
  EXPECT_EQ(out["service_tier"], "default");
}

TEST(OpenaiResponsesReply, TellsOtherVendorsEndsInItsWords) {
  const auto status = [](Finish finish, bool refusal) {
    Reply reply = foreign();
    reply.choices[0].finish = finish;
    reply.choices[0].parts.assign(1, {.what = Text{.text = "x"}});
    if (refusal) reply.choices[0].parts.push_back({.what = Refusal{.text = "no"}});
    const Json out = parsed(dialect().write_reply(reply, {}));
    const Json reason = out["incomplete_details"].is_object() ? out["incomplete_details"]["reason"] : Json("");
    return out["status"].get<std::string>() + " " + reason.get<std::string>() + " " +
           out["output"][0]["status"].get<std::string>();
  };
  EXPECT_EQ(status(Finish::stop, false), "completed  completed");
  EXPECT_EQ(status(Finish::stop_sequence, false), "completed  completed");
  EXPECT_EQ(status(Finish::pause, false), "completed  completed");
  EXPECT_EQ(status(Finish::refusal, true), "completed  completed");
  EXPECT_EQ(status(Finish::refusal, false), "incomplete content_filter completed");
  EXPECT_EQ(status(Finish::length, false), "incomplete max_output_tokens incomplete");
  EXPECT_EQ(status(Finish::content_filter, false), "incomplete content_filter incomplete");
  EXPECT_EQ(status(Finish::malformed_call, false), "failed  completed");
}

}  // namespace
}  // namespace tollgate::gateway
