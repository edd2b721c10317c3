// What a local answer costs and how pieces become the events of a chat.
#include <gtest/gtest.h>

#include "gateway/local/chat_answer.h"

namespace tollgate::gateway {
namespace {

using local::StopReason;
using local::ToolFormat;

std::string cost(std::int64_t machine_us, const char* hourly) {
  return machine_cost(machine_us, *Money::parse(hourly)).to_string();
}

TEST(MachineCost, IsExactAndRoundsHalfToEvenInTheFifteenthDecimal) {
  EXPECT_EQ(cost(3'600'000'000, "0.12"), "0.12");
  EXPECT_EQ(cost(0, "0.12"), "0");
  EXPECT_EQ(cost(30'000'000, "0.12"), "0.001");
  EXPECT_EQ(cost(1, "0.12"), "0.000000000033333");  // 0.12 / 3.6e9 = 3.33..e-11
  EXPECT_EQ(cost(2, "0.12"), "0.000000000066667");
  // Half a femtodollar: to the even neighbour.
  EXPECT_EQ(cost(1, "0.0000018"), "0");
  EXPECT_EQ(cost(3, "0.0000018"), "0.000000000000002");
  EXPECT_EQ(cost(5, "0.0000018"), "0.000000000000002");
  // A year of the dearest machine does not overflow.
  EXPECT_EQ(cost(31'536'000'000'000, "1000"), "8760000");
}

chat::Reply folded(const chat::Events& events) {
  chat::Fold fold;
  chat::Event start;
  start.kind = chat::Event::Kind::start;
  fold.add(start);
  for (const chat::Event& event : events) fold.add(event);
  chat::Event end;
  end.kind = chat::Event::Kind::end;
  fold.add(end);
  return fold.reply();
}

TEST(ChoiceEvents, TextThoughtsAndCallsBecomeParts) {
  ChoiceEvents choice(0, ToolFormat::hermes, true, false);
  chat::Events events;
  for (const char* piece : {"<thi", "nk>let me", " see</think>", "I call", " it. <tool_call>", R"({"name": "f", "argu)",
                            R"(ments": {"a": 1}})", "</tool_call>"})
    choice.piece({.text = piece, .logprobs = {}}, events);
  choice.end(StopReason::end_token, "", "", events);
  const chat::Reply reply = folded(events);
  ASSERT_EQ(reply.choices.size(), 1u);
  const chat::Choice& told = reply.choices[0];
  EXPECT_EQ(told.finish, chat::Finish::tool_calls);
  std::string thoughts, text, name, arguments;
  for (const chat::Part& part : told.parts) {
    if (const auto* thought = part.get<chat::Thinking>()) thoughts += thought->text;
    if (const auto* said = part.get<chat::Text>()) text += said->text;
    if (const auto* call = part.get<chat::ToolCall>()) {
      name = call->name;
      arguments = call->arguments;
      EXPECT_FALSE(call->id.empty());
    }
  }
  EXPECT_EQ(thoughts, "let me see");
  EXPECT_NE(text.find("I call it."), std::string::npos);
  EXPECT_EQ(name, "f");
  EXPECT_NE(arguments.find("\"a\""), std::string::npos);
  EXPECT_GT(choice.thinking_tokens(), 0);
}

TEST(ChoiceEvents, EveryEndHasItsReason) {
  const auto finish = [](StopReason reason, std::string_view stop) {
    ChoiceEvents choice(0, ToolFormat::none, false, false);
    chat::Events events;
    choice.piece({.text = "a", .logprobs = {}}, events);
    choice.end(reason, "b", stop, events);
    return folded(events).choices.at(0);
  };
  EXPECT_EQ(finish(StopReason::end_token, "").finish, chat::Finish::stop);
  EXPECT_EQ(finish(StopReason::length, "").finish, chat::Finish::length);
  EXPECT_EQ(finish(StopReason::length, "").finish_raw, "length");
  EXPECT_EQ(finish(StopReason::stop, "END").finish, chat::Finish::stop_sequence);
  EXPECT_EQ(finish(StopReason::stop, "END").stop_sequence, "END");
  EXPECT_EQ(chat::joined_text(finish(StopReason::end_token, "").parts), "ab");
}

TEST(LocalUsage, BucketsAndTheVendorsOwnFormAgree) {
  const AnswerTotals totals{
      .prompt_tokens = 100, .cached_tokens = 64, .answer_tokens = 20, .thinking_tokens = 5, .machine_us = 30'000};
  const Usage usage = usage_of(totals, *Money::parse("0.12"));
  EXPECT_EQ(usage[Bucket::input], 36);
  EXPECT_EQ(usage[Bucket::cache_read], 64);
  EXPECT_EQ(usage[Bucket::output], 15);
  EXPECT_EQ(usage[Bucket::reasoning], 5);
  EXPECT_EQ(usage.raw,
            R"({"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,)"
            R"("prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":5},)"
            R"("machine_us":30000,"cost":0.000001})");
  EXPECT_EQ(usage_of(totals, std::nullopt).raw.find("cost"), std::string::npos);
}

}  // namespace
}  // namespace tollgate::gateway
