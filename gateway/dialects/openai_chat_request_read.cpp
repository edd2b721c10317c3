// Requests of the dialect openai.chat, read. Thread rule: see openai_chat.h.
#include <array>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Request;

template <class T>
struct Slot {
  std::string_view name;
  T Request::* member;
};
constexpr std::array kNumbers{
    Slot<chat::Number>{"temperature", &Request::temperature},
    Slot<chat::Number>{"top_p", &Request::top_p},
    Slot<chat::Number>{"top_k", &Request::top_k},
    Slot<chat::Number>{"min_p", &Request::min_p},
    Slot<chat::Number>{"frequency_penalty", &Request::frequency_penalty},
    Slot<chat::Number>{"presence_penalty", &Request::presence_penalty},
    Slot<chat::Number>{"repetition_penalty", &Request::repetition_penalty},
};
constexpr std::array kIntegers{
    Slot<std::optional<std::int64_t>>{"max_completion_tokens", &Request::max_output_tokens},
    Slot<std::optional<std::int64_t>>{"n", &Request::n},
    Slot<std::optional<std::int64_t>>{"seed", &Request::seed},
    Slot<std::optional<std::int64_t>>{"random_seed", &Request::seed},
    Slot<std::optional<std::int64_t>>{"top_logprobs", &Request::top_logprobs},
};
constexpr std::array kFlags{
    Slot<std::optional<bool>>{"logprobs", &Request::logprobs},
    Slot<std::optional<bool>>{"store", &Request::store},
};
constexpr std::array kTexts{
    Slot<std::string>{"user", &Request::user},
    Slot<std::string>{"service_tier", &Request::service_tier},
    Slot<std::string>{"prompt_cache_key", &Request::prompt_cache_key},
    Slot<std::string>{"verbosity", &Request::verbosity},
};
constexpr std::array kRaws{
    Slot<chat::RawJson>{"logit_bias", &Request::logit_bias},
    Slot<chat::RawJson>{"metadata", &Request::metadata},
    Slot<chat::RawJson>{"audio", &Request::audio_output},
    Slot<chat::RawJson>{"prediction", &Request::prediction},
};

template <class Slots>
auto find(const Slots& slots, std::string_view name) {
  for (const auto& slot : slots)
    if (slot.name == name) return slot.member;
  return decltype(slots[0].member)(nullptr);
}

bool read_setting(std::string_view key, JsonValue value, Request& out, Trouble& trouble) {
  if (const auto number = find(kNumbers, key)) {
    trouble.number(key, value, out.*number);
  } else if (const auto integer = find(kIntegers, key)) {
    trouble.integer(key, value, out.*integer);
  } else if (const auto flag = find(kFlags, key)) {
    trouble.flag(key, value, out.*flag);
  } else if (const auto text = find(kTexts, key)) {
    trouble.text(key, value, out.*text);
  } else if (const auto raw = find(kRaws, key)) {
    if (trouble.object(key, value)) out.*raw = value.text();
  } else {
    return false;
  }
  return true;
}

void read_words(std::string_view place, JsonValue value, std::vector<std::string>& out, Trouble& trouble) {
  if (!trouble.array(place, value)) return;
  value.elements([&](JsonValue word) { trouble.text(place, word, out.emplace_back()); });
}

void read_stream_options(JsonValue value, Request& out, Trouble& trouble) {
  if (!trouble.object("stream_options", value)) return;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "include_usage") {
      trouble.flag("stream_options.include_usage", inner, out.include_usage);
    } else {
      keep_under(out.extra, "stream_options", key, inner);
    }
  });
}

void read_schema(JsonValue value, Request& out, Trouble& trouble) {
  if (!trouble.object("response_format.json_schema", value)) return;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "name") {
      trouble.text("response_format.json_schema.name", inner, out.format.name);
    } else if (key == "description") {
      trouble.text("response_format.json_schema.description", inner, out.format.description);
    } else if (key == "schema") {
      out.format.schema = raw_of(inner);
    } else if (key == "strict") {
      trouble.flag("response_format.json_schema.strict", inner, out.format.strict);
    } else {
      keep_under(out.extra, "json_schema", key, inner);
    }
  });
}

