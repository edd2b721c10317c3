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

}  // namespace tollgate::gateway
