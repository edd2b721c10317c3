// Requests of Cohere's chat, read. Thread rule: pure functions.
#include "gateway/dialects/cohere.h"
#include "gateway/dialects/faults.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Media;
using chat::Message;
using chat::Part;
using chat::Role;

class RequestReader {
 public:
  Result<chat::Request> read(JsonValue root, const ReadContext& context) {
    root.members([this](std::string_view key, JsonValue value) { member(key, value); });
    if (!messages_seen_) faults_.add("messages", "must be an array");
    if (faults_.any()) return faults_.take();
    apply_documents();
    apply_strictness();
    if (!context.model.empty()) request_.model = context.model;
    return std::move(request_);
  }

 private:
  void member(std::string_view key, JsonValue value) {
    if (key == "messages") {
      read_messages(value);
    } else if (key == "model") {
      faults_.text(key, value, request_.model);
    } else if (key == "stream") {
      std::optional<bool> stream;
      faults_.flag(key, value, stream);
      request_.stream = stream.value_or(false);
    } else if (key == "tools") {
      read_tools(value);
    } else if (key == "documents") {
      if (!faults_.array(key, value)) return;
      value.elements([this](JsonValue document) { documents_.push_back(read_document(document)); });
    } else if (!sampling(key, value) && !option(key, value)) {
      keep_extra(request_.extra, key, value);
    }
  }

  bool sampling(std::string_view key, JsonValue value) {
    if (key == "temperature") {
      faults_.number(key, value, request_.temperature);
    } else if (key == "p") {
      faults_.number(key, value, request_.top_p);
    } else if (key == "k") {
      faults_.number(key, value, request_.top_k);
    } else if (key == "frequency_penalty") {
      faults_.number(key, value, request_.frequency_penalty);
    } else if (key == "presence_penalty") {
      faults_.number(key, value, request_.presence_penalty);
    } else if (key == "max_tokens") {
      faults_.integer(key, value, request_.max_output_tokens);
    } else if (key == "seed") {
      faults_.integer(key, value, request_.seed);
    } else if (key == "logprobs") {
      faults_.flag(key, value, request_.logprobs);
    } else if (key == "stop_sequences") {
      if (!faults_.array(key, value)) return true;
      value.elements([this](JsonValue text) { faults_.text("stop_sequences", text, request_.stop.emplace_back()); });
    } else {
      return false;
    }
    return true;
  }

  bool option(std::string_view key, JsonValue value) {
    if (key == "strict_tools") {
      faults_.flag(key, value, strict_);
    } else if (key == "tool_choice") {
      read_tool_choice(value);
    } else if (key == "response_format") {
      read_format(value);
    } else if (key == "thinking") {
      read_thinking(value);
    } else if (key == "citation_options") {
      const auto mode = value["mode"].as_string();
      cited_ = !mode || (*mode != "OFF" && *mode != "DISABLED");
      return false;  // which of the modes is Cohere's own matter
    } else {
      return false;
    }
    return true;
  }

  void read_tool_choice(JsonValue value) {
    using Mode = chat::ToolChoice::Mode;
    std::string word;
    faults_.text("tool_choice", value, word);
    if (word == "REQUIRED") request_.tool_choice.mode = Mode::required;
    if (word == "NONE") request_.tool_choice.mode = Mode::none;
    if (word == "AUTO") request_.tool_choice.mode = Mode::automatic;
  }

  void read_format(JsonValue value) {
    using Kind = chat::ResponseFormat::Kind;
    if (!faults_.object("response_format", value)) return;
    const auto type = value["type"].as_string().value_or("");
    request_.format.schema = raw_of(value["json_schema"].present() ? value["json_schema"] : value["schema"]);
    if (type == "text") request_.format.kind = Kind::text;
    if (type == "json_object") request_.format.kind = Kind::json_object;
    if (!request_.format.schema.empty()) request_.format.kind = Kind::json_schema;
  }

  void read_thinking(JsonValue value) {
    using Mode = chat::Reasoning::Mode;
    if (!faults_.object("thinking", value)) return;
    const auto type = value["type"].as_string().value_or("");
    if (type == "enabled") request_.reasoning.mode = Mode::on;
    if (type == "disabled") request_.reasoning.mode = Mode::off;
    faults_.integer("thinking.token_budget", value["token_budget"], request_.reasoning.budget);
  }

  void read_tools(JsonValue value) {
    if (!faults_.array("tools", value)) return;
    value.elements([this](JsonValue item) {
      const chat::Tool& tool = request_.tools.emplace_back(read_function_tool(item));
      if (tool.name.empty()) faults_.add(Place("tools", request_.tools.size() - 1, "function.name"), "is missing");
    });
  }

  void read_messages(JsonValue value) {
    messages_seen_ = value.is_array();
    if (!faults_.array("messages", value)) return;
    request_.messages.reserve(value.size() + 1);
    value.elements([this](JsonValue item) { read_message(item); });
  }

  void read_message(JsonValue item) {
    const std::size_t index = request_.messages.size();
    Message& message = request_.messages.emplace_back();
    const auto role = item["role"].as_string().value_or("");
    if (role == "tool") {
      read_tool_message(item, message, index);
    } else if (role == "system" || role == "user" || role == "assistant") {
      message.role = role == "system" ? Role::system : role == "user" ? Role::user : Role::assistant;
      if (role == "user") last_user_ = index;
      read_plain_message(item, message, index);
    } else {
      faults_.add(Place("messages", index, "role"), "must be system, user, assistant or tool");
    }
  }

