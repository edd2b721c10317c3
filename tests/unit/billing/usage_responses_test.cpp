// UsageReader: the Responses API, whole and streamed.
#include "billing/usage_reader.h"

#include <gtest/gtest.h>

#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using test::padded;
using enum Bucket;

Usage read_reply(UsageDialect dialect, std::string_view body, UsageFlags flags = {}) {
  UsageReader reader;
  reader.reset(dialect, flags);
  const std::string text = padded(body);
  reader.reply(text);
  return reader.usage();
}

constexpr std::string_view kResponse =
    R"({"id":"resp_1","object":"response","model":"gpt-5","service_tier":"default","status":"completed","error":null,"output":[
    {"type":"web_search_call","action":{"type":"search"}},{"type":"web_search_call","action":{"type":"open_page"}},
    {"type":"web_search_call"},{"type":"reasoning"},{"type":"file_search_call"},
    {"type":"code_interpreter_call","container_id":"c1"},{"type":"code_interpreter_call","container_id":"c1"},
    {"type":"message","content":[]}],
    "usage":{"input_tokens":20000,"input_tokens_details":{"cached_tokens":5000,"cache_write_tokens":14000},
    "output_tokens":500,"output_tokens_details":{"reasoning_tokens":300},"total_tokens":20500}})";

void expect_response(const Usage& u) {
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 1000);
  EXPECT_EQ(u[cache_read], 5000);
  EXPECT_EQ(u[cache_write_5m], 14000);
  EXPECT_EQ(u[output], 200);
  EXPECT_EQ(u[reasoning], 300);
  EXPECT_EQ(u[web_search], 2);  // opening a found page is free
  EXPECT_EQ(u[file_search], 1);
  EXPECT_EQ(u[code_execution], 1);  // one container
  EXPECT_EQ(u.served_tier, "default");
}

TEST(UsageResponses, FeesComeFromWhatWasCalled) {
  expect_response(read_reply(UsageDialect::openai_responses, kResponse));
  EXPECT_EQ(
      read_reply(
          UsageDialect::openai_responses,
          R"({"tools":[{"type":"web_search"}],"output":[{"type":"function_call"}],"usage":{"input_tokens":1,"output_tokens":1}})")
          [web_search],
      0);
}

TEST(UsageResponses, TheVendorsOwnToolCountWins) {
  EXPECT_EQ(
      read_reply(
          UsageDialect::openai_responses,
          R"({"output":[{"type":"web_search_call"},{"type":"web_search_call"}],"tool_usage":{"web_search":{"num_requests":1}},
                       "usage":{"input_tokens":1,"output_tokens":1}})")[web_search],
      1);
}

TEST(UsageResponses, NamelessEventWithItsTypeLast) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "",
      R"({"response":{"output":[{"type":"message"}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}},"type":"response.completed"})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[output], 4);
}

TEST(UsageResponses, StreamEndsWithTheWholeResponse) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "response.created",
      R"({"type":"response.created","response":{"id":"resp_1","model":"gpt-5","usage":null,"error":null,"output":[]}})");
  EXPECT_EQ(reader.served_model(), "gpt-5");
  reader.event("response.output_item.added",
               R"({"type":"response.output_item.added","item":{"type":"message","content":[]}})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("response.output_text.delta",
               R"({"type":"response.output_text.delta","delta":"Hello","obfuscation":"abcdefgh"})");
  EXPECT_TRUE(reader.saw_content());
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("response.completed", R"({"type":"response.completed","response":)" + std::string(kResponse) + "}");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_FALSE(reader.saw_error());
  EXPECT_EQ(reader.provider_request_id(), "resp_1");
  expect_response(reader.usage());
}

TEST(UsageResponses, FailureIsAnErrorAndTerminal) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "",
      R"({"type":"response.failed","response":{"id":"r","error":{"code":"server_error","message":"x"},"usage":null}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "server_error");
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "response.incomplete",
      R"({"type":"response.incomplete","response":{"error":null,"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_FALSE(reader.saw_error());
  EXPECT_EQ(reader.usage()[output], 4);
}

}  // namespace
}  // namespace tollgate::billing
