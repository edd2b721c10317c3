// Requests of the Responses dialect, by hand-made examples: what is read, and what is written for other dialects'
// callers.
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

Request read(std::string_view body) {
  auto request = dialect().read_request(body, {});
  EXPECT_TRUE(request) << (request ? "" : request.error().message);
  return request ? std::move(*request) : Request();
}

std::string problem_of(std::string_view body) {
  const auto request = dialect().read_request(body, {});
  if (request) return "";
  EXPECT_EQ(request.error().kind, ErrorKind::client_fault);
  EXPECT_EQ(request.error().status, 400);
  return request.error().message;
}

struct Written {
  Json body;
  std::vector<std::string> losses;
};

// As for a caller of another dialect.
Written write(const Request& request, const Quirks& quirks = {}) {
  Losses losses;
  auto body = dialect().write_request(request, {.model = "gpt-x", .quirks = quirks}, losses);
  EXPECT_TRUE(body);
  return {parsed(*body), losses.names()};
}

void expect_same(std::string_view body) {
  Losses losses;
  const Request request = read(body);
  auto written = dialect().write_request(request, {.stream = request.stream, .same_dialect = true}, losses);
  ASSERT_TRUE(written);
  EXPECT_TRUE(losses.empty());
  for (const JsonDifference& one : compare_json(parsed(body), parsed(*written)))
    ADD_FAILURE() << one.path << ": " << one.left << " | " << one.right;
}

Part text(std::string words) { return {.what = Text{.text = std::move(words)}}; }
Message message(Role role, std::vector<Part> parts) { return {.role = role, .parts = std::move(parts)}; }
Request asking(std::vector<Message> messages) {
  Request request;
  request.messages = std::move(messages);
  return request;
}

TEST(OpenaiResponsesRequest, EveryMemberComesBackForTheSameDialect) {
  expect_same(R"({"model":"m","input":"hi","stream":true,"instructions":"be brief","user":"u1","store":false,
    "metadata":{"a":"b"},"temperature":0.7,"top_p":0.9,"max_output_tokens":50,"top_logprobs":2,"max_tool_calls":3,
    "parallel_tool_calls":false,"previous_response_id":"resp_0","prompt_cache_key":"k","prompt_cache_retention":"24h",
    "service_tier":"flex","truncation":"auto","background":false,"conversation":{"id":"conv_1"},
    "include":["reasoning.encrypted_content","message.output_text.logprobs","code_interpreter_call.outputs"],
    "reasoning":{"effort":"high","summary":"auto","context":"all_turns"},
    "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true,"description":"d"},
            "verbosity":"low","other":1},
    "stream_options":{"include_obfuscation":false},"prompt":{"id":"pmpt_1"},"something_new":[1,{"x":null}]})");
  expect_same(R"({"model":"m","input":"x","user":"older","safety_identifier":"newer","truncation":"disabled"})");
  expect_same(R"({"model":"m","safety_identifier":"newer","prompt":{"id":"pmpt_1"},"reasoning":{"effort":"none"}})");
}

