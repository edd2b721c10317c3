// Every recorded Messages exchange: what is read and written again in the same dialect is the same.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "anthropic_testing.h"
#include "billing/usage_reader.h"
#include "exchange_corpus.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

// A difference that is meant. `left`, `right`: how the values begin; "" = any.
struct Exception {
  std::string_view path, left, right, why;
};

class Comparison {
 public:
  explicit Comparison(std::vector<Exception> exceptions) : exceptions_(std::move(exceptions)) {}
  void compare(const std::string& id, const Json& said, const Json& again) {
    ++compared_;
    for (const JsonDifference& one : compare_json(said, again, 100)) {
      if (!is_known(one)) ADD_FAILURE() << id << " " << one.path << ": " << one.left << " became " << one.right;
    }
  }
  void finish(const char* what) {
    std::printf("%zu %s compared\n", compared_, what);
    for (std::size_t i = 0; i < exceptions_.size(); ++i) {
      std::printf("  %5zu x %s: %s\n", seen_[i], std::string(exceptions_[i].path).c_str(),
                  std::string(exceptions_[i].why).c_str());
      EXPECT_GT(seen_[i], 0u) << exceptions_[i].path << " is listed as an exception, but does not occur";
    }
  }
  std::size_t compared() const { return compared_; }

 private:
  bool is_known(const JsonDifference& one) {
    const std::string path = general_path(one.path);
    for (std::size_t i = 0; i < exceptions_.size(); ++i) {
      const Exception& known = exceptions_[i];
      if (known.path != path || !one.left.starts_with(known.left) || !one.right.starts_with(known.right)) continue;
      ++seen_[i];
      return true;
    }
    return false;
  }

  std::vector<Exception> exceptions_;
  std::map<std::size_t, std::size_t> seen_;
  std::size_t compared_ = 0;
};

// Calls `see` with every exchange whose request or reply is in this dialect.
void each_recorded(const std::function<void(const RecordedExchange&, const Quirks&)>& see) {
  each_exchange("anthropic-messages", "messages", [&](const RecordedExchange& one) { see(one, {}); });
  each_exchange("anthropic-vertex", "", [&](const RecordedExchange& one) { see(one, {.vertex_body = true}); });
  for (const char* endpoint : {"invoke", "invoke-stream"})
    each_exchange("bedrock-invoke", endpoint, [&](const RecordedExchange& one) {
      if (one.request.contains("anthropic_version")) see(one, {.bedrock_body = true});
    });
}

std::vector<Exception> request_exceptions() {
  return {{"messages[].content[].is_error", "false", "(absent)", "the default"},
          {"tools[].description", "\"\"", "(absent)", "an empty description says nothing"}};
}

TEST(AnthropicRecorded, RequestsComeBackAsTheyWere) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::vector<Exception> exceptions = request_exceptions();
  constexpr std::string_view kText = "a string is short for one text block", kTextBlock = "[{\"type\":\"text\"";
  exceptions.insert(exceptions.end(), {{"messages[].content", "\"", kTextBlock, kText},
                                       {"messages[].content[].content", "\"", kTextBlock, kText},
                                       {"system", "\"\"", "(absent)", "an empty system text says nothing"},
                                       {"system", "\"", kTextBlock, kText},
                                       {"stream", "false", "(absent)", "the default"}});
  Comparison comparison(exceptions);
  each_recorded([&](const RecordedExchange& one, const Quirks& quirks) {
    if (!one.request.is_object()) return;
    const auto request = anthropic().read_request(dump_json(one.request), {});
    ASSERT_TRUE(request) << one.id << ": " << request.error().message;
    chat::Losses losses;
    const auto body = anthropic().write_request(
        *request, {.model = request->model, .stream = request->stream, .quirks = quirks, .same_dialect = true}, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << ": " << losses.names().front();
    comparison.compare(one.id, one.request, parsed(*body));
  });
  comparison.finish("requests");
  EXPECT_GT(comparison.compared(), 300u);
}

// What these requests ask is sent to another model in full, but for what the list says.
TEST(AnthropicRecorded, TranslatedRequestsKeepTheirTurns) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::map<std::string, std::size_t> lost;
  std::size_t count = 0;
  each_recorded([&](const RecordedExchange& one, const Quirks& quirks) {
    if (!one.request.is_object()) return;
    const auto request = anthropic().read_request(dump_json(one.request), {});
    ASSERT_TRUE(request);
    chat::Losses losses;
    const auto body = anthropic().write_request(*request, {.model = request->model, .quirks = quirks}, losses);
    ASSERT_TRUE(body);
    ++count;
    for (const std::string& name : losses.names()) ++lost[general_path(name)];
    const Json written = parsed(*body);
    ASSERT_FALSE(written["messages"].empty()) << one.id;
    EXPECT_EQ(written["messages"][0]["role"], "user") << one.id;
    for (std::size_t i = 0; i < written["messages"].size(); ++i) {
      EXPECT_FALSE(written["messages"][i]["content"].empty()) << one.id;
      if (i > 0) EXPECT_NE(written["messages"][i]["role"], written["messages"][i - 1]["role"]) << one.id;
    }
  });
  std::printf("%zu requests written as translations; lost:\n", count);
  for (const auto& [name, times] : lost) std::printf("  %5zu x %s\n", times, name.c_str());
}

