// What models write, in every format: the events, and that pieces of any size give the same ones.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "local_backend/template/tool_calls.h"

namespace tollgate::local {
namespace {

using Kind = TextEvent::Kind;

// "text(..) thought(..) call(name,id,arguments)", pieces joined.
std::string told(const std::vector<TextEvent>& events) {
  std::string out;
  Kind last = Kind::call_end;
  for (const TextEvent& event : events) {
    const bool goes_on = event.kind == last && (last == Kind::text || last == Kind::thinking);
    if (goes_on) out.pop_back();
    switch (event.kind) {
      case Kind::text:
        out += (goes_on ? "" : "text(") + event.text + ")";
        break;
      case Kind::thinking:
        out += (goes_on ? "" : "thought(") + event.text + ")";
        break;
      case Kind::call_begin:
        out += "call(" + event.text + "," + event.id + ",";
        break;
      case Kind::call_arguments:
        out += event.text;
        break;
      case Kind::call_end:
        out += ")";
        break;
    }
    last = event.kind;
  }
  return out;
}

struct Case {
  ToolFormat format = ToolFormat::none;
  std::string answer;
  std::string expected;
  bool thinking = false;
  bool starts_thinking = false;
};

std::string parsed(const Case& c, const std::vector<std::size_t>& cuts) {
  const auto parser = make_answer_parser(c.format, c.thinking, c.starts_thinking);
  std::vector<TextEvent> events;
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    parser->push(std::string_view(c.answer).substr(at, cut - at), events);
    at = cut;
  }
  parser->push(std::string_view(c.answer).substr(at), events);
  parser->finish(events);
  return told(events);
}

const char kJson[] = R"({"name": "get_weather", "arguments": {"city": "Zürich", "n": 12345678901234567890123}})";
const char kWeather[] = R"({"city": "Zürich", "n": 12345678901234567890123})";

std::vector<Case> cases() {
  const std::string weather = "call(get_weather,," + std::string(kWeather) + ")";
  const std::string json = kJson;
  using enum ToolFormat;
  return {
      {none, "  Hello <tool_call> {} ", "text(  Hello <tool_call> {} )"},
      {none, "<think>\nhm <b>\n</think>\n\nHi", "thought(hm <b>)text(Hi)", true},
      {none, "<think>hm</think>Hi", "text(<think>hm</think>Hi)"},
      {none, "\nhm </thin </think> Hi", "thought(hm </thin)text(Hi)", true, true},
      {none, "<think>hm</think>Hi", "thought(hm)text(Hi)", true, true},
      {none, "never ends \n", "thought(never ends \n)", true, true},
      {none, "[THINK]a </think> b[/THINK]c", "thought(a </think> b)text(c)", true},
      {none, "Say <think> aloud", "text(Say <think> aloud)", true},
      {hermes, "Let me see.\n<tool_call>\n" + json + "\n</tool_call>\n", "text(Let me see.)" + weather},
      {hermes, "<tool_call>" + json + "</tool_call>\n<tool_call>" + json + "</tool_call>", weather + weather},
      {hermes, "<think>x</think>\n<tool_call>" + json + "</tool_call> done", "thought(x)" + weather + "text(done)",
       true},
      {hermes, "<tool_call>" + json, weather},
      {hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {", "text(<tool_call>{\"name\": \"f\", \"arguments\": {)"},
      {hermes, "<tool_call>nothing</tool_call> x", "text(<tool_call>nothing</tool_call> x)"},
      {hermes, "<tool_call>{\"name\": 5}</tool_call>", "text(<tool_call>{\"name\": 5}</tool_call>)"},
      {hermes, R"(<tool_call>{"name":"f","arguments":"{\"a\": \"</tool_call>\"}"}</tool_call>)",
       R"(call(f,,{"a": "</tool_call>"}))"},
      {hermes, R"(<tool_call>{"name":"f"}</tool_call>)", "call(f,,{})"},
      {hermes, R"(<tool_calls>[{"name":"f","arguments":{}}, {"name":"g","arguments":{"a":[1,{}]}}]</tool_calls>)",
       R"(call(f,,{})call(g,,{"a":[1,{}]}))"},
      {llama3, R"({"name": "f", "parameters": {"a": 1}})", R"(call(f,,{"a": 1}))"},
      {llama3, R"( {"name": "f", "parameters": {}}; {"name": "g", "parameters": {}})", "call(f,,{})call(g,,{})"},
      {llama3, R"({"temperature": 20})", R"(text({"temperature": 20}))"},
      {llama3, R"(Here: {"name": "f", "parameters": {}})", R"(text(Here: {"name": "f", "parameters": {}}))"},
      {llama3, R"(<|python_tag|>{"name": "f", "parameters": {}})", "call(f,,{})"},
      {llama3, R"x(<|python_tag|>brave_search.call(query="a, b)", n=[1, 2]))x",
       R"x(call(brave_search,,{"query": "a, b)", "n": [1, 2]}))x"},
      {llama3, "<|python_tag|>print(1)", "text(<|python_tag|>print(1))"},
      {llama3, R"(So <function=f>{"a": "}"}</function> end)", R"(text(So)call(f,,{"a": "}"})text(end))"},
      {mistral, R"([TOOL_CALLS][{"name": "f", "arguments": {"a": 1}, "id": "abcdefghi"}])",
       R"(call(f,abcdefghi,{"a": 1}))"},
      {mistral, R"([TOOL_CALLS] [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}])",
       "call(f,,{})call(g,,{})"},
      {mistral, R"(Text[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]i1[ARGS]{})",
       R"(text(Text)call(f,,{"a": 1})call(g,i1,{}))"},
      {mistral, "[THINK]why[/THINK]because", "thought(why)text(because)", true},
      {deepseek,
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": "
       "1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁"
       "end｜><｜tool▁calls▁end｜>",
       R"(call(f,,{"a": 1})call(g,,{}))"},
      {deepseek,
       "Sure.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜><｜tool▁call▁"
       "begin｜>function<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       R"(text(Sure.)call(f,,{"a": 1})call(function,,{}))"},
      {deepseek, "a <｜tool▁call▁ b", "text(a <｜tool▁call▁ b)"},
      {qwen_xml,
       "I look.\n<tool_call>\n<function=f>\n<parameter=code>\nif a < b:\n  "
       "print(\"x\")\n</parameter>\n<parameter=n>\n5\n</parameter>\n<parameter=ok>True</"
       "parameter>\n</function>\n</tool_call>",
       R"x(text(I look.)call(f,,{"code": "if a < b:\n  print(\"x\")", "n": 5, "ok": true}))x"},
      {qwen_xml, "<function=f></function>", "call(f,,{})"},
      {qwen_xml, "<seed:tool_call><function=f><parameter=a>b</parameter></function></seed:tool_call>",
       R"(call(f,,{"a": "b"}))"},
      {qwen_xml, "<tool_call><function=f><parameter=a>b</parameter>", R"(call(f,,{"a": "b"}))"},
      {qwen_xml, "<tool_call><function=f><parameter=a>b", "text(<tool_call><function=f><parameter=a>b)"},
      {functionary, "all\nHello >>> you\n>>>f\n{\"a\": 1}\n>>>g\n{}",
       R"(text(Hello >>> you)call(f,,{"a": 1})call(g,,{}))"},
      {functionary, ">>>f\n{}", "call(f,,{})"},
      {functionary, "Just words. And more\nlines", "text(Just words. And more\nlines)"},
  };
}

