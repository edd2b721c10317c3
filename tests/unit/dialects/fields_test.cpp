// The tables of fields are promises: each field is tried alone in each dialect, and must come back exactly when the
// table says that it is carried. What is mapped must change the body; what is dropped must not show.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "gateway/dialects/reference.h"
#include "gateway/dialects/translate.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

constexpr std::array kDialects{"openai.chat",      "openai.responses", "anthropic.messages", "gemini.generate",
                               "bedrock.converse", "cohere.chat",      "ollama.chat"};
constexpr std::string_view kPng =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

Request plain() {
  Request request;
  request.model = "m";
  request.messages.push_back({.role = Role::user, .parts = {{.what = Text{.text = "hello"}}}});
  return request;
}

Tool function_tool() {
  Tool tool;
  tool.name = "look_up";
  tool.description = "looks things up";
  tool.parameters = R"({"type":"object","properties":{"q":{"type":"string"}},"required":["q"]})";
  return tool;
}

Request with_tool() {
  Request request = plain();
  request.tools.push_back(function_tool());
  return request;
}

Request with_part(Part part, Role role = Role::user) {
  Request request = plain();
  request.messages.push_back({.role = role, .parts = {std::move(part)}});
  if (role == Role::assistant)
    request.messages.push_back({.role = Role::user, .parts = {{.what = Text{.text = "and now?"}}}});
  return request;
}

Request with_media(Media media) { return with_part({.what = std::move(media)}); }

// A call and its result, in the turn order that every dialect accepts.
Request with_result(ToolResult result) {
  Request request = with_tool();
  request.messages.push_back(
      {.role = Role::assistant,
       .parts = {{.what = ToolCall{.id = "call_1", .name = "look_up", .arguments = R"({"q":"x"})"}}}});
  result.call_id = "call_1";
  request.messages.push_back({.role = Role::user, .parts = {{.what = std::move(result)}}});
  return request;
}

Request with_server_tool(Tool::Kind kind, std::string name, std::string origin, std::string config) {
  Request request = plain();
  Tool tool;
  tool.kind = kind;
  tool.name = std::move(name);
  tool.origin = std::move(origin);
  tool.config = std::move(config);
  request.tools.push_back(std::move(tool));
  return request;
}

template <class Change>
Request changed(Request request, Change&& change) {
  change(request);
  return request;
}

// A request that uses the field, and as little else as may be; nothing for fields that this test cannot isolate. One
// function per group of fields.
Request after_message_of(Role role) {
  return changed(plain(), [&](Request& request) {
    request.messages.insert(request.messages.begin(), {.role = role, .parts = {{.what = Text{.text = "be brief"}}}});
  });
}

template <class Member, class Value>
Request with(Member member, Value value) {
  return changed(plain(), [&](Request& request) { request.*member = value; });
}

std::optional<Request> request_of_content(Field field) {
  using M = Media::Kind;
  switch (field) {
    case Field::system:
      return after_message_of(Role::system);
    case Field::developer:
      return after_message_of(Role::developer);
    case Field::message_name:
      return changed(plain(), [](Request& r) { r.messages[0].name = "ann"; });
    case Field::images_data:
      return with_media({.kind = M::image, .mime = "image/png", .data = std::string(kPng)});
    case Field::images_url:
      return with_media({.kind = M::image, .url = "https://example.com/a.png"});
    case Field::documents_data:
      return with_media({.kind = M::document, .mime = "application/pdf", .data = "JVBERi0xLjQK", .name = "a.pdf"});
    case Field::documents_url:
      return with_media({.kind = M::document, .mime = "application/pdf", .url = "https://example.com/a.pdf"});
    case Field::documents_text:
      return with_media({.kind = M::document, .mime = "text/plain", .text = "some words", .name = "a.txt"});
    case Field::audio_input:
      return with_media({.kind = M::audio, .mime = "audio/wav", .data = "UklGRgAA"});
    case Field::video_input:
      return with_media({.kind = M::video, .mime = "video/mp4", .data = "AAAAIGZ0"});
    default:
      return std::nullopt;
  }
}