  void read_plain_message(JsonValue item, Message& message, std::size_t index) {
    std::vector<Part> calls;
    std::string plan;
    JsonValue citations;
    item.members([&](std::string_view key, JsonValue value) {
      if (key == "content") {
        read_content(value, message.parts, Place("messages", index, "content"));
      } else if (key == "tool_calls") {
        if (!faults_.array(Place("messages", index, "tool_calls"), value)) return;
        value.elements([&](JsonValue call) { read_tool_call(call, calls.emplace_back()); });
      } else if (key == "tool_plan") {
        faults_.text(Place("messages", index, "tool_plan"), value, plan);
      } else if (key == "citations" && value.is_array()) {
        citations = value;
      } else if (key != "role") {
        keep_extra(message.extra, key, value);
      }
    });
    if (citations.present()) read_citations(citations, message);
    if (!plan.empty()) message.parts.push_back({.what = chat::Thinking{.text = std::move(plan), .summary = true}});
    for (Part& call : calls) message.parts.push_back(std::move(call));
  }

  // On the text that they support, as in a reply.
  void read_citations(JsonValue citations, Message& message) {
    citations.elements([&](JsonValue item) {
      const auto index = static_cast<std::size_t>(item["content_index"].as_int().value_or(0));
      chat::Text* text = index < message.parts.size() ? message.parts[index].get<chat::Text>() : nullptr;
      for (std::size_t i = 0; !text && i < message.parts.size(); ++i) text = message.parts[i].get<chat::Text>();
      if (text) text->citations.push_back(read_citation(item));
    });
  }

  void read_tool_message(JsonValue item, Message& message, std::size_t index) {
    Part& part = message.parts.emplace_back();
    auto& result = part.what.emplace<chat::ToolResult>();
    item.members([&](std::string_view key, JsonValue value) {
      if (key == "tool_call_id") {
        faults_.text(Place("messages", index, "tool_call_id"), value, result.call_id);
      } else if (key == "content") {
        read_content(value, result.content, Place("messages", index, "content"));
      } else if (key != "role") {
        keep_extra(message.extra, key, value);
      }
    });
  }

  void read_content(JsonValue content, std::vector<Part>& parts, const Place& place) {
    if (const auto text = content.as_string()) {
      parts.emplace_back().get<chat::Text>()->text = *text;
    } else if (content.is_array()) {
      parts.reserve(content.size() + 2);
      content.elements([&](JsonValue item) { read_part(item, parts.emplace_back(), place.at(parts.size() - 1)); });
    } else if (content.present() && !content.is_null()) {
      faults_.add(place, "must be a string or an array");
    }
  }

  void read_part(JsonValue item, Part& part, const Place& place) {
    const auto type = item["type"].as_string().value_or("");
    if (type == "document") {
      part = read_result_document(item["document"]);
    } else if (type == "text" || type == "thinking" || type == "image_url") {
      read_known_part(type, item, part, place);
    } else if (item.is_object()) {
      part.what = chat::Opaque{.dialect = std::string(kName), .type = std::string(type), .json = item.text()};
    } else {
      faults_.add(place, "must be an object");
    }
  }

  void read_known_part(std::string_view type, JsonValue item, Part& part, const Place& place) {
    if (type == "thinking") part.what.emplace<chat::Thinking>();
    if (type == "image_url") part.what.emplace<Media>();
    item.members([&](std::string_view key, JsonValue value) {
      if (key == "text" && type == "text") {
        faults_.text(place.with("text"), value, part.get<chat::Text>()->text);
      } else if (key == "thinking" && type == "thinking") {
        faults_.text(place.with("thinking"), value, part.get<chat::Thinking>()->text);
      } else if (key == "image_url" && type == "image_url") {
        read_image(value, *part.get<Media>(), place);
      } else if (key != "type") {
        keep_extra(part.extra, key, value);
      }
    });
  }

  void read_image(JsonValue image, Media& media, const Place& place) {
    const auto url = image.is_string() ? image.as_string() : image["url"].as_string();
    if (!url || url->empty()) return faults_.add(place.with("image_url.url"), "must be a string");
    if (!parse_data_url(*url, media.mime, media.data)) media.url = *url;
    media.detail = text_or_empty(image["detail"]);
  }

  // They belong to the question: in front of the last message of the user.
  void apply_documents() {
    if (documents_.empty()) return;
    for (Part& part : documents_) part.get<Media>()->citations = cited_;
    if (!last_user_) {
      last_user_ = request_.messages.size();
      request_.messages.push_back({.role = Role::user});
    }
    auto& parts = request_.messages[*last_user_].parts;
    parts.insert(parts.begin(), std::make_move_iterator(documents_.begin()), std::make_move_iterator(documents_.end()));
  }

  void apply_strictness() {
    if (!strict_) return;
    if (request_.tools.empty()) request_.extra.emplace_back("strict_tools", *strict_ ? "true" : "false");
    for (chat::Tool& tool : request_.tools) tool.strict = strict_;
  }

  chat::Request request_;
  Faults faults_;
  std::vector<Part> documents_;
  std::optional<std::size_t> last_user_;
  std::optional<bool> strict_;
  bool cited_ = true, messages_seen_ = false;
};

}  // namespace

Result<chat::Request> read_request(std::string_view body, const ReadContext& context) {
  thread_local JsonReader reader;  // keeps its memory; what it read is used up before the next body
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!root->is_object()) return bad_request("body", "must be a JSON object");
  return RequestReader().read(*root, context);
}

}  // namespace tollgate::gateway::cohere
