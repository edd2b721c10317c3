// A Responses request into the meaning.
#include <array>
#include <string>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_content.h"
#include "gateway/dialects/openai_responses_tools.h"

namespace tollgate::gateway::responses {
namespace {

struct TextField {
  std::string_view name;
  std::string chat::Request::* place;
};
constexpr std::array kTexts{TextField{"service_tier", &chat::Request::service_tier},
                            TextField{"prompt_cache_key", &chat::Request::prompt_cache_key},
                            TextField{"previous_response_id", &chat::Request::previous_response_id}};
// Numbers; not all are OpenAI's, vendors that speak the dialect have more.
constexpr std::array kNumbers{TextField{"temperature", &chat::Request::temperature},
                              TextField{"top_p", &chat::Request::top_p},
                              TextField{"top_k", &chat::Request::top_k},
                              TextField{"min_p", &chat::Request::min_p},
                              TextField{"repetition_penalty", &chat::Request::repetition_penalty},
                              TextField{"frequency_penalty", &chat::Request::frequency_penalty},
                              TextField{"presence_penalty", &chat::Request::presence_penalty}};

struct IntegerField {
  std::string_view name;
  std::optional<std::int64_t> chat::Request::* place;
};
constexpr std::array kIntegers{IntegerField{"max_output_tokens", &chat::Request::max_output_tokens},
                               IntegerField{"top_logprobs", &chat::Request::top_logprobs},
                               IntegerField{"seed", &chat::Request::seed}};

class RequestReader {
 public:
  Result<chat::Request> read(JsonValue body, const ReadContext& context) {
    body.members([&](std::string_view key, JsonValue value) {
      if (!outcome_ || value.is_null()) return;
      if (auto taken = take(key, value); !taken) outcome_ = std::move(taken);
    });
    if (!outcome_) return outcome_.error();
    if (!context.model.empty()) request_.model = context.model;
    request_.stream |= context.stream;
    add_instructions();
    if (auto read = add_input(); !read) return read.error();
    return std::move(request_);
  }

 private:
  Result<void> take(std::string_view key, JsonValue value) {
    if (key == "input") return input_ = value, Result<void>();
    if (key == "tools") return read_tools(value, request_);
    if (key == "tool_choice") return read_tool_choice(value, request_);
    if (key == "text") return read_text(value, request_);
    if (key == "reasoning") return read_reasoning(value, request_);
    if (key == "include") return take_include(value);
    for (const TextField& field : kTexts)
      if (field.name == key) return take_text(key, value, request_.*field.place);
    for (const TextField& field : kNumbers)
      if (field.name == key) return take_number(key, value, request_.*field.place);
    for (const IntegerField& field : kIntegers)
      if (field.name == key) return take_integer(key, value, request_.*field.place);
    return take_other(key, value);
  }

  Result<void> take_other(std::string_view key, JsonValue value) {
    if (key == "model") return take_text(key, value, request_.model);
    if (key == "instructions") return take_text(key, value, instructions_);
    if (key == "safety_identifier") return take_user(key, value, true);
    if (key == "user") return take_user(key, value, false);
    if (key == "stream") return request_.stream = value.as_bool().value_or(false), Result<void>();
    if (key == "store") return request_.store = value.as_bool(), Result<void>();
    if (key == "parallel_tool_calls") return request_.tool_choice.parallel = value.as_bool(), Result<void>();
    if (key == "metadata") {
      if (!value.is_object()) return bad_request(key, "must be an object");
      return request_.metadata = value.text(), Result<void>();
    }
    keep_extra(request_.extra, says_nothing(key, value) ? "~" + std::string(key) : std::string(key), value);
    return {};
  }

  // Defaults: not saying them is no loss.
  static bool says_nothing(std::string_view key, JsonValue value) {
    if (key == "truncation") return value.as_string() == "disabled";
    if (key == "background") return value.as_bool() == false;
    return key == "stream_options" && value["include_obfuscation"].as_bool() == false;
  }

  static Result<void> take_text(std::string_view key, JsonValue value, std::string& place) {
    if (!value.is_string()) return bad_request(key, "must be a string");
    place = text_or_empty(value);
    return {};
  }

