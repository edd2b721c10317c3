// Replies of Cohere's chat that are no streams. Thread rule: pure functions.
#include <algorithm>

#include "gateway/dialects/cohere.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Part;

constexpr std::string_view kMessagePrefix = "message.";  // of members of `message` kept in Choice::extra

Part read_content_part(JsonValue item) {
  Part part;
  const auto type = item["type"].as_string().value_or("");
  if (type == "thinking") {
    part.what.emplace<chat::Thinking>();
  } else if (type != "text") {
    part.what = chat::Opaque{.dialect = std::string(kName), .type = std::string(type), .json = item.text()};
    return part;
  }
  item.members([&](std::string_view key, JsonValue value) {
    if (key == "text" && type == "text") {
      part.get<chat::Text>()->text = text_or_empty(value);
    } else if (key == "thinking" && type == "thinking") {
      part.get<chat::Thinking>()->text = text_or_empty(value);
    } else if (key != "type") {
      keep_extra(part.extra, key, value);
    }
  });
  return part;
}

chat::Text* text_at(chat::Choice& choice, JsonValue index) {
  const auto at = index.as_int();
  if (at && *at >= 0 && static_cast<std::size_t>(*at) < choice.parts.size())
    return choice.parts[static_cast<std::size_t>(*at)].get<chat::Text>();
  for (Part& part : choice.parts)
    if (auto* text = part.get<chat::Text>()) return text;
  return nullptr;
}

void read_citations(JsonValue citations, chat::Choice& choice) {
  std::string asides;
  citations.elements([&](JsonValue citation) {
    chat::Text* text = is_aside(citation) ? nullptr : text_at(choice, citation["content_index"]);
    if (text) {
      text->citations.push_back(read_citation(citation));
    } else {
      asides.append(asides.empty() ? "" : ",");
      citation.append_to(asides);
    }
  });
  if (!asides.empty()) choice.extra.emplace_back("message.citations", "[" + asides + "]");
}

void read_message(JsonValue message, chat::Choice& choice) {
  std::vector<Part> calls;
  JsonValue citations;
  std::string plan;
  message.members([&](std::string_view key, JsonValue value) {
    if (key == "content") {
      value.elements([&](JsonValue item) { choice.parts.push_back(read_content_part(item)); });
    } else if (key == "tool_calls") {
      value.elements([&](JsonValue call) { read_tool_call(call, calls.emplace_back()); });
    } else if (key == "tool_plan") {
      plan = text_or_empty(value);
    } else if (key == "citations") {
      citations = value;
    } else if (key != "role") {
      keep_extra(choice.extra, std::string(kMessagePrefix).append(key), value);
    }
  });
  read_citations(citations, choice);
  if (!plan.empty()) choice.parts.push_back({.what = chat::Thinking{.text = std::move(plan), .summary = true}});
  for (Part& call : calls) choice.parts.push_back(std::move(call));
}

// Writes one choice's message.
class MessageWriter {
 public:
  MessageWriter(JsonWriter& writer, const chat::Choice& choice, bool own)
      : writer_(writer), choice_(choice), own_(own) {}

  void write() {
    writer_.begin_object().member("role", "assistant");
    for (const Part& part : choice_.parts) content(part);
    if (contents_ > 0) writer_.end_array();
    calls();
    citations();
    extras(true);
    writer_.end_object();
  }

  void extras(bool of_message) {
    if (!own_) return;
    for (const auto& [name, value] : choice_.extra) {
      if (name.starts_with(kMessagePrefix) != of_message || name == "message.citations") continue;
      writer_.raw_member(of_message ? std::string_view(name).substr(kMessagePrefix.size()) : name, value);
    }
  }

 private:
  void open_content() {
    if (contents_++ == 0) writer_.key("content").begin_array();
  }