std::optional<Request> request_of_tools(Field field) {
  using M = Media::Kind;
  switch (field) {
    case Field::tools:
      return with_tool();
    case Field::strict_tools:
      return changed(with_tool(), [](Request& r) { r.tools[0].strict = true; });
    case Field::tool_choice_none:
      return changed(with_tool(), [](Request& r) { r.tool_choice.mode = ToolChoice::Mode::none; });
    case Field::tool_choice_required:
      return changed(with_tool(), [](Request& r) { r.tool_choice.mode = ToolChoice::Mode::required; });
    case Field::tool_choice_named:
      return changed(with_tool(), [](Request& r) {
        r.tool_choice.mode = ToolChoice::Mode::named;
        r.tool_choice.name = "look_up";
      });
    case Field::parallel_tool_calls:
      return changed(with_tool(), [](Request& r) { r.tool_choice.parallel = false; });
    case Field::tool_results:
      return with_result({.content = {{.what = Text{.text = "found"}}}});
    case Field::tool_result_media:
      return with_result(
          {.content = {{.what = Media{.kind = M::image, .mime = "image/png", .data = std::string(kPng)}}}});
    case Field::tool_result_error:
      return with_result({.content = {{.what = Text{.text = "broken"}}}, .is_error = true});
    default:
      return std::nullopt;
  }
}

std::optional<Request> request_of_format(Field field) {
  switch (field) {
    case Field::json_object:
      return changed(plain(), [](Request& r) { r.format.kind = ResponseFormat::Kind::json_object; });
    case Field::json_schema:
    case Field::strict_schema:
      return changed(plain(), [&](Request& r) {
        r.format.kind = ResponseFormat::Kind::json_schema;
        r.format.name = "answer";
        r.format.schema =
            R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})";
        if (field == Field::strict_schema) r.format.strict = true;
      });
    case Field::reasoning_off:
      return changed(plain(), [](Request& r) { r.reasoning.mode = Reasoning::Mode::off; });
    case Field::reasoning_effort:
      return changed(plain(), [](Request& r) { r.reasoning.effort = "low"; });
    case Field::reasoning_budget:
      return changed(plain(), [](Request& r) {
        r.reasoning.mode = Reasoning::Mode::on;
        r.reasoning.budget = 2048;
        r.max_output_tokens = 4096;
      });
    default:
      return std::nullopt;
  }
}

std::optional<Request> request_of_settings(Field field) {
  switch (field) {
    case Field::max_output_tokens:
      return with(&Request::max_output_tokens, std::optional<std::int64_t>(77));
    case Field::temperature:
      return with(&Request::temperature, Number("0.5"));
    case Field::top_p:
      return with(&Request::top_p, Number("0.25"));
    case Field::top_k:
      return with(&Request::top_k, Number("7"));
    case Field::min_p:
      return with(&Request::min_p, Number("0.125"));
    case Field::frequency_penalty:
      return with(&Request::frequency_penalty, Number("0.5"));
    case Field::presence_penalty:
      return with(&Request::presence_penalty, Number("0.5"));
    case Field::repetition_penalty:
      return with(&Request::repetition_penalty, Number("1.5"));
    case Field::seed:
      return with(&Request::seed, std::optional<std::int64_t>(42));
    case Field::n:
      return with(&Request::n, std::optional<std::int64_t>(2));
    case Field::stop:
      return with(&Request::stop, std::vector<std::string>{"END"});
    case Field::logprobs:
      return with(&Request::logprobs, std::optional<bool>(true));
    case Field::logit_bias:
      return with(&Request::logit_bias, RawJson(R"({"50256":-100})"));
    case Field::user:
      return with(&Request::user, std::string("u-1"));
    case Field::metadata:
      return with(&Request::metadata, RawJson(R"({"a":"b"})"));
    case Field::service_tier:
      return with(&Request::service_tier, std::string("flex"));
    case Field::store:
      return with(&Request::store, std::optional<bool>(true));
    case Field::prompt_cache_key:
      return with(&Request::prompt_cache_key, std::string("k"));
    case Field::previous_response_id:
      return with(&Request::previous_response_id, std::string("resp_1"));
    case Field::verbosity:
      return with(&Request::verbosity, std::string("low"));
    case Field::prediction:
      return with(&Request::prediction, RawJson(R"({"type":"content","content":"x"})"));
    case Field::safety_settings:
      return with(&Request::safety_settings,
                  RawJson(R"([{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}])"));
    case Field::web_search_tool:
      return with_server_tool(Tool::Kind::web_search, "web_search", "openai.responses", R"({"type":"web_search"})");
    case Field::code_execution_tool:
      return with_server_tool(Tool::Kind::code_execution, "code_interpreter", "openai.responses",
                              R"({"type":"code_interpreter","container":{"type":"auto"}})");
    default:
      return std::nullopt;
  }
}

