// What call_spelling() spells is what the parser of the same format reads, for every family and every recorded
// template.
#include "local_backend/template/call_spelling.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "../../core/test_data.h"

namespace tollgate::local {
namespace {

using Kind = TextEvent::Kind;

// "name{arguments} name{arguments}", with what else there is as text(..).
std::string read(ToolFormat format, const std::string& answer) {
  const auto parser = make_answer_parser(format, false, false);
  std::vector<TextEvent> events;
  for (const char c : answer) parser->push(std::string_view(&c, 1), events);
  parser->finish(events);
  std::string out;
  for (const TextEvent& event : events) {
    if (event.kind == Kind::call_begin) out += (out.empty() ? "" : " ") + event.text;
    if (event.kind == Kind::call_arguments) out += event.text;
    if (event.kind == Kind::text && event.text.find_first_not_of(" \n") != std::string::npos)
      out += "text(" + event.text + ")";
  }
  return out;
}

std::string spell(const CallSpelling& spelling, bool several) {
  const auto call = [&](const char* name, const char* arguments) {
    return spelling.open + *spelled_name(spelling, name) + spelling.middle + arguments + spelling.close;
  };
  std::string out = spelling.mark + spelling.head + call("get_weather", R"({"a": "x}"})");
  if (several) out += spelling.between + call("wait-2", "{}");
  return out + spelling.tail;
}

void expect_both_ways(ToolFormat format, std::string_view chat_template, const std::string& what) {
  const auto spelling = call_spelling(format, chat_template);
  ASSERT_TRUE(spelling) << what;
  EXPECT_EQ(read(format, spell(*spelling, false)), R"(get_weather{"a": "x}"})") << what;
  if (spelling->several) EXPECT_EQ(read(format, spell(*spelling, true)), R"(get_weather{"a": "x}"} wait-2{})") << what;
}

TEST(CallSpelling, IsWhatTheParserReads) {
  for (const char* source :
       {"<tool_call>\"arguments", "<tool_calls>\"arguments", "<TOOLCALL>\"arguments", "[TOOL_CALLS]",
        "[TOOL_CALLS][ARGS]", "<|python_tag|>{\"name\": function name, \"parameters\"",
        "<function=", "<｜tool▁call▁begin｜>", "<｜tool▁call▁begin｜>```json", ">>>all"})
    expect_both_ways(detect_tool_format(source), source, source);
}

TEST(CallSpelling, SpellsNothingThatNoGrammarHolds) {
  EXPECT_FALSE(call_spelling(ToolFormat::qwen_xml, ""));
  EXPECT_FALSE(call_spelling(ToolFormat::none, ""));
}

TEST(CallSpelling, NamesStandAsTheFormatTakesThem) {
  const auto json = call_spelling(ToolFormat::hermes, "<tool_call>"),
             plain = call_spelling(ToolFormat::functionary, "");
  EXPECT_EQ(spelled_name(*json, "a\"b"), "a\\\"b");
  EXPECT_EQ(spelled_name(*plain, "a.b"), "a.b");
  EXPECT_EQ(spelled_name(*plain, "a\nb"), std::nullopt);
  EXPECT_EQ(spelled_name(*json, ""), std::nullopt);
}

TEST(CallSpelling, HoldsForEveryRecordedTemplate) {
  const std::filesystem::path folder = test_data_dir("chat_templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no recorded data";
  std::map<ToolFormat, int> spelled;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".jinja") continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string source(std::istreambuf_iterator<char>(in), {});
    const ToolFormat format = detect_tool_format(source);
    if (format == ToolFormat::none || format == ToolFormat::qwen_xml) continue;
    expect_both_ways(format, source, file.path().filename());
    ++spelled[format];
  }
  EXPECT_GE(spelled.size(), 4u);
}

}  // namespace
}  // namespace tollgate::local
