// What a local model's template is shown, what its prompt ends with where a call must be made, and which kinds of
// arguments schemas allow. The tokenizer is that of the model in the program.
#include "gateway/local/prompt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "gateway/dialects/dialect.h"
#include "gateway/local/argument_kinds.h"
#include "gateway/local/chat_answer.h"
#include "gateway/local/forced_call.h"
#include "models/embedded.h"

namespace tollgate::gateway {
namespace {

using nlohmann::json;

constexpr const char* kTemplate =
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>\n{\"name\": {{ c.function.name }}, \"arguments\": "
    "{{ c.function.arguments | tojson }}}{% endfor %}{% endfor %}[assistant]";

std::shared_ptr<local::Engine> demo_engine() {
  static const auto engine = [] {
    auto loaded = local::Engine::load({.file = "demo", .image = models::demo(), .threads = 1});
    EXPECT_TRUE(loaded) << loaded.error().message;
    return *loaded;
  }();
  return engine;
}

LoadedModel model_of(std::string_view source = kTemplate) {
  LoadedModel model;
  model.engine = demo_engine();
  model.chat_template = *local::ChatTemplate::compile(source);
  model.tool_format = local::detect_tool_format(source);
  model.spelling = local::call_spelling(model.tool_format, source);
  model.takes_tools = model.chat_template->mentions("tools");
  model.arguments = local::ArgumentForm::object;
  model.guard = std::make_unique<const local::TextGuard>(model.engine->tokenizer());
  return model;
}

chat::Request request_of(const std::string& members) {
  auto request = openai_chat().read_request(R"({"model":"m",)" + members + "}", {});
  EXPECT_TRUE(request) << request.error().message;
  return *request;
}

json context_of(const LoadedModel& model, const chat::Request& request) {
  const auto context = template_context(model, request);
  EXPECT_TRUE(context) << context.error().message;
  return json::parse(*context);
}

const std::string kTools = R"("tools":[{"type":"function","function":{"name":"weather","description":"of a place",
  "parameters":{"type":"object","properties":{"place":{"type":"string"}}}}},{"type":"function","function":{"name":"wait"}}])";
const std::string kTurns = R"("messages":[{"role":"system","content":"brief"},{"role":"user","content":"Oslo?"},
  {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"place\": \"Oslo\"}"}},
  {"id":"c2","type":"function","function":{"name":"wait","arguments":""}}]},
  {"role":"tool","tool_call_id":"c1","content":"rain"},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"done"}]}])";

TEST(TemplateContext, ToolsCallsAndResultsAreWhatTemplatesKnow) {
  const LoadedModel model = model_of();
  const json context = context_of(model, request_of(kTools + "," + kTurns));
  EXPECT_EQ(context["tools"],
            json::parse(R"([{"type":"function","function":{"name":"weather","description":"of a place",
    "parameters":{"type":"object","properties":{"place":{"type":"string"}}}}},
    {"type":"function","function":{"name":"wait","parameters":{"type":"object","properties":{}}}}])"));
  const json& messages = context["messages"];
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[0], json::parse(R"({"role":"system","content":"brief"})"));
  EXPECT_EQ(messages[2]["role"], "assistant");
  EXPECT_EQ(messages[2]["content"], "");
  EXPECT_EQ(messages[2]["tool_calls"],
            json::parse(R"([{"id":"c1","type":"function","function":{"name":"weather","arguments":{"place":"Oslo"}}},
    {"id":"c2","type":"function","function":{"name":"wait","arguments":{}}}])"));
  EXPECT_EQ(messages[3], json::parse(R"({"role":"tool","tool_call_id":"c1","name":"weather","content":"rain"})"));
  EXPECT_EQ(messages[4], json::parse(R"({"role":"tool","tool_call_id":"c2","name":"wait","content":"done"})"));
  EXPECT_EQ(context["add_generation_prompt"], true);
}

TEST(TemplateContext, ArgumentsAreTextWhereTheTemplateWritesThemAsTheyAre) {
  LoadedModel model = model_of();
  model.arguments = local::ArgumentForm::text;
  const json context = context_of(model, request_of(kTools + "," + kTurns));
  EXPECT_EQ(context["messages"][2]["tool_calls"][0]["function"]["arguments"], R"({"place": "Oslo"})");
}

TEST(TemplateContext, ToolsFollowTheChoice) {
  const LoadedModel model = model_of();
  const auto names = [&](const std::string& choice) {
    std::string out;
    const json context = context_of(
        model, request_of(kTools + ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tool_choice\":" + choice));
    for (const json& tool : context.value("tools", json::array()))
      out += tool["function"]["name"].get<std::string>() + " ";
    return out;
  };
  EXPECT_EQ(names("\"auto\""), "weather wait ");
  EXPECT_EQ(names("\"none\""), "");
  EXPECT_EQ(names("\"required\""), "weather wait ");
  EXPECT_EQ(names(R"({"type":"function","function":{"name":"wait"}})"), "weather wait ");
  EXPECT_EQ(
      names(
          R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"wait"}}]}})"),
      "wait ");
}