  void content(const Part& part) {
    const auto element = [&](std::string_view type, const std::string& text) {
      open_content();
      writer_.begin_object().member("type", type).member(type, text);
      if (own_) write_extra(writer_, part.extra);
      writer_.end_object();
    };
    if (const auto* text = part.get<chat::Text>()) {
      element("text", text->text);
    } else if (const auto* refusal = part.get<chat::Refusal>()) {
      element("text", refusal->text);
    } else if (const auto* thinking = part.get<chat::Thinking>()) {
      if (!thinking->summary && !thinking->text.empty()) element("thinking", thinking->text);
    } else if (const auto* opaque = part.get<chat::Opaque>(); opaque && opaque->dialect == kName) {
      open_content();
      writer_.raw(opaque->json);
    }
  }

  void calls() {
    std::string plan;
    bool open = false;
    for (const Part& part : choice_.parts) {
      const auto* thinking = part.get<chat::Thinking>();
      if (thinking && thinking->summary) plan.append(plan.empty() ? "" : "\n").append(thinking->text);
    }
    writer_.member_if("tool_plan", plan);
    for (const Part& part : choice_.parts) {
      const auto* call = part.get<chat::ToolCall>();
      if (!call) continue;
      if (!open) writer_.key("tool_calls").begin_array();
      open = true;
      write_tool_call(writer_, *call, call_arguments(*call), own_ ? part.extra : chat::Extra{});
    }
    if (open) writer_.end_array();
  }

  void citations() {
    int index = -1;
    bool open = false;
    const auto begin = [&] {
      if (!open) writer_.key("citations").begin_array();
      open = true;
    };
    for (const Part& part : choice_.parts) {
      const auto* thinking = part.get<chat::Thinking>();
      index += part.get<chat::Text>() || part.get<chat::Refusal>() || (thinking && !thinking->summary);
      if (const auto* text = part.get<chat::Text>()) {
        for (const chat::Citation& citation : text->citations)
          begin(), write_citation(writer_, citation, text->text, index);
      }
    }
    for (const auto& [name, value] : choice_.extra)
      if (own_ && name == "message.citations" && value.size() > 2)
        begin(), writer_.raw(value.substr(1, value.size() - 2));
    if (open) writer_.end_array();
  }

  JsonWriter& writer_;
  const chat::Choice& choice_;
  const bool own_;
  int contents_ = 0;
};

}  // namespace

Result<chat::Reply> read_reply(std::string_view body) {
  thread_local JsonReader reader;  // keeps its memory; what it read is used up before the next body
  const auto root = reader.parse(body);
  if (!root) return root.error();
  const JsonValue message = (*root)["message"];
  if (!message.is_object()) return bad_request("message", "must be an object");
  chat::Reply reply;
  reply.dialect = kName;
  chat::Choice& choice = reply.choices.emplace_back();
  read_message(message, choice);
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "id") {
      reply.id = text_or_empty(value);
    } else if (key == "finish_reason") {
      choice.finish_raw = text_or_empty(value);
      choice.finish = finish_of(choice.finish_raw);
    } else if (key == "logprobs") {
      std::string elements;
      value.elements([&](JsonValue item) { read_logprobs(item, elements); });
      if (!elements.empty()) choice.logprobs = "[" + elements + "]";
    } else if (key != "usage" && key != "message") {
      keep_extra(reply.extra, key, value);
    }
  });
  return reply;
}

std::string write_reply(const chat::Reply& reply, const StreamOptions& options) {
  std::string out;
  out.reserve(1024);
  JsonWriter writer(out);
  const chat::Choice none;
  const chat::Choice& choice = reply.choices.empty() ? none : reply.choices.front();
  const bool own = reply.dialect == kName;
  MessageWriter message(writer, choice, own);
  writer.begin_object().member("id", reply.id.empty() ? options.id : reply.id);
  writer.member("finish_reason", word_of(choice.finish, choice.finish_raw)).key("message");
  message.write();
  if (reply.usage.reported) {
    writer.key("usage");
    write_usage(writer, reply.usage);
  }
  if (choice.logprobs.size() > 2) {
    writer.key("logprobs");
    write_logprobs(writer, choice.logprobs);
  }
  message.extras(false);
  if (own) write_extra(writer, reply.extra);
  writer.end_object();
  return out;
}

}  // namespace tollgate::gateway::cohere