TEST(AnswerParser, TellsTextThoughtsAndCalls) {
  for (const Case& c : cases()) EXPECT_EQ(parsed(c, {}), c.expected) << c.answer;
}

TEST(AnswerParser, AnySplitGivesTheSameEvents) {
  for (const Case& c : cases()) {
    std::vector<std::size_t> all;
    for (std::size_t i = 1; i < c.answer.size(); ++i) all.push_back(i);
    EXPECT_EQ(parsed(c, all), c.expected) << "byte by byte: " << c.answer;
    for (std::size_t i = 0; i <= c.answer.size(); ++i) {
      EXPECT_EQ(parsed(c, {i}), c.expected) << "cut at " << i << ": " << c.answer;
      for (std::size_t j = i; j <= std::min(i + 9, c.answer.size()); ++j) {
        EXPECT_EQ(parsed(c, {i, j}), c.expected) << "cut at " << i << " and " << j << ": " << c.answer;
      }
    }
  }
}

// Every cut answer, too: what is held back comes out in the end, whichever way the pieces fell.
TEST(AnswerParser, EveryCutAnswerGivesTheSameEventsWhole) {
  for (Case c : cases()) {
    const std::string whole = c.answer;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      c.answer = whole.substr(0, size);
      std::vector<std::size_t> all;
      for (std::size_t i = 1; i < size; ++i) all.push_back(i);
      EXPECT_EQ(parsed(c, all), parsed(c, {})) << c.answer;
    }
  }
}