Json reply_as_written(const RecordedExchange& one) {
  auto reply = anthropic().read_reply(one.reply);
  EXPECT_TRUE(reply) << one.id << ": " << (reply ? "" : reply.error().message);
  if (!reply) return {};
  billing::UsageReader usage;
  usage.reset(billing::UsageDialect::anthropic_messages, {});
  std::string padded = one.reply;
  padded.reserve(padded.size() + kJsonPadding);
  usage.reply(padded);
  reply->usage = usage.usage();
  return parsed(anthropic().write_reply(*reply, {}));
}

// Several models may work on one reply: `iterations` tells each one's tokens, and callers are told the sum.
Json with_sums(Json message) {
  if (!message.contains("usage") || !message["usage"].contains("iterations")) return message;
  for (const char* name : {"input_tokens", "output_tokens"}) {
    std::int64_t sum = 0;
    for (const Json& one : message["usage"]["iterations"]) sum += one.value(name, 0);
    message["usage"][name] = sum;
  }
  return message;
}

std::vector<Exception> usage_exceptions() {
  return {{"usage.inference_geo", "\"not_available\"", "(absent)", "says that nothing is said"},
          {"usage.cache_creation", "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0}", "(absent)",
           "nothing was written"},
          {"usage.cache_creation", "{\"ephemeral_1h_input_tokens\":0,\"ephemeral_5m_input_tokens\":0}", "(absent)",
           "nothing was written"},
          {"usage.output_tokens_details", "{\"thinking_tokens\":0}", "(absent)", "it did not think"},
          {"usage.server_tool_use", "{\"web_search_requests\":0", "(absent)", "nothing was searched"},
          {"usage.server_tool_use", "{\"web_fetch_requests\":0", "(absent)", "nothing was fetched"},
          {"usage.pydantic_ai_gateway", "", "(absent)", "somebody else's estimate"},
          {"usage.iterations", "[", "(absent)", "their sum is told"}};
}

TEST(AnthropicRecorded, RepliesComeBackAsTheyWere) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::vector<Exception> exceptions = usage_exceptions();
  exceptions.insert(exceptions.end(),
                    {{"usage", "(absent)", "{", "callers expect one"},
                     {"usage.cache_creation", "(absent)", "{", "writes without a lifetime are short-lived"},
                     {"usage.cache_creation_input_tokens", "(absent)", "0", "always told"},
                     {"usage.cache_read_input_tokens", "(absent)", "0", "always told"}});
  Comparison comparison(exceptions);
  each_recorded([&](const RecordedExchange& one, const Quirks&) {
    if (one.stream || one.status != 200) return;
    comparison.compare(one.id, with_sums(parsed(one.reply)), reply_as_written(one));
  });
  comparison.finish("replies");
  EXPECT_GT(comparison.compared(), 150u);
}

TEST(AnthropicRecorded, CountsOfTokens) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Comparison comparison(request_exceptions());
  std::size_t replies = 0;
  each_exchange("anthropic-messages", "messages.count_tokens", [&](const RecordedExchange& one) {
    const auto request = anthropic().read_request(dump_json(one.request), {});
    ASSERT_TRUE(request) << one.id;
    chat::Losses losses;
    const auto body = write_count_request(*request, {.model = request->model, .same_dialect = true}, losses);
    ASSERT_TRUE(body);
    comparison.compare(one.id, one.request, parsed(*body));
    if (one.status != 200) return;
    const auto tokens = read_count_reply(one.reply);
    ASSERT_TRUE(tokens) << one.id;
    EXPECT_EQ(parsed(write_count_reply(*tokens))["input_tokens"], parsed(one.reply)["input_tokens"]);
    ++replies;
  });
  comparison.finish("counting requests");
  std::printf("%zu counts\n", replies);
  EXPECT_GT(replies, 5u);
}

TEST(AnthropicRecorded, ErrorsAreUnderstood) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  const std::map<int, std::vector<ErrorKind>> kinds{{400, {ErrorKind::client_fault, ErrorKind::retry_elsewhere}},
                                                    {401, {ErrorKind::auth}},
                                                    {403, {ErrorKind::auth}},
                                                    {404, {ErrorKind::retry_elsewhere}}};
  std::size_t count = 0;
  const auto check = [&](const RecordedExchange& one) {
    if (one.status < 400) return;
    ++count;
    const Error error = anthropic().read_error(one.status, one.reply);
    EXPECT_EQ(error.status, one.status);
    EXPECT_FALSE(error.message.empty()) << one.id;
    EXPECT_NE(one.reply.find(error.message.substr(0, 10)), std::string::npos) << one.id << ": " << error.message;
    const auto& expected = kinds.at(one.status);
    EXPECT_NE(std::find(expected.begin(), expected.end(), error.kind), expected.end()) << one.id << error.message;
    const bool model = error.message.find("model identifier") != std::string::npos;
    if (one.status == 400) EXPECT_EQ(error.kind == ErrorKind::retry_elsewhere, model) << one.id << error.message;
    if (error.message.find("too long") != std::string::npos) EXPECT_EQ(error.code, "context_length_exceeded");
  };
  each_exchange("anthropic-messages", "", check);
  for (const char* endpoint : {"invoke", "invoke-stream"}) each_exchange("bedrock-invoke", endpoint, check);
  std::printf("%zu errors\n", count);
  EXPECT_GT(count, 8u);
}

}  // namespace
}  // namespace tollgate::gateway