TEST(OpenaiResponsesRequest, EveryItemComesBackForTheSameDialect) {
  expect_same(R"({"model":"m","input":[
    {"role":"user","content":"easy"},
    {"type":"message","role":"developer","content":[{"type":"input_text","text":"one"}]},
    {"role":"system","content":"a system item is no instructions"},
    {"type":"message","role":"user","content":[{"type":"input_text","text":"a","prompt_cache_breakpoint":{"mode":"explicit"}},
      {"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo=","detail":"high"},
      {"type":"input_image","image_url":"https://e.org/a.png","detail":"auto"},{"type":"input_image","file_id":"file-1"},
      {"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="},
      {"type":"input_file","file_url":"https://e.org/a.pdf"},{"type":"input_file","file_id":"file-2","detail":"low"},
      {"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},{"type":"input_hologram","depth":3}]},
    {"id":"msg_1","type":"message","role":"assistant","status":"completed","phase":"commentary","content":[
      {"type":"output_text","text":"see","annotations":[{"type":"url_citation","url":"u","title":"t","start_index":0,
       "end_index":3}]},{"type":"refusal","refusal":"no"}]},
    {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],
      "encrypted_content":"gAAA"},
    {"id":"rs_2","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"raw"}],"status":"completed"},
    {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}","status":"completed",
      "namespace":"crm"},
    {"type":"function_call_output","call_id":"call_1","output":"ok"},
    {"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","file_id":"file-3"}]},
    {"type":"function_call_output","call_id":"call_1","output":[{"type":"input_text","text":"x"}]},
    {"type":"custom_tool_call","id":"ctc_1","call_id":"call_2","name":"sql","input":"select 1"},
    {"type":"custom_tool_call_output","call_id":"call_2","output":"1"},
    {"type":"item_reference","id":"msg_9"},
    {"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}},
    {"type":"image_generation_call","id":"ig_1","status":"completed","result":"iVBORw0KGgo=","output_format":"webp"},
    {"type":"computer_call_output","call_id":"call_3","output":{"type":"computer_screenshot","image_url":"u"}},
    {"type":"mcp_approval_response","approval_request_id":"mcpr_1","approve":true},
    {"type":"compaction","encrypted_content":"xyz"},{"id":"msg_8"}]})");
}

TEST(OpenaiResponsesRequest, ToolsAndChoicesComeBackForTheSameDialect) {
  const std::string tools = R"({"model":"m","input":"x","tools":[
    {"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{}},"strict":true,
     "defer_loading":true},
    {"type":"custom","name":"sql","format":{"type":"grammar","syntax":"lark","definition":"start: /a/"}},
    {"type":"web_search_preview","search_context_size":"low"},{"type":"file_search","vector_store_ids":["vs_1"]},
    {"type":"code_interpreter","container":{"type":"auto"}},{"type":"image_generation","size":"auto"},
    {"type":"computer_use_preview","environment":"linux","display_width":1,"display_height":2},
    {"type":"mcp","server_label":"s","server_url":"u"},{"type":"namespace","name":"n","tools":[]},
    {"type":"local_shell"}],"tool_choice":)";
  for (
      const char* choice :
      {R"("auto")", R"("none")", R"("required")", R"({"type":"function","name":"f"})",
       R"({"type":"custom","name":"sql"})", R"({"type":"web_search_preview"})", R"({"type":"mcp","server_label":"s"})",
       R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"custom","name":"sql"}]})",
       R"({"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp","server_label":"s"}]})"})
    expect_same(tools + choice + "}");
}

TEST(OpenaiResponsesRequest, MeansWhatItSays) {
  const Request request = read(R"({"model":"m","instructions":"be brief","input":[
      {"role":"user","content":[{"type":"input_text","text":"look"},
        {"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"low"}]},
      {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],
       "encrypted_content":"gAAA"},
      {"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},
      {"type":"function_call_output","call_id":"call_1","output":"done"}],
    "tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"web_search"}],
    "include":["reasoning.encrypted_content"],"reasoning":{"effort":"none"},"safety_identifier":"u"})");
  ASSERT_EQ(request.messages.size(), 5u);
  EXPECT_EQ(request.messages[0].role, Role::system);
  EXPECT_EQ(joined_text(request.messages[0].parts), "be brief");
  const auto* image = request.messages[1].parts[1].get<Media>();
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->mime + " " + image->data + " " + image->detail, "image/png AAAA low");
  const auto* thinking = request.messages[2].parts[0].get<Thinking>();
  ASSERT_NE(thinking, nullptr);
  EXPECT_EQ(thinking->text, "one\n\ntwo");
  EXPECT_TRUE(thinking->summary);
  EXPECT_EQ(thinking->id, "rs_1");
  EXPECT_EQ(thinking->signature.value + "/" + thinking->signature.origin, "gAAA/openai");
  EXPECT_EQ(request.messages[3].role, Role::assistant);
  EXPECT_EQ(request.messages[3].parts[0].get<ToolCall>()->id, "call_1");
  EXPECT_EQ(request.messages[4].role, Role::user);
  EXPECT_EQ(joined_text(request.messages[4].parts[0].get<ToolResult>()->content), "done");
  EXPECT_EQ(request.tools[1].kind, Tool::Kind::web_search);
  EXPECT_EQ(request.reasoning.mode, Reasoning::Mode::off);
  EXPECT_EQ(request.user, "u");
  // Nothing of it is the dialect's alone.
  for (const auto& [name, value] : request.extra) EXPECT_TRUE(name.starts_with('~')) << name;
}