void read_format(JsonValue value, Request& out, Trouble& trouble) {
  using Kind = chat::ResponseFormat::Kind;
  if (!trouble.object("response_format", value)) return;
  const auto type = value["type"].as_string().value_or("");
  if (type == "text") {
    out.format.kind = Kind::text;
  } else if (type == "json_schema") {
    out.format.kind = Kind::json_schema;
    read_schema(value["json_schema"], out, trouble);
  } else if (type == "json_object") {
    // Fireworks and llama.cpp take a schema here.
    out.format.schema = raw_of(value["schema"]);
    out.format.kind = out.format.schema.empty() ? Kind::json_object : Kind::json_schema;
  } else {
    keep(out.extra, "response_format", value);  // grammars of single vendors
  }
}

bool read_form(std::string_view key, JsonValue value, Request& out, Trouble& trouble) {
  if (key == "response_format") {
    read_format(value, out, trouble);
  } else if (key == "stream") {
    std::optional<bool> stream;
    trouble.flag(key, value, stream);
    out.stream = stream.value_or(false);
  } else if (key == "stream_options") {
    read_stream_options(value, out, trouble);
  } else if (key == "stop") {
    if (const auto one = value.as_string()) {
      out.stop.emplace_back(*one);
    } else {
      read_words(key, value, out.stop, trouble);
    }
  } else if (key == "modalities") {
    read_words(key, value, out.modalities, trouble);
  } else {
    return false;
  }
  return true;
}

void read_messages(JsonValue value, Request& out, Trouble& trouble) {
  if (!value.is_array()) return trouble.at("messages", "must be an array");
  out.messages.reserve(value.size());
  std::string last_function_id;
  value.elements([&](JsonValue message) {
    Trouble inner;
    const std::size_t index = out.messages.size();
    read_message(message, index, last_function_id, out.messages.emplace_back(), inner);
    trouble.within("messages", index, inner);
  });
}

// Members with an older and a newer name: the newer one counts, the older is kept when both are there.
void settle_aliases(JsonValue max_tokens, JsonValue safety_identifier, Request& out, Trouble& trouble) {
  if (out.max_output_tokens) {
    keep(out.extra, "max_tokens", max_tokens);
  } else {
    trouble.integer("max_tokens", max_tokens, out.max_output_tokens);
  }
  if (!out.user.empty()) {
    keep(out.extra, "safety_identifier", safety_identifier);
  } else {
    trouble.text("safety_identifier", safety_identifier, out.user);
    if (!out.user.empty()) out.extra.emplace_back("~safety_identifier", "true");
  }
}

}  // namespace

Result<Request> read_request(std::string_view body, const ReadContext& context) {
  const auto root = parse(body);
  if (!root) return root.error();
  if (!root->is_object()) return bad_request("body", "must be a JSON object");
  Request out;
  Trouble trouble;
  JsonValue messages, max_tokens, safety_identifier;
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "messages") {
      messages = value;
    } else if (key == "model") {
      trouble.text(key, value, out.model);
    } else if (key == "max_tokens") {
      max_tokens = value;
    } else if (key == "safety_identifier") {
      safety_identifier = value;
    } else if (!read_setting(key, value, out, trouble) && !read_form(key, value, out, trouble) &&
               !read_tool_member(key, value, out, trouble) && !read_reasoning_member(key, value, out, trouble)) {
      keep(out.extra, key, value);
    }
  });
  read_messages(messages, out, trouble);
  settle_aliases(max_tokens, safety_identifier, out, trouble);
  if (trouble.any()) return trouble.error();
  if (out.model.empty()) out.model = context.model;
  out.stream = out.stream || context.stream;
  return out;
}

}  // namespace tollgate::gateway::oai
