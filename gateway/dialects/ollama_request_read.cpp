// Requests of Ollama's chat, read. Thread rule: pure functions.
#include "gateway/dialects/faults.h"
#include "gateway/dialects/ollama.h"

namespace tollgate::gateway::ollama {
namespace {

using chat::Message;
using chat::Part;
using chat::Role;

class RequestReader {
 public:
  Result<chat::Request> read(JsonValue root, const ReadContext& context) {
    request_.stream = true;  // unless it says otherwise
    root.members([this](std::string_view key, JsonValue value) { member(key, value); });
    if (!messages_seen_) faults_.add("messages", "must be an array");
    if (faults_.any()) return faults_.take();
    if (!context.model.empty()) request_.model = context.model;
    return std::move(request_);
  }

 private:
  struct OpenCall {
    std::string id, name;
  };

  void member(std::string_view key, JsonValue value) {
    if (key == "messages") {
      messages_seen_ = value.is_array();
      if (!faults_.array(key, value)) return;
      request_.messages.reserve(value.size());
      value.elements([this](JsonValue item) { read_message(item); });
    } else if (key == "model") {
      faults_.text(key, value, request_.model);
    } else if (key == "stream") {
      std::optional<bool> stream;
      faults_.flag(key, value, stream);
      request_.stream = stream.value_or(true);
    } else if (key == "tools") {
      read_tools(value);
    } else if (key == "options") {
      if (!faults_.object(key, value)) return;
      value.members([this](std::string_view name, JsonValue inner) { read_option(name, inner); });
    } else if (key == "format") {
      read_format(value);
    } else if (key == "think") {
      read_think(value);
    } else if (key == "logprobs") {
      faults_.flag(key, value, request_.logprobs);
    } else if (key == "top_logprobs") {
      faults_.integer(key, value, request_.top_logprobs);
    } else {
      keep_extra(request_.extra, key, value);
    }
  }

  void read_option(std::string_view name, JsonValue value) {
    if (name == "temperature") {
      faults_.number("options.temperature", value, request_.temperature);
    } else if (name == "top_p") {
      faults_.number("options.top_p", value, request_.top_p);
    } else if (name == "top_k") {
      faults_.number("options.top_k", value, request_.top_k);
    } else if (name == "min_p") {
      faults_.number("options.min_p", value, request_.min_p);
    } else if (name == "repeat_penalty") {
      faults_.number("options.repeat_penalty", value, request_.repetition_penalty);
    } else if (name == "presence_penalty") {
      faults_.number("options.presence_penalty", value, request_.presence_penalty);
    } else if (name == "frequency_penalty") {
      faults_.number("options.frequency_penalty", value, request_.frequency_penalty);
    } else if (name == "seed") {
      faults_.integer("options.seed", value, request_.seed);
    } else if (name == "num_predict" && value.as_int().value_or(-1) >= 0) {
      request_.max_output_tokens = value.as_int();
    } else if (name == "stop") {
      read_stop(value);
    } else {
      keep_extra(request_.extra, std::string(kOptionPrefix).append(name), value);
    }
  }

  void read_stop(JsonValue value) {
    if (value.is_string()) return faults_.text("options.stop", value, request_.stop.emplace_back());
    if (!faults_.array("options.stop", value)) return;
    value.elements([this](JsonValue text) { faults_.text("options.stop", text, request_.stop.emplace_back()); });
  }

  void read_format(JsonValue value) {
    using Kind = chat::ResponseFormat::Kind;
    if (value.is_object()) {
      request_.format.kind = Kind::json_schema;
      request_.format.schema = value.text();
    } else if (const auto word = value.as_string(); word && !word->empty()) {
      if (*word != "json") return faults_.add("format", "must be \"json\" or a schema");
      request_.format.kind = Kind::json_object;
    }
  }

  void read_think(JsonValue value) {
    using Mode = chat::Reasoning::Mode;
    if (const auto flag = value.as_bool()) {
      request_.reasoning.mode = *flag ? Mode::on : Mode::off;
    } else {
      faults_.text("think", value, request_.reasoning.effort);
    }
  }