// The other fields are forms that only one dialect can say; its own tests have them.
std::optional<Request> request_using(Field field) {
  for (const auto group : {request_of_content, request_of_tools, request_of_format, request_of_settings})
    if (auto request = group(field)) return request;
  return std::nullopt;
}

std::string write(const Dialect& dialect, const Request& request, Losses& losses) {
  auto body = dialect.write_request(request, {.model = "m"}, losses);
  EXPECT_TRUE(body) << dialect.name() << ": " << (body ? "" : body.error().message);
  return body ? *body : std::string();
}

// Fields that the same request would use anyway, taken away before a body is compared.
Request without(Field field, Request request) {
  const Request base = plain();
  if (field >= Field::tool_choice_none && field <= Field::parallel_tool_calls) request.tool_choice = {};
  return field >= Field::tool_choice_none && field <= Field::parallel_tool_calls ? request : base;
}

class FieldPromises : public testing::TestWithParam<const char*> {};

TEST_P(FieldPromises, AreKept) {
  const Dialect& dialect = *find_dialect(GetParam());
  std::size_t tried = 0;
  for (std::size_t i = 0; i < kFields; ++i) {
    const auto field = static_cast<Field>(i);
    const auto request = request_using(field);
    if (!request) continue;
    ASSERT_TRUE(fields_of(*request).test(i)) << field_name(field);
    ++tried;
    Losses losses;
    const std::string body = write(dialect, *request, losses);
    const Carry promise = dialect.fields().carry(field);
    if (promise == Carry::mapped) {
      Losses ignored;
      EXPECT_TRUE(body != write(dialect, without(field, *request), ignored) || !losses.empty())
          << dialect.name() << ": " << field_name(field) << " is said to be mapped but changes nothing: " << body;
      continue;
    }
    auto again = dialect.read_request(body, {.model = "m"});
    ASSERT_TRUE(again) << dialect.name() << ": " << field_name(field) << ": " << again.error().message << "\n" << body;
    EXPECT_EQ(fields_of(*again).test(i), promise == Carry::carried)
        << dialect.name() << ": " << field_name(field) << " is said to be "
        << (promise == Carry::carried ? "carried" : "dropped") << "\n"
        << body;
  }
  EXPECT_GT(tried, 45u);
}

TEST_P(FieldPromises, SayWhere) {
  const Dialect& dialect = *find_dialect(GetParam());
  for (std::size_t i = 0; i < kFields; ++i) {
    const auto field = static_cast<Field>(i);
    if (dialect.fields().carry(field) != Carry::dropped)
      EXPECT_FALSE(dialect.fields().where(field).empty()) << dialect.name() << ": " << field_name(field);
  }
}

// docs/dialects.md says what the tables say. TOLLGATE_UPDATE_DOCS=1 writes it anew.
TEST(DialectReference, IsUpToDate) {
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  ASSERT_TRUE(source);
  const std::string path = std::string(source) + "/docs/dialects.md";
  if (std::getenv("TOLLGATE_UPDATE_DOCS")) std::ofstream(path, std::ios::binary) << dialect_reference();
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_TRUE(text == dialect_reference())
      << "docs/dialects.md is out of date; run this test with TOLLGATE_UPDATE_DOCS=1";
}

INSTANTIATE_TEST_SUITE_P(Dialects, FieldPromises, testing::ValuesIn(kDialects), [](const auto& one) {
  std::string name = one.param;
  for (char& c : name)
    if (c == '.') c = '_';
  return name;
});

}  // namespace
}  // namespace tollgate::gateway
