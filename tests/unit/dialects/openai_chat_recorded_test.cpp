// openai.chat over every recorded exchange of its form.
#include <cstdio>

#include "billing/usage_reader.h"
#include "openai_chat_recorded.h"
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace oai_test;

bool is_plain_text(const Json& part) {
  return part.is_object() && part.size() == 2 && part.contains("text") && part.value("type", "") == "text";
}

void drop_empty_lists(Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (object.contains(name) && object[name].is_array() && object[name].empty()) object.erase(name);
}

void rename(Json& object, const char* from, const char* to) {
  if (!object.contains(from)) return;
  object[to] = object[from];
  object.erase(from);
}

// Spellings of one meaning that the writer does not keep apart: a lone text in a list, a mark on the message instead of
// its last part, a lone stop word, the two names of the output limit; lists without elements.
Json plainly(Json request) {
  for (Json& message : request["messages"]) {
    drop_empty_lists(message, {"annotations", "tool_calls", "content"});
    Json& content = message["content"];
    if (content.is_array() && content.size() == 1 && is_plain_text(content[0])) content = Json(content[0]["text"]);
    if (message.contains("cache_control") && content.is_string()) {
      Json part = Json::object();
      part["type"] = "text";
      part["text"] = content;
      part["cache_control"] = message["cache_control"];
      content = Json::array({part});
      message.erase("cache_control");
    }
  }
  if (request.contains("stop") && request["stop"].is_string()) request["stop"] = Json::array({request["stop"]});
  drop_empty_lists(request, {"tools"});
  rename(request, "max_tokens", "max_completion_tokens");
  return request;
}

TEST(OpenAiChatRecorded, RequestsReadAndWrittenMeanTheSame) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Comparison comparison("requests",
                        {
                            {"stream", "false is the default"},
                            {"stream_options", "usage is always asked for"},
                            {"stream_options.include_usage", "usage is always asked for"},
                            {"functions", "written by its newer name"},
                            {"function_call", "written by its newer name"},
                            {"tools", "functions by their newer name"},
                            {"tool_choice", "function_call by its newer name"},
                            {"tools[].type", "\"function\" is the default"},
                            {"thinking", "switched on where an effort is asked of a vendor that has a switch"},
                            {"messages[].content[].image_url", "a bare URL becomes an object"},
                            {"messages[].content[].thinking[]", "pieces of one thought become one"},
                            {"messages[].content[].thinking[].text", "pieces of one thought become one"},
                        });
  std::size_t without = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!one.request.is_object()) return static_cast<void>(++without);
    auto request = openai_chat().read_request(dump_json(one.request), {});
    ASSERT_TRUE(request) << one.id << " " << request.error().message;
    chat::Losses losses;
    const WriteContext context{
        .model = request->model, .stream = request->stream, .quirks = quirks_of(one.provider), .same_dialect = true};
    auto body = openai_chat().write_request(*request, context, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << " " << losses.names().front();
    comparison.compare(one.id, plainly(one.request), plainly(json(*body)));
  });
  std::printf("requests: %zu exchanges without one\n", without);
}

// What vendors spell differently in replies, in the words that the writer has.
void spell_message(Json& message) {
  drop_empty_lists(message, {"annotations", "tool_calls"});
  if (message.value("refusal", Json()) == "") message["refusal"] = nullptr;
  std::string text, thought, detailed;
  if (message["content"].is_array()) {  // Mistral
    for (const Json& part : message["content"]) {
      if (part["type"] == "text") text += part["text"].get<std::string>();
      if (part["type"] == "thinking")
        for (const Json& piece : part["thinking"]) thought += piece["text"].get<std::string>();
    }
    message["content"] = text;
  }
  if (message.contains("reasoning_details"))
    for (const Json& detail : message["reasoning_details"])
      for (const char* name : {"text", "summary"})
        if (detail.contains(name) && detail[name].is_string()) detailed += detail[name].get<std::string>();
  for (const char* name : {"reasoning", "reasoning_content"})
    if (message.contains(name) && message[name].is_string() && thought.empty()) thought = message[name];
  message.erase("reasoning");
  message.erase("reasoning_content");
  if (!thought.empty() || !detailed.empty()) message["reasoning_content"] = thought.empty() ? detailed : thought;
}