  static Result<void> take_number(std::string_view key, JsonValue value, chat::Number& place) {
    if (!value.is_number()) return bad_request(key, "must be a number");
    place = number_of(value);
    return {};
  }

  static Result<void> take_integer(std::string_view key, JsonValue value, std::optional<std::int64_t>& place) {
    place = value.as_int();
    if (!place) return bad_request(key, "must be an integer");
    return {};
  }

  // `user` is the older name of safety_identifier; with both, the newer one is the user.
  Result<void> take_user(std::string_view key, JsonValue value, bool newer) {
    if (!value.is_string()) return bad_request(key, "must be a string");
    if (request_.user.empty()) {
      request_.user = text_or_empty(value);
      if (!newer) request_.extra.emplace_back("~user", "true");
    } else if (newer) {
      std::erase_if(request_.extra, [](const auto& member) { return member.first == "~user"; });
      request_.extra.emplace_back("user", quoted(request_.user));
      request_.user = text_or_empty(value);
    } else {
      keep_extra(request_.extra, "user", value);
    }
    return {};
  }

  Result<void> take_include(JsonValue value) {
    if (!value.is_array()) return bad_request("include", "must be an array");
    std::string rest;
    JsonWriter writer(rest);
    writer.begin_array();
    value.elements([&](JsonValue one) {
      // Signatures are always handed out, so that asking for them is met by every dialect.
      if (one.as_string() == "reasoning.encrypted_content") return;
      if (one.as_string() == "message.output_text.logprobs") {
        request_.logprobs = true;
      } else {
        writer.value(one);
      }
    });
    writer.end_array();
    if (rest.size() > 2) request_.extra.emplace_back("include", rest);
    keep_extra(request_.extra, "~include", value);
    return {};
  }

  void add_instructions() {
    if (instructions_.empty()) return;
    chat::Message& message = request_.messages.emplace_back();
    message.role = chat::Role::system;
    message.extra.emplace_back("~instructions", "true");
    message.parts.push_back({.what = chat::Text{.text = std::move(instructions_)}});
  }

  Result<void> add_input() {
    if (!input_.present()) return {};
    if (const auto text = input_.as_string()) {
      chat::Message& message = request_.messages.emplace_back();
      message.parts.emplace_back().get<chat::Text>()->text = *text;
      request_.extra.emplace_back("~input", "true");
      return {};
    }
    if (!input_.is_array()) return bad_request("input", "must be a string or an array");
    request_.messages.reserve(request_.messages.size() + input_.size());
    std::size_t index = 0;
    input_.elements([&](JsonValue value) {
      if (!outcome_) return;
      Item item;
      if (auto read = read_item(value, {"input", index++}, item); !read) {
        outcome_ = std::move(read);
      } else {
        add_item(item);
      }
    });
    return outcome_;
  }

  void add_item(Item& item) {
    if (item.carries != Signed::thought) return attach(item);
    chat::Message& message = request_.messages.emplace_back();
    message.role = item.role;
    message.id = std::move(item.id);
    message.parts = std::move(item.parts);
    message.extra = std::move(item.extra);
  }

  // Gives the nearest call or text before it its signature back.
  void attach(Item& item) {
    for (auto message = request_.messages.rbegin(); message != request_.messages.rend(); ++message) {
      if (message->role != chat::Role::assistant) continue;
      for (auto part = message->parts.rbegin(); part != message->parts.rend(); ++part) {
        if (auto* call = part->get<chat::ToolCall>(); call && item.carries == Signed::call) {
          call->signature = std::move(item.carried);
          return;
        }
        if (auto* text = part->get<chat::Text>(); text && item.carries == Signed::text) {
          text->signature = std::move(item.carried);
          return;
        }
      }
    }
  }

  chat::Request request_;
  std::string instructions_;
  JsonValue input_;
  Result<void> outcome_;
};

}  // namespace

Result<chat::Request> read_request(std::string_view body, const ReadContext& context) {
  thread_local JsonReader reader;
  const auto parsed = reader.parse(body);
  if (!parsed) return parsed.error();
  if (!parsed->is_object()) return bad_request("body", "must be an object");
  return RequestReader().read(*parsed, context);
}

}  // namespace tollgate::gateway::responses