TEST(OpenaiResponsesRequest, NamesWhatIsBroken) {
  EXPECT_EQ(problem_of(R"({"input":5})"), "input: must be a string or an array");
  EXPECT_EQ(problem_of(R"({"input":[3]})"), "input[0]: must be an object");
  EXPECT_EQ(problem_of(R"({"input":[{"role":"user","content":"a"},{"x":1}]})"), "input[1]: has neither type nor role");
  EXPECT_EQ(problem_of(R"({"input":[{"role":"king","content":"a"}]})"),
            "input[0].role: must be user, assistant, system or developer");
  EXPECT_EQ(problem_of(R"({"input":[{"role":"user","content":7}]})"), "input[0].content: must be a string or an array");
  EXPECT_EQ(problem_of(R"({"input":[{"role":"user","content":[{"type":"input_text"}]}]})"),
            "input[0]: a part of type input_text needs a string `text`");
  EXPECT_EQ(problem_of(R"({"input":[{"type":"function_call","call_id":"c"}]})"),
            "input[0].name: a call names its function");
  EXPECT_EQ(problem_of(R"({"temperature":"hot"})"), "temperature: must be a number");
  EXPECT_EQ(problem_of(R"({"max_output_tokens":1.5})"), "max_output_tokens: must be an integer");
  EXPECT_EQ(problem_of(R"({"tools":{}})"), "tools: must be an array");
  EXPECT_EQ(problem_of(R"({"tool_choice":"maybe"})"), "tool_choice: must be auto, none, required or an object");
  EXPECT_EQ(problem_of(R"({"text":{"format":{"type":"json_schema"}}})"), "text.format.schema: is missing");
  EXPECT_EQ(problem_of("[]"), "body: must be an object");
  EXPECT_NE(problem_of("{"), "");
  EXPECT_EQ(problem_of(R"({"input":"x","temperature":null,"tools":null,"metadata":null,"store":null})"), "");
}

TEST(OpenaiResponsesRequest, LeadingSystemTextsBecomeInstructions) {
  const Written plain = write(asking({message(Role::system, {text("a"), text("b")}), message(Role::system, {text("c")}),
                                      message(Role::user, {text("q")}), message(Role::system, {text("later")})}));
  EXPECT_EQ(plain.body["instructions"], "a\n\nb\n\nc");
  EXPECT_EQ(dump_json(plain.body["input"]),
            R"([{"type":"message","role":"user","content":"q"},{"type":"message","role":"system","content":"later"}])");
  EXPECT_TRUE(plain.losses.empty());
  // Where the vendor knows cache marks, a marked text keeps its item.
  Part marked = text("long");
  marked.cache.set = true;
  const Request request = asking({message(Role::system, {marked}), message(Role::user, {text("q")})});
  EXPECT_EQ(write(request).body["instructions"], "long");
  const Json with_marks = write(request, {.cache_control = true}).body;
  EXPECT_FALSE(with_marks.contains("instructions"));
  EXPECT_EQ(with_marks["input"][0]["content"][0]["prompt_cache_breakpoint"]["mode"], "explicit");
}

TEST(OpenaiResponsesRequest, OtherDialectsKeepNothingUnlessTold) {
  Request request = asking({message(Role::user, {text("q")})});
  EXPECT_EQ(write(request).body["store"], false);
  EXPECT_FALSE(write(request).body.contains("include"));
  request.store = true;
  EXPECT_EQ(write(request).body["store"], true);
  request.reasoning.effort = "low";
  EXPECT_EQ(write(request).body["include"][0], "reasoning.encrypted_content");
  request.top_logprobs = 3;
  EXPECT_EQ(write(request).body["include"][1], "message.output_text.logprobs");
}

