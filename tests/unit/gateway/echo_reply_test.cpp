// The echo vendor: its replies are read by the same code as a real vendor's, and the numbers agree.
#include <gtest/gtest.h>

#include "billing/usage_reader.h"
#include "core/json.h"
#include "core/sse.h"
#include "gateway/echo.h"
#include "gateway/surface.h"

namespace tollgate::gateway {
namespace {

std::string request_for(const Surface& surface, std::string_view text, bool stream) {
  std::string quoted;
  json_escape(quoted, text);
  const std::string rest =
      R"("model":"echo",)" + std::string(stream ? R"("stream":true,"stream_options":{"include_usage":true},)" : "");
  switch (surface.id) {
    case SurfaceId::responses:
    case SurfaceId::embeddings:
      return "{" + rest + R"("input":")" + quoted + "\"}";
    case SurfaceId::completions:
      return "{" + rest + R"("prompt":")" + quoted + "\"}";
    default:
      return "{" + rest + R"("messages":[{"role":"user","content":[{"type":"text","text":")" + quoted + "\"}]}]}";
  }
}

billing::UsageReader read(const Surface& surface, EchoReply& reply) {
  billing::UsageReader reader;
  reader.reset(surface.usage, {});
  if (!reply.stream) {
    const std::size_t size = reply.body.size();
    reply.body.append(kJsonPadding, '\0');
    reader.reply(std::string_view(reply.body).substr(0, size));
    return reader;
  }
  SseScanner scanner;
  scanner.feed(reply.body);
  for (SseEvent event; scanner.next(event);) reader.event(event.event, event.data);
  EXPECT_TRUE(reader.saw_terminal()) << surface.name;
  EXPECT_TRUE(reader.saw_content()) << surface.name;
  return reader;
}

TEST(EchoReply, EverySurfaceReportsItsUsage) {
  const std::string text(40, 'a');
  for (const std::string_view name : default_surfaces("echo")) {
    const Surface& surface = *surface_named(name);
    for (const bool stream : {false, true}) {
      if (stream && !surface.generates()) continue;
      EchoReply reply = echo_reply(surface.client_path, request_for(surface, text, stream));
      ASSERT_EQ(reply.status, 200) << surface.name;
      ASSERT_EQ(reply.stream, stream) << surface.name;
      billing::UsageReader reader = read(surface, reply);
      ASSERT_TRUE(reader.usage().reported) << surface.name << stream;
      EXPECT_EQ(reader.usage()[Bucket::input], 10) << surface.name << stream;
      EXPECT_EQ(reader.usage()[Bucket::output], surface.generates() ? 12 : 0)
          << surface.name << stream;  // "echo: " too
      EXPECT_EQ(reader.served_model(), "echo") << surface.name << stream;
    }
  }
}

TEST(EchoReply, RepeatsTheLastMessageUncutInsideCharacters) {
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += "\xe2\x82\xac";  // 9,000 bytes: longer than what is repeated
  const EchoReply reply = echo_reply(
      "/v1/chat/completions",
      R"({"model":"m","messages":[{"role":"user","content":"first"},{"role":"user","content":")" + text + "\"}]}");
  JsonReader reader;
  auto root = reader.parse(reply.body);
  ASSERT_TRUE(root);
  const auto said = (*root)["choices"].at(0)["message"]["content"].as_string();
  ASSERT_TRUE(said);
  ASSERT_TRUE(said->starts_with("echo: "));
  EXPECT_EQ(said->find("\xef\xbf\xbd"), std::string_view::npos);
  EXPECT_EQ((said->size() - 6) % 3, 0u);
  EXPECT_LT(said->size(), 4'200u);
}

TEST(EchoReply, StreamsGiveTheWholeTextInPieces) {
  const EchoReply reply = echo_reply(
      "/v1/messages", R"({"model":"m","stream":true,"messages":[{"role":"user","content":"one two three four"}]})");
  SseScanner scanner;
  scanner.feed(reply.body);
  std::string said;
  for (SseEvent event; scanner.next(event);) {
    JsonReader reader;
    if (auto root = reader.parse(event.data)) said += (*root)["delta"]["text"].as_string().value_or("");
  }
  EXPECT_EQ(said, "echo: one two three four");
}

TEST(EchoReply, OddRequestsGetAnAnswer) {
  EXPECT_EQ(echo_reply("/v1/chat/completions", "not json").status, 400);
  for (const char* body : {"{}", "[]", R"({"messages":[]})", R"({"messages":"x"})", R"({"messages":[1,null]})",
                           R"({"input":[{"content":[{"type":"image"}]}]})"})
    EXPECT_EQ(echo_reply("/v1/responses", body).status, 200) << body;
}

}  // namespace
}  // namespace tollgate::gateway