  void read_tools(JsonValue value) {
    if (!faults_.array("tools", value)) return;
    value.elements([this](JsonValue item) {
      const chat::Tool& tool = request_.tools.emplace_back(read_function_tool(item));
      if (tool.name.empty()) faults_.add(Place("tools", request_.tools.size() - 1, "function.name"), "is missing");
    });
  }

  void read_message(JsonValue item) {
    const std::size_t index = request_.messages.size();
    Message& message = request_.messages.emplace_back();
    const auto role = item["role"].as_string().value_or("");
    if (role == "tool") return read_tool_message(item, message, index);
    if (role != "system" && role != "user" && role != "assistant")
      return faults_.add(Place("messages", index, "role"), "must be system, user, assistant or tool");
    message.role = role == "system" ? Role::system : role == "user" ? Role::user : Role::assistant;
    std::string thinking, content;
    JsonValue images, calls;
    item.members([&](std::string_view key, JsonValue value) {
      if (key == "content") {
        faults_.text(Place("messages", index, "content"), value, content);
      } else if (key == "thinking") {
        faults_.text(Place("messages", index, "thinking"), value, thinking);
      } else if (key == "images" && faults_.array(Place("messages", index, "images"), value)) {
        images = value;
      } else if (key == "tool_calls" && faults_.array(Place("messages", index, "tool_calls"), value)) {
        calls = value;
      } else if (key != "role" && key != "images" && key != "tool_calls") {
        keep_extra(message.extra, key, value);
      }
    });
    if (!thinking.empty()) message.parts.push_back({.what = chat::Thinking{.text = std::move(thinking)}});
    if (!content.empty()) message.parts.push_back({.what = chat::Text{.text = std::move(content)}});
    images.elements([&](JsonValue image) { message.parts.push_back(read_image(image)); });
    calls.elements([&](JsonValue call) { add_call(call, message); });
  }

  void add_call(JsonValue item, Message& message) {
    message.parts.push_back(read_tool_call(item, "request", ++calls_));
    const auto& call = *message.parts.back().get<chat::ToolCall>();
    open_.push_back({call.id, call.name});
  }

  void read_tool_message(JsonValue item, Message& message, std::size_t index) {
    Part& part = message.parts.emplace_back();
    auto& result = part.what.emplace<chat::ToolResult>();
    std::string content;
    JsonValue images;
    item.members([&](std::string_view key, JsonValue value) {
      if (key == "content") {
        faults_.text(Place("messages", index, "content"), value, content);
      } else if (key == "tool_name") {
        faults_.text(Place("messages", index, "tool_name"), value, result.name);
      } else if (key == "tool_call_id") {
        faults_.text(Place("messages", index, "tool_call_id"), value, result.call_id);
      } else if (key == "images" && value.is_array()) {
        images = value;
      } else if (key != "role") {
        keep_extra(message.extra, key, value);
      }
    });
    if (!content.empty()) result.content.push_back({.what = chat::Text{.text = std::move(content)}});
    images.elements([&](JsonValue image) { result.content.push_back(read_image(image)); });
    if (!result.call_id.empty()) {
      std::erase_if(open_, [&](const OpenCall& call) { return call.id == result.call_id; });
    } else {
      result.call_id = answered(result.name);
      part.extra.emplace_back(kFound, "true");
    }
  }

  // The id of the oldest call of that name (of any, without a name) that no result has answered yet.
  std::string answered(const std::string& name) {
    for (auto call = open_.begin(); call != open_.end(); ++call) {
      if (!name.empty() && call->name != name) continue;
      std::string id = std::move(call->id);
      open_.erase(call);
      return id;
    }
    return std::string(kMadeId) + "unknown";
  }

  chat::Request request_;
  Faults faults_;
  std::vector<OpenCall> open_;
  std::size_t calls_ = 0;
  bool messages_seen_ = false;
};

}  // namespace

Result<chat::Request> read_request(std::string_view body, const ReadContext& context) {
  thread_local JsonReader reader;  // keeps its memory; what it read is used up before the next body
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!root->is_object()) return bad_request("body", "must be a JSON object");
  return RequestReader().read(*root, context);
}

}  // namespace tollgate::gateway::ollama
