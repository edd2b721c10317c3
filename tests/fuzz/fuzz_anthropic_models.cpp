// Any request, read and written as a translation for a model of each generation (first byte) and for the clouds (second
// byte): what is sent must keep the API's rules on turns, results, thinking and limits.
#include <array>

#include "dialect_rounds.h"
#include "gateway/dialects/anthropic.h"

namespace {

using namespace tollgate;
using namespace tollgate::gateway;

constexpr std::array<std::string_view, 8> kModels{"m",
                                                  "claude-3-haiku-20240307",
                                                  "claude-3-7-sonnet-20250219",
                                                  "claude-haiku-4-5",
                                                  "claude-sonnet-4-6",
                                                  "claude-opus-4-8",
                                                  "claude-sonnet-5",
                                                  "claude-fable-5"};

void expect_turns(JsonValue messages, const std::string& body) {
  std::string_view last;
  messages.elements([&](JsonValue message) {
    const std::string_view role = message["role"].as_string().value_or("");
    if (role == last || (last.empty() && role != "user")) broken("turns do not alternate from the user on", body);
    if (role == "system" && last != "user") broken("a system text behind the assistant", body);
    if (last == "system" && role != "assistant") broken("a system text before the user", body);
    if (message["content"].size() == 0) broken("an empty turn", body);
    last = role;
    bool other = false;
    message["content"].elements([&](JsonValue block) {
      const bool result = block["type"].as_string() == "tool_result";
      if (result && other) broken("a result behind other content", body);
      other = other || !result;
    });
  });
  if (last.empty()) broken("no turns", body);
}

void expect_thinking(JsonValue request, const std::string& body) {
  const auto budget = request["thinking"]["budget_tokens"].as_int();
  if (!budget) return;
  if (*budget < 1024 || *budget >= request["max_tokens"].as_int().value_or(0)) broken("a budget out of bounds", body);
  if (request["top_k"].present()) broken("thinking beside top_k", body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto request = anthropic().read_request(input, {});
  if (!request) return 0;
  WriteContext context{.model = kModels[data[0] % kModels.size()], .stream = request->stream};
  context.quirks.bedrock_body = data[1] % 3 == 1;
  context.quirks.vertex_body = data[1] % 3 == 2;
  chat::Losses losses;
  const auto body = anthropic().write_request(*request, context, losses);
  if (!body) broken("a request was refused", body.error().message);
  JsonReader reader;
  const auto written = reader.parse(*body);
  if (!written) broken("no JSON was written", *body);
  if ((*written)["max_tokens"].as_int() == std::nullopt) broken("no max_tokens", *body);
  if ((*written)["model"].present() != (data[1] % 3 == 0)) broken("the model stands where it must not", *body);
  expect_turns((*written)["messages"], *body);
  expect_thinking(*written, *body);
  expect_json(*write_count_request(*request, context, losses));
  return 0;
}