TEST(TemplateContext, RefusesWhatTheModelCannotTake) {
  const LoadedModel plain = model_of("{% for m in messages %}{{ m.content }}{% endfor %}");
  const auto refused = template_context(plain, request_of(kTools + "," + kTurns));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "unsupported_tools");
  const auto image = template_context(
      model_of(),
      request_of(
          R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}])"));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, "unsupported_content");
}

std::string end_of_prompt(const LoadedModel& model, const LocalPrompt& prompt) {
  std::string text;
  for (const local::Token token : prompt.answer.prompt) text += model.engine->tokenizer().bytes(token, true);
  return text.substr(text.rfind("[assistant]") + 11);
}

TEST(ForcedCalls, ThePromptEndsWithTheirBeginning) {
  const LoadedModel model = model_of();
  local::GrammarCache grammars;
  const std::string asked = kTools + ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tool_choice\":";
  const auto free = make_prompt(model, request_of(asked + "\"auto\""), grammars);
  ASSERT_TRUE(free) << free.error().message;
  EXPECT_EQ(end_of_prompt(model, *free), "");
  EXPECT_EQ(free->answer.grammar, nullptr);
  const auto any = make_prompt(model, request_of(asked + "\"required\""), grammars);
  ASSERT_TRUE(any) << any.error().message;
  EXPECT_EQ(end_of_prompt(model, *any), "<tool_call>\n");
  EXPECT_EQ(any->begun, "<tool_call>\n");
  EXPECT_NE(any->answer.grammar, nullptr);
  const auto one =
      make_prompt(model, request_of(asked + R"({"type":"function","function":{"name":"wait"}})"), grammars);
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(end_of_prompt(model, *one), "<tool_call>\n{\"name\": \"wait\", \"arguments\":");
  EXPECT_EQ(one->begun, end_of_prompt(model, *one));
}

TEST(ForcedCalls, AThoughtThatThePromptBeganIsEnded) {
  LoadedModel model = model_of(std::string(kTemplate) + "<think>\n");
  model.thinks = true;
  local::GrammarCache grammars;
  const std::string asked = kTools + ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tool_choice\":";
  EXPECT_TRUE(make_prompt(model, request_of(asked + "\"auto\""), grammars)->starts_thinking);
  const auto forced = make_prompt(model, request_of(asked + "\"required\""), grammars);
  EXPECT_FALSE(forced->starts_thinking);
  EXPECT_EQ(end_of_prompt(model, *forced), "<think>\n</think>\n\n<tool_call>\n");
}

TEST(ArgumentKinds, AreWhatTheSchemaSays) {
  std::vector<chat::Tool> tools(1);
  tools[0].name = "f";
  tools[0].parameters =
      R"({"properties":{"text":{"type":"string"},"maybe":{"type":["integer","null"]},"one":{"enum":["a",1]},
    "fixed":{"const":{"a":1}},"either":{"anyOf":[{"type":"boolean"},{"type":"array"}]},"half":{"anyOf":[{"type":"string"},{}]},"any":{}}})";
  const auto kinds = argument_kinds(tools);
  EXPECT_EQ(kinds("f", "text"), local::kTextArgument);
  EXPECT_EQ(kinds("f", "maybe"), local::kNumberArgument | local::kNullArgument);
  EXPECT_EQ(kinds("f", "one"), local::kTextArgument | local::kNumberArgument);
  EXPECT_EQ(kinds("f", "fixed"), local::kObjectArgument);
  EXPECT_EQ(kinds("f", "either"), local::kBooleanArgument | local::kArrayArgument);
  for (const char* unknown : {"half", "any", "missing"}) EXPECT_EQ(kinds("f", unknown), 0u) << unknown;
  EXPECT_EQ(kinds("g", "text"), 0u);
}

TEST(LogprobJson, TellsWhatIsImpossibleAsANumber) {
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<local::Token, float>> top{{0, -0.5f}, {1, -kInfinite}, {2, std::nanf("")}};
  const local::Piece piece{.token = 0, .text = "", .logprob = -kInfinite, .top = &top};
  const json told = json::parse(logprob_json(demo_engine()->tokenizer(), piece));
  EXPECT_EQ(told["logprob"], -9999.0);
  ASSERT_EQ(told["top_logprobs"].size(), 3u);
  EXPECT_EQ(told["top_logprobs"][0]["logprob"], -0.5);
  EXPECT_EQ(told["top_logprobs"][1]["logprob"], -9999.0);
  EXPECT_EQ(told["top_logprobs"][2]["logprob"], -9999.0);
}

}  // namespace
}  // namespace tollgate::gateway