TEST(AnswerParser, HoldsBackOnlyWhatMayBeAMark) {
  const auto parser = make_answer_parser(ToolFormat::hermes, false, false);
  std::vector<TextEvent> events;
  parser->push("Hello <tool", events);
  EXPECT_EQ(told(events), "text(Hello)");
  parser->push("s are", events);
  EXPECT_EQ(told(events), "text(Hello <tools are)");
  parser->push(" sharp\xC3", events);
  EXPECT_EQ(told(events), "text(Hello <tools are sharp)");
}

// Values that stand as plain text become what the function's schema asks for.
TEST(AnswerParser, PlainArgumentsHaveTheKindThatTheSchemaAllows) {
  const auto read = [](const std::string& value, unsigned kinds) {
    const auto parser = make_answer_parser(ToolFormat::qwen_xml, false, false,
                                           [kinds](std::string_view function, std::string_view argument) {
                                             EXPECT_EQ(function, "f");
                                             EXPECT_EQ(argument, "a");
                                             return kinds;
                                           });
    std::vector<TextEvent> events;
    parser->push("<tool_call>\n<function=f>\n<parameter=a>\n" + value + "\n</parameter>\n</function>\n</tool_call>",
                 events);
    parser->finish(events);
    return told(events);
  };
  struct Row {
    const char* value;
    unsigned kinds;
    const char* expected;
  };
  for (const Row& row :
       {Row{"007", kTextArgument, R"("007")"}, Row{"42", kTextArgument, R"("42")"}, Row{"42", kNumberArgument, "42"},
        Row{"42", 0, "42"}, Row{"42", kTextArgument | kNumberArgument, "42"}, Row{"True", kTextArgument, R"("True")"},
        Row{"True", kBooleanArgument, "true"}, Row{"None", kTextArgument | kNullArgument, "null"},
        Row{"None", kTextArgument, R"("None")"}, Row{R"({"b": [1]})", kTextArgument, R"("{\"b\": [1]}")"},
        Row{R"({"b": [1]})", kObjectArgument, R"({"b": [1]})"}, Row{"[1, 2]", kArrayArgument, "[1, 2]"},
        Row{" 1 ", kTextArgument, R"(" 1 ")"}, Row{"word", kNumberArgument, R"("word")"}})
    EXPECT_EQ(read(row.value, row.kinds), std::string("call(f,,{\"a\": ") + row.expected + "})") << row.value;
}

TEST(AnswerParser, HostileAnswersEnd) {
  for (const ToolFormat format : {ToolFormat::hermes, ToolFormat::llama3, ToolFormat::mistral, ToolFormat::deepseek,
                                  ToolFormat::qwen_xml, ToolFormat::functionary}) {
    for (const std::string unit :
         {"<tool_call>{\"a\":", "[TOOL_CALLS][{", "<function=f><parameter=a>", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{",
          ">>>f\n{\"", "{", "[", "<|python_tag|>", " ", "<", "\xC3"}) {
      std::string text;
      while (text.size() < (5u << 18)) text += unit;  // more than one call may hold
      const auto parser = make_answer_parser(format, true, false);
      std::vector<TextEvent> events;
      for (std::size_t i = 0; i < text.size(); i += 9999) parser->push(std::string_view(text).substr(i, 9999), events);
      parser->finish(events);
      std::size_t size = 0;
      for (const TextEvent& event : events) size += event.text.size();
      EXPECT_LE(size, text.size());
    }
  }
}

}  // namespace
}  // namespace tollgate::local
