// What the tests of Converse share: a request read and written again, by its own caller or for a model.
#pragma once

#include <string>
#include <string_view>

#include "gateway/dialects/translate.h"
#include "recorded_rounds.h"

namespace tollgate::gateway {

inline constexpr std::string_view kClaude45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
inline constexpr std::string_view kNova2 = "us.amazon.nova-2-lite-v1:0";

inline chat::Request converse_request(std::string_view body) {
  auto request = bedrock_converse().read_request(body, {.model = kClaude45});
  EXPECT_TRUE(request) << request.error().message;
  return request ? *request : chat::Request();
}

// As another dialect's request is written for this model.
inline Json converse_body(const chat::Request& request, std::string_view model, chat::Losses& losses,
                          bool stream = false) {
  auto body = bedrock_converse().write_request(request, {.model = model, .stream = stream}, losses);
  EXPECT_TRUE(body) << body.error().message;
  return body ? json_of(*body) : Json();
}
inline Json converse_body(const chat::Request& request, std::string_view model = kClaude45) {
  chat::Losses losses;
  Json body = converse_body(request, model, losses);
  EXPECT_TRUE(losses.empty()) << losses.names().front();
  return body;
}

// As its own caller's request is written.
inline Json converse_again(std::string_view body, std::string_view model = kClaude45) {
  chat::Losses losses;
  auto again = bedrock_converse().write_request(converse_request(body), {.model = model, .same_dialect = true}, losses);
  EXPECT_TRUE(again);
  EXPECT_TRUE(losses.empty());
  return again ? json_of(*again) : Json();
}

inline chat::Part text_part(std::string text) {
  chat::Part part;
  part.what = chat::Text{.text = std::move(text)};
  return part;
}

inline void add_message(chat::Request& request, chat::Role role, std::vector<chat::Part> parts) {
  chat::Message& message = request.messages.emplace_back();
  message.role = role;
  message.parts = std::move(parts);
}

inline chat::Request asking(std::string text = "hello") {
  chat::Request request;
  add_message(request, chat::Role::user, {text_part(std::move(text))});
  return request;
}

using Names = std::vector<std::string>;

inline chat::Part call_part(std::string id, std::string name, std::string arguments) {
  chat::Part part;
  part.what = chat::ToolCall{.id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)};
  return part;
}

inline chat::Part result_part(std::string id, std::string text, bool is_error = false) {
  chat::Part part;
  chat::ToolResult result;
  result.call_id = std::move(id);
  result.is_error = is_error;
  result.content.push_back(text_part(std::move(text)));
  part.what = std::move(result);
  return part;
}

inline chat::Part media_part(chat::Media media) {
  chat::Part part;
  part.what = std::move(media);
  return part;
}

inline chat::Part thinking_part(std::string text, std::string signature, std::string origin) {
  chat::Part part;
  chat::Thinking thinking;
  thinking.text = std::move(text);
  thinking.signature = {.value = std::move(signature), .origin = std::move(origin)};
  part.what = std::move(thinking);
  return part;
}

inline void add_tool(chat::Request& request, std::string name = "look_up",
                     std::string parameters = R"({"type":"object"})") {
  chat::Tool& tool = request.tools.emplace_back();
  tool.name = std::move(name);
  tool.parameters = std::move(parameters);
}

inline Json of(const char* text) { return json_of(text); }

// Losses for this model; the body is not of interest.
inline Names lost(const chat::Request& request, std::string_view model = kClaude45) {
  chat::Losses losses;
  converse_body(request, model, losses);
  return losses.names();
}

}  // namespace tollgate::gateway