TEST(OpenaiResponsesRequest, ThoughtsGoBackToTheFamilyThatSignedThem) {
  const auto thought = [](std::string value, std::string origin) {
    return Part{.what = Thinking{.text = "hm", .signature = {.value = std::move(value), .origin = std::move(origin)}}};
  };
  Written ours = write(asking({message(Role::assistant, {thought("gAAA", "openai"), text("a")})}));
  EXPECT_EQ(dump_json(ours.body["input"][0]),
            R"({"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAA"})");
  EXPECT_EQ(ours.body["include"][0], "reasoning.encrypted_content");
  EXPECT_TRUE(ours.losses.empty());
  for (const auto& other : {thought("sig", "anthropic"), thought("", "")}) {
    const Written written = write(asking({message(Role::assistant, {other, text("a")})}));
    EXPECT_EQ(written.body["input"].size(), 1u);
    EXPECT_EQ(written.losses, std::vector<std::string>{"thinking_history"});
  }
  // The same client, a turn later, with another vendor's proof: it is of no use to this one.
  Losses losses;
  const Request back = read(R"({"input":[{"type":"reasoning","id":"rs_x","summary":[],
    "encrypted_content":"tollgate.anthropic.sig"},{"role":"user","content":"q"}]})");
  EXPECT_EQ(back.messages[0].parts[0].get<Thinking>()->signature.origin, "anthropic");
  const auto body = dialect().write_request(back, {.same_dialect = true}, losses);
  EXPECT_EQ(parsed(*body)["input"].size(), 1u);
  EXPECT_EQ(losses.names(), std::vector<std::string>{"thinking_history"});
}