Json spelled(Json reply) {
  for (const char* name : {"service_tier", "system_fingerprint"})
    if (reply.value(name, Json()) == "") reply.erase(name);
  if (reply.value("id", "") == "") reply["id"] = "chatcmpl-made";
  if (!reply.contains("created")) reply["created"] = 0;
  if (!reply.contains("model")) reply["model"] = "";
  reply["object"] = "chat.completion";
  for (Json& choice : reply["choices"]) {
    if (choice.contains("message")) spell_message(choice["message"]);
    if (choice.value("finish_reason", Json()) == "") choice["finish_reason"] = nullptr;
    const Json logprobs = choice.value("logprobs", Json());
    if (logprobs.is_object() && logprobs == Json{{"content", nullptr}, {"refusal", nullptr}})
      choice["logprobs"] = nullptr;
  }
  return reply;
}

TEST(OpenAiChatRecorded, RepliesReadAndWrittenMeanTheSame) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Comparison comparison("replies",
                        {
                            {"choices[].delta", "Perplexity repeats the message here"},
                            {"choices[].message", "two fixtures have none"},
                            {"choices[].message.audio", "an empty object of Snowflake's"},
                            {"choices[].message.function_call", "empty, or told as a tool's call"},
                            {"choices[].message.tool_calls", "function_call by its newer name"},
                            {"choices[].message.tool_calls[].custom", "an empty object of Snowflake's"},
                            {"choices[].message.tool_calls[].id", "made where the vendor gave none"},
                            {"choices[].message.tool_calls[].type", "\"function\" is the default"},
                            {"choices[].message.tool_calls[].extra_content", "a message's signature is its call's"},
                            {"choices[].message.extra_content", "a message's signature is its call's"},
                            {"choices[].message.extra_content.google.thought", "says no more than the signature"},
                            {"choices[].message.reasoning_details[].index", "counted anew"},
                            {"choices[].message.reasoning_details[].type", "a signature without a text"},
                            {"choices[].message.reasoning_details[].data", "a signature without a text"},
                            {"choices[].message.reasoning_details[].signature", "a signature without a text"},
                        });
  std::size_t unread = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!answered(one) || is_stream(one)) return;
    auto reply = openai_chat().read_reply(one.reply);
    if (!reply) {
      ++unread;
      std::printf("  no reply: %s %s\n", one.id.c_str(), reply.error().message.substr(0, 100).c_str());
      return;
    }
    reply->usage = usage_of(one, one.reply);
    const Json recorded = json(one.reply);
    comparison.compare(one.id, spelled(recorded), spelled(json(openai_chat().write_reply(*reply, {.id = "made"}))));
  });
  EXPECT_EQ(unread, 3u);
}

// The usage that a caller of this form gets for what the ledger holds: the vendor's own totals, cached inside.
TEST(OpenAiChatRecorded, UsageWrittenFromTheBucketsHasTheVendorsTotals) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t count = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!answered(one) || !one.usage.is_object()) return;
    chat::Reply reply;
    reply.usage = usage_of(one, wire(one));
    if (!reply.usage.reported || !reply.usage.identity_ok) return;
    ++count;
    const Json written = json(openai_chat().write_reply(reply, {}))["usage"];
    const auto number = [&](const char* name) {
      return one.usage.contains(name) && one.usage[name].is_number() ? one.usage[name].get<std::int64_t>() : 0;
    };
    EXPECT_EQ(written["prompt_tokens"], number("prompt_tokens")) << one.id;
    const std::int64_t total = number("total_tokens");
    if (total > 0) EXPECT_EQ(written["total_tokens"], total) << one.id;
    EXPECT_EQ(written["total_tokens"],
              written["prompt_tokens"].get<std::int64_t>() + written["completion_tokens"].get<std::int64_t>())
        << one.id;
    const Json details = one.usage.value("prompt_tokens_details", Json());
    if (details.is_object() && details.value("cached_tokens", Json()).is_number_integer() &&
        details["cached_tokens"] <= number("prompt_tokens"))
      EXPECT_EQ(written["prompt_tokens_details"]["cached_tokens"], details["cached_tokens"]) << one.id;
  });
  std::printf("usage: %zu written from buckets\n", count);
  EXPECT_GT(count, 700u);
}

// ---- streams

}  // namespace
}  // namespace tollgate::gateway
