// Requests of other dialects in this API's form: settings, tools, formats, thinking. Turns have a test of their own.
#include <gtest/gtest.h>

#include <algorithm>

#include "anthropic_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

struct Written {
  Json body;
  std::vector<std::string> losses;
  bool lost(std::string_view name) const { return std::find(losses.begin(), losses.end(), name) != losses.end(); }
};

Written write(const Request& request, std::string_view model = "m", Quirks quirks = {}) {
  Losses losses;
  const auto body = anthropic().write_request(request, {.model = model, .quirks = quirks}, losses);
  EXPECT_TRUE(body);
  return {.body = body ? parsed(*body) : Json(), .losses = losses.names()};
}

Request hello() {
  Request request;
  request.messages.push_back({.role = Role::user, .parts = {{.what = Text{.text = "hello"}}}});
  return request;
}

template <class Change>
Request with(Change&& change) {
  Request request = hello();
  change(request);
  return request;
}

Request with_tool(Tool tool) {
  return with([&](Request& r) { r.tools.push_back(std::move(tool)); });
}

TEST(AnthropicTranslate, MaxTokensIsAlwaysSaid) {
  EXPECT_EQ(write(hello()).body["max_tokens"], 8192);
  EXPECT_EQ(write(hello(), "claude-3-haiku-20240307").body["max_tokens"], 4096);
  EXPECT_EQ(write(with([](Request& r) { r.max_output_tokens = 77; })).body["max_tokens"], 77);
  // A model that thinks unasked needs room for it.
  EXPECT_EQ(write(hello(), "claude-sonnet-5").body["max_tokens"], 16384);
  EXPECT_EQ(write(with([](Request& r) { r.reasoning.budget = 20'000; })).body["max_tokens"], 28192);
  EXPECT_EQ(write(with([](Request& r) { r.reasoning.effort = "max"; }), "claude-opus-4-20250514").body["max_tokens"],
            32000);
}

TEST(AnthropicTranslate, TemperatureIsOneAtMost) {
  const auto temperature = [](std::string value, std::string_view model = "m") {
    return write(with([&](Request& r) { r.temperature = value; }), model);
  };
  EXPECT_EQ(temperature("0.3").body["temperature"], 0.3);
  EXPECT_TRUE(temperature("1.0").losses.empty());
  EXPECT_EQ(temperature("1.5").body["temperature"], 1);
  EXPECT_TRUE(temperature("1.5").lost("temperature"));
  EXPECT_FALSE(temperature("0.3", "claude-opus-4-8").body.contains("temperature"));
  EXPECT_TRUE(temperature("0.3", "claude-opus-4-8").lost("temperature"));
  EXPECT_TRUE(temperature("1", "claude-opus-4-8").losses.empty());
}

TEST(AnthropicTranslate, TemperatureAndTopPExcludeEachOther) {
  const auto both = [](std::string temperature, std::string top_p, std::string_view model) {
    return write(with([&](Request& r) {
                   r.temperature = temperature;
                   r.top_p = top_p;
                 }),
                 model);
  };
  const Written old = both("0.5", "0.9", "claude-sonnet-4-20250514");
  EXPECT_TRUE(old.body.contains("temperature") && old.body.contains("top_p"));
  const Written clash = both("0.5", "0.9", "claude-sonnet-4-5");
  EXPECT_TRUE(clash.body.contains("temperature") && !clash.body.contains("top_p") && clash.lost("top_p"));
  // Many callers send the defaults along.
  const Written hot = both("1", "0.9", "claude-sonnet-4-5");
  EXPECT_TRUE(!hot.body.contains("temperature") && hot.body.contains("top_p") && hot.losses.empty());
  const Written plain = both("0.5", "1", "claude-sonnet-4-5");
  EXPECT_TRUE(plain.body.contains("temperature") && !plain.body.contains("top_p") && plain.losses.empty());
}

TEST(AnthropicTranslate, EffortByGeneration) {
  const auto effort = [](std::string word, std::string_view model) {
    return write(with([&](Request& r) { r.reasoning.effort = word; }), model).body;
  };
  const Json budget = effort("low", "claude-haiku-4-5");
  EXPECT_EQ(budget["thinking"], parsed(R"({"type":"enabled","budget_tokens":2048})"));
  EXPECT_FALSE(budget.contains("output_config"));
  const Json adaptive = effort("low", "claude-sonnet-4-6");
  EXPECT_EQ(adaptive["thinking"], parsed(R"({"type":"adaptive"})"));
  EXPECT_EQ(adaptive["output_config"]["effort"], "low");
  EXPECT_EQ(effort("minimal", "claude-sonnet-5")["output_config"]["effort"], "low");
  EXPECT_EQ(effort("xhigh", "claude-sonnet-4-6")["output_config"]["effort"], "high");
  EXPECT_EQ(effort("xhigh", "claude-opus-5")["output_config"]["effort"], "xhigh");
  const Written none = write(with([](Request& r) { r.reasoning.effort = "low"; }), "claude-3-5-sonnet-20240620");
  EXPECT_TRUE(!none.body.contains("thinking") && none.lost("reasoning_effort"));
}

TEST(AnthropicTranslate, BudgetsFitTheLimits) {
  const auto budget = [](std::int64_t tokens, std::optional<std::int64_t> max, std::string_view model = "m") {
    return write(with([&](Request& r) {
                   r.reasoning.budget = tokens;
                   r.max_output_tokens = max;
                 }),
                 model);
  };
  EXPECT_EQ(budget(2000, 4000).body["thinking"]["budget_tokens"], 2000);
  EXPECT_TRUE(budget(2000, 4000).losses.empty());
  EXPECT_EQ(budget(100, 4000).body["thinking"]["budget_tokens"], 1024);
  EXPECT_TRUE(budget(100, 4000).lost("reasoning_budget"));
  EXPECT_EQ(budget(9000, 4000).body["thinking"]["budget_tokens"], 3200);
  EXPECT_TRUE(budget(9000, 4000).lost("reasoning_budget"));
  EXPECT_FALSE(budget(2000, 1000).body.contains("thinking"));
  EXPECT_TRUE(budget(2000, 1000).lost("reasoning_budget"));
  EXPECT_EQ(budget(0, {}).body["thinking"]["type"], "disabled");
  EXPECT_EQ(budget(2000, {}, "claude-opus-5").body["output_config"]["effort"], "low");
  for (std::int64_t max : {1025, 1500, 3000, 60000}) {
    const Json body = write(with([&](Request& r) {
                        r.reasoning.effort = "high";
                        r.max_output_tokens = max;
                      })).body;
    EXPECT_GE(body["thinking"]["budget_tokens"], 1024);
    EXPECT_LT(body["thinking"]["budget_tokens"], max);
  }
}

TEST(AnthropicTranslate, ThinkingOff) {
  const auto off = [](std::string_view model) {
    return write(with([](Request& r) { r.reasoning.mode = Reasoning::Mode::off; }), model);
  };
  EXPECT_EQ(off("m").body["thinking"]["type"], "disabled");
  EXPECT_EQ(off("claude-sonnet-5").body["thinking"]["type"], "disabled");
  EXPECT_FALSE(off("claude-opus-4-8").body.contains("thinking"));
  EXPECT_TRUE(off("claude-opus-4-8").losses.empty());
  EXPECT_TRUE(off("claude-fable-5").lost("reasoning_off"));
  EXPECT_FALSE(off("claude-3-haiku-20240307").body.contains("thinking"));
}

TEST(AnthropicTranslate, ThoughtsAreShownOnRequest) {
  EXPECT_EQ(write(with([](Request& r) { r.reasoning.include = true; })).body["thinking"],
            parsed(R"({"type":"enabled","budget_tokens":8192,"display":"summarized"})"));
  EXPECT_EQ(write(with([](Request& r) { r.reasoning.summary = "auto"; }), "claude-opus-5").body["thinking"],
            parsed(R"({"type":"adaptive","display":"summarized"})"));
  EXPECT_EQ(write(with([](Request& r) {
              r.reasoning.include = false;
              r.reasoning.effort = "high";
            })).body["thinking"]["display"],
            "omitted");
  EXPECT_FALSE(write(with([](Request& r) { r.reasoning.include = false; })).body.contains("thinking"));
}

TEST(AnthropicTranslate, ThinkingExcludesOtherWishes) {
  const Written written = write(with([](Request& r) {
    r.reasoning.effort = "high";
    r.temperature = "0.2";
    r.top_k = "5";
    r.top_p = "0.5";
    r.tools.push_back({.name = "f"});
    r.tool_choice.mode = ToolChoice::Mode::required;
    r.tool_choice.parallel = false;
  }));
  for (const char* name : {"temperature", "top_k", "top_p"}) {
    EXPECT_FALSE(written.body.contains(name)) << name;
    EXPECT_TRUE(written.lost(name)) << name;
  }
  EXPECT_TRUE(written.lost("tool_choice_required"));
  EXPECT_EQ(written.body["tool_choice"], parsed(R"({"type":"auto","disable_parallel_tool_use":true})"));
}

TEST(AnthropicTranslate, Tools) {
  const Json bare = write(with_tool({.name = "f"})).body["tools"][0];
  EXPECT_EQ(bare, parsed(R"({"name":"f","input_schema":{"type":"object","properties":{}}})"));
  const Json untyped = write(with_tool({.name = "f", .parameters = R"({"properties":{}})"})).body["tools"][0];
  EXPECT_EQ(untyped["input_schema"], parsed(R"({"type":"object","properties":{}})"));
  const Tool strict{.name = "f",
                    .description = "d",
                    .parameters = R"({"type":"object","properties":{"n":{"type":"integer","minimum":1}}})",
                    .strict = true,
                    .cache = {.set = true}};
  const Json closed = write(with_tool(strict)).body["tools"][0];
  EXPECT_EQ(closed["strict"], true);
  EXPECT_EQ(closed["input_schema"]["additionalProperties"], false);
  EXPECT_EQ(closed["cache_control"], parsed(R"({"type":"ephemeral"})"));
  const Written old = write(with_tool(strict), "claude-3-5-sonnet-20240620");
  EXPECT_TRUE(!old.body["tools"][0].contains("strict") && old.lost("strict_tools"));
}

TEST(AnthropicTranslate, OnlyAllowedToolsAreSent) {
  const Json body = write(with([](Request& r) {
                      for (const char* name : {"f", "g", "h"}) r.tools.push_back({.name = name});
                      r.tool_choice = {.mode = ToolChoice::Mode::required, .allowed = {"f", "h"}};
                    })).body;
  ASSERT_EQ(body["tools"].size(), 2u);
  EXPECT_EQ(body["tools"][1]["name"], "h");
  EXPECT_EQ(body["tool_choice"]["type"], "any");
}

TEST(AnthropicTranslate, ServerTools) {
  const auto tool = [](Tool::Kind kind, std::string config) {
    return Tool{.kind = kind, .origin = "openai.responses", .config = std::move(config)};
  };
  const Written search = write(
      with_tool(tool(Tool::Kind::web_search,
                     R"({"type":"web_search","filters":{"allowed_domains":["a.example"]},"search_context_size":"low",
          "user_location":{"type":"approximate","city":"Rome","country":null}})")));
  EXPECT_EQ(search.body["tools"][0], parsed(R"({"type":"web_search_20250305","name":"web_search",
      "allowed_domains":["a.example"],"user_location":{"type":"approximate","city":"Rome"}})"));
  EXPECT_TRUE(search.lost("tools[0].search_context_size"));
  const Written chat_search = write(with_tool(
      tool(Tool::Kind::web_search, R"({"user_location":{"type":"approximate","approximate":{"country":"IT"}}})")));
  EXPECT_EQ(chat_search.body["tools"][0]["user_location"], parsed(R"({"type":"approximate","country":"IT"})"));
  EXPECT_EQ(write(with_tool(tool(Tool::Kind::web_search, ""))).body["tools"][0]["name"], "web_search");
  EXPECT_EQ(write(with_tool(tool(Tool::Kind::web_fetch, "{}"))).body["tools"][0]["type"], "web_fetch_20250910");
  EXPECT_EQ(
      write(with_tool(tool(Tool::Kind::code_execution, R"({"container":{"type":"auto"}})"))).body["tools"][0]["type"],
      "code_execution_20250825");
  // A choice among tools that were all left out would be refused.
  const Written dropped = write(with([&](Request& r) {
    r.tools.push_back(tool(Tool::Kind::file_search, R"({"type":"file_search"})"));
    r.tool_choice.mode = ToolChoice::Mode::required;
  }));
  EXPECT_FALSE(dropped.body.contains("tools") || dropped.body.contains("tool_choice"));
  EXPECT_TRUE(dropped.lost("tool_choice_required"));
}

TEST(AnthropicTranslate, StructuredOutput) {
  const Request schema = with([](Request& r) {
    r.format = {.kind = ResponseFormat::Kind::json_schema, .name = "n", .schema = R"({"type":"object"})"};
  });
  EXPECT_EQ(write(schema).body["output_config"],
            parsed(R"({"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}})"));
  const Json old = write(schema, "claude-3-5-sonnet-20240620").body;
  EXPECT_FALSE(old.contains("output_config"));
  EXPECT_NE(old["system"][0]["text"].get<std::string>().find(R"({"type":"object"})"), std::string::npos);
  const Json object = write(with([](Request& r) { r.format.kind = ResponseFormat::Kind::json_object; })).body;
  EXPECT_NE(object["system"][0]["text"].get<std::string>().find("JSON object"), std::string::npos);
}

TEST(AnthropicTranslate, SmallerMembers) {
  const auto tier = [](std::string word) {
    return write(with([&](Request& r) { r.service_tier = word; })).body.value("service_tier", "");
  };
  EXPECT_EQ(tier("auto"), "auto");
  EXPECT_EQ(tier("priority"), "auto");
  EXPECT_EQ(tier("default"), "standard_only");
  EXPECT_EQ(tier("flex"), "");
  const Written written = write(with([](Request& r) {
    r.stop = {"END", " \n"};
    r.user = "u";
    r.metadata = R"({"a":"b"})";
    r.extra.emplace_back("of_another_dialect", "1");
    r.messages[0].extra.emplace_back("x", "1");
  }));
  EXPECT_EQ(written.body["stop_sequences"], parsed(R"(["END"])"));
  EXPECT_TRUE(written.lost("stop[1]"));
  EXPECT_EQ(written.body["metadata"], parsed(R"({"user_id":"u"})"));
  EXPECT_FALSE(written.body.contains("of_another_dialect") || written.body["messages"][0].contains("x"));
}

TEST(AnthropicTranslate, FourCacheMarksTheLastOnes) {
  const Written written = write(with([](Request& r) {
    r.tools.push_back({.name = "f", .cache = {.set = true}});
    r.messages.clear();
    for (int i = 0; i < 5; ++i)
      r.messages.push_back(
          {.parts = {{.what = Text{.text = "x"}, .cache = {.set = true, .ttl = i == 4 ? "1h" : "9d"}}}});
  }));
  EXPECT_TRUE(written.lost("cache_marks"));
  EXPECT_FALSE(written.body["tools"][0].contains("cache_control"));
  const Json& content = written.body["messages"][0]["content"];
  EXPECT_FALSE(content[0].contains("cache_control"));
  EXPECT_EQ(content[1]["cache_control"], parsed(R"({"type":"ephemeral"})"));
  EXPECT_EQ(content[4]["cache_control"], parsed(R"({"type":"ephemeral","ttl":"1h"})"));
}

TEST(AnthropicTranslate, CountingAsksForNothingElse) {
  Losses losses;
  const auto body = write_count_request(with([](Request& r) {
                                          r.temperature = "0.5";
                                          r.stop = {"x"};
                                          r.user = "u";
                                          r.service_tier = "auto";
                                          r.stream = true;
                                          r.tools.push_back({.name = "f"});
                                        }),
                                        {.model = "claude-x", .stream = true}, losses);
  ASSERT_TRUE(body);
  EXPECT_EQ(parsed(*body), parsed(R"({"model":"claude-x","tools":[{"name":"f","input_schema":{"type":"object",
      "properties":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"hello"}]}]})"));
}

}  // namespace
}  // namespace tollgate::gateway