TEST(OpenaiResponsesRequest, CarriedSignaturesReturnToTheirParts) {
  const Request request = read(R"({"input":[
    {"type":"message","role":"assistant","content":[{"type":"output_text","text":"t"}]},
    {"type":"reasoning","id":"rs_0","summary":[],"encrypted_content":"tollgate.google.text:T"},
    {"type":"function_call","call_id":"a","name":"f","arguments":"{}"},
    {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"tollgate.google.call:S1"},
    {"type":"function_call","call_id":"b","name":"f","arguments":"{}"},
    {"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"tollgate.anthropic.redacted:R"}]})");
  ASSERT_EQ(request.messages.size(), 4u);
  EXPECT_EQ(request.messages[0].parts[0].get<Text>()->signature.value, "T");
  EXPECT_EQ(request.messages[1].parts[0].get<ToolCall>()->signature.value, "S1");
  EXPECT_EQ(request.messages[1].parts[0].get<ToolCall>()->signature.origin, "google");
  EXPECT_TRUE(request.messages[2].parts[0].get<ToolCall>()->signature.empty());
  const auto* redacted = request.messages[3].parts[0].get<Thinking>();
  EXPECT_EQ(redacted->redacted.value + "/" + redacted->redacted.origin, "R/anthropic");
}

TEST(OpenaiResponsesRequest, PartsOfOneTurnBecomeItemsInTheirOrder) {
  ToolResult result{.call_id = "c1", .content = {text("done")}, .is_error = true};
  ToolResult object{.call_id = "c2", .json = R"({"a":1})"};
  ToolResult pictured{.call_id = "c3",
                      .content = {text("see"), {.what = Media{.kind = Media::Kind::image, .data = "AAAA"}}}};
  const Json input =
      write(asking({message(Role::assistant, {text("a"), {.what = ToolCall{.id = "c1", .name = "f"}}, text("b")}),
                    message(Role::user, {{.what = result}, {.what = object}, {.what = pictured}, text("go on")})}))
          .body["input"];
  ASSERT_EQ(input.size(), 7u);
  EXPECT_EQ(input[0]["content"], "a");
  EXPECT_EQ(dump_json(input[1]), R"({"type":"function_call","call_id":"c1","name":"f","arguments":"{}"})");
  EXPECT_EQ(input[2]["role"], "assistant");
  EXPECT_EQ(dump_json(input[3]), R"({"type":"function_call_output","call_id":"c1","output":"Error: done"})");
  EXPECT_EQ(input[4]["output"], R"({"a":1})");
  EXPECT_EQ(input[5]["output"][1]["image_url"], "data:image/png;base64,AAAA");
  EXPECT_EQ(input[6]["content"], "go on");
}

TEST(OpenaiResponsesRequest, MakesIdsOfCallsThatTheApiTakes) {
  const std::string long_id(90, 'x');
  ToolResult nameless, with_long{.call_id = long_id};
  const Json input = write(asking({message(Role::assistant, {{.what = ToolCall{.name = "f"}},
                                                             {.what = ToolCall{.name = "g"}},
                                                             {.what = ToolCall{.id = long_id, .name = "h"}}}),
                                   message(Role::user, {{.what = nameless}, {.what = nameless}, {.what = with_long}})}))
                         .body["input"];
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(input[i]["call_id"], input[i + 3]["call_id"]) << i;
  EXPECT_NE(input[0]["call_id"], input[1]["call_id"]);
  EXPECT_LE(input[2]["call_id"].get<std::string>().size(), 64u);
}

TEST(OpenaiResponsesRequest, MediaFindTheirForms) {
  using Kind = Media::Kind;
  const auto part = [](Media media) { return Part{.what = std::move(media)}; };
  const Written written = write(asking(
      {message(Role::user, {part({.kind = Kind::image, .url = "https://e.org/a.png", .detail = "low"}),
                            part({.kind = Kind::document, .mime = "application/pdf", .data = "JVBE"}),
                            part({.kind = Kind::document, .text = "words", .name = "title"}),
                            part({.kind = Kind::audio, .mime = "audio/mpeg", .data = "AAAA"}),
                            part({.kind = Kind::video, .mime = "video/mp4", .data = "AAAA"}),
                            part({.kind = Kind::document, .url = "https://e.org/b.pdf", .context = "about b"})})}));
  const Json& content = written.body["input"][0]["content"];
  ASSERT_EQ(content.size(), 6u);
  EXPECT_EQ(dump_json(content[0]), R"({"type":"input_image","image_url":"https://e.org/a.png","detail":"low"})");
  EXPECT_EQ(content[1]["filename"], "document.pdf");
  EXPECT_EQ(content[1]["file_data"], "data:application/pdf;base64,JVBE");
  EXPECT_EQ(content[2]["text"], "title\n\nwords");
  EXPECT_EQ(dump_json(content[3]["input_audio"]), R"({"data":"AAAA","format":"mp3"})");
  EXPECT_EQ(content[4]["text"], "about b");
  EXPECT_EQ(content[5]["file_url"], "https://e.org/b.pdf");
  // Pictures that a model made are known by the ids of their vendor only.
  const Written made = write(asking({message(Role::assistant, {part({.kind = Kind::image, .data = "AAAA"})})}));
  EXPECT_EQ(made.losses, std::vector<std::string>{"messages[0].media"});
}

TEST(OpenaiResponsesRequest, ToolsOfOtherVendorsAreSaidHere) {
  Request request = asking({message(Role::user, {text("q")})});
  const auto add = [&](Tool::Kind kind, std::string name, std::string config) {
    Tool tool;
    tool.kind = kind;
    tool.name = std::move(name);
    tool.origin = "anthropic.messages";
    tool.config = std::move(config);
    request.tools.push_back(std::move(tool));
  };
  add(Tool::Kind::function, "f", "");
  add(Tool::Kind::web_search, "web_search",
      R"({"type":"web_search_20250305","max_uses":2,"allowed_domains":["e.org"],"user_location":{"type":"approximate","city":"Bonn"}})");
  add(Tool::Kind::web_fetch, "web_fetch", "{}");
  add(Tool::Kind::code_execution, "code_execution", "{}");
  add(Tool::Kind::computer, "computer", "{}");
  request.tool_choice = {.mode = ToolChoice::Mode::named, .name = "web_search", .parallel = false};
  const Written written = write(request);
  const Json& tools = written.body["tools"];
  ASSERT_EQ(tools.size(), 3u);
  EXPECT_EQ(dump_json(tools[0]),
            R"({"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false})");
  EXPECT_EQ(
      dump_json(tools[1]),
      R"({"type":"web_search","filters":{"allowed_domains":["e.org"]},"user_location":{"type":"approximate","city":"Bonn"}})");
  EXPECT_EQ(dump_json(tools[2]), R"({"type":"code_interpreter","container":{"type":"auto"}})");
  EXPECT_EQ(dump_json(written.body["tool_choice"]), R"({"type":"web_search"})");
  EXPECT_EQ(written.body["parallel_tool_calls"], false);
  EXPECT_EQ(written.losses, (std::vector<std::string>{"tools[1].max_uses", "tools[4]"}));
}

TEST(OpenaiResponsesRequest, GrammarsOfChatLoseTheirNesting) {
  Request request = asking({message(Role::user, {text("q")})});
  Tool tool;
  tool.kind = Tool::Kind::custom;
  tool.name = "sql";
  tool.origin = "openai.chat";
  for (const char* config :
       {R"({"type":"grammar","grammar":{"syntax":"lark","definition":"start: /a/"}})",
        R"({"format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: /a/"}}})"}) {
    tool.config = config;
    request.tools.assign(1, tool);
    EXPECT_EQ(dump_json(write(request).body["tools"][0]["format"]),
              R"({"type":"grammar","syntax":"lark","definition":"start: /a/"})");
  }
}

TEST(OpenaiResponsesRequest, PlacesOfChatLoseTheirNesting) {
  Request request = asking({message(Role::user, {text("q")})});
  Tool& tool = request.tools.emplace_back();
  tool.kind = Tool::Kind::web_search;
  tool.origin = "openai.chat";
  tool.config = R"({"search_context_size":"low","user_location":{"type":"approximate","approximate":{"city":"Bonn"}}})";
  EXPECT_EQ(
      dump_json(write(request).body["tools"][0]),
      R"({"type":"web_search","search_context_size":"low","user_location":{"type":"approximate","city":"Bonn"}})");
}

TEST(OpenaiResponsesRequest, SettingsFindTheirWords) {
  Request request = asking({message(Role::user, {text("q")})});
  request.reasoning.mode = Reasoning::Mode::on;
  request.reasoning.budget = 8192;
  request.reasoning.include = true;
  request.service_tier = "standard_only";
  request.user = std::string(100, 'u');
  request.max_output_tokens = 1;
  request.format.kind = ResponseFormat::Kind::json_schema;
  request.format.schema = R"({"type":"object"})";
  request.stop = {"x"};
  const Written written = write(request);
  EXPECT_EQ(dump_json(written.body["reasoning"]), R"({"effort":"medium","summary":"auto"})");
  EXPECT_EQ(written.body["service_tier"], "default");
  EXPECT_EQ(written.body["safety_identifier"].get<std::string>().size(), 64u);
  EXPECT_EQ(written.body["max_output_tokens"], 16);
  EXPECT_EQ(written.body["text"]["format"]["name"], "response");
  EXPECT_EQ(written.losses, std::vector<std::string>{"max_output_tokens"});
  request.service_tier = "provisioned";
  EXPECT_EQ(write(request).losses.back(), "service_tier");
  request.top_k = "5";
  EXPECT_FALSE(write(request).body.contains("top_k"));
  EXPECT_EQ(write(request, {.sampling_extras = true}).body["top_k"], 5);
  EXPECT_TRUE(dialect().carries_with({.sampling_extras = true}, Field::top_k));
}

}  // namespace
}  // namespace tollgate::gateway
