// Converse requests, read. Thread rule: pure functions.
#include "gateway/dialects/bedrock_blocks.h"
#include "gateway/dialects/bedrock_request.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/faults.h"

namespace tollgate::gateway::bedrock {
namespace {

class RequestReading {
  static constexpr std::size_t kSystem = static_cast<std::size_t>(-1);

 public:
  explicit RequestReading(chat::Request& request) : request_(request) {}
  void member(std::string_view key, JsonValue value);
  Faults& faults() { return faults_; }
  // Messages come after the system texts, wherever the body has them.
  void take_messages() {
    for (chat::Message& message : messages_) request_.messages.push_back(std::move(message));
  }

 private:
  void system(JsonValue blocks);
  void messages(JsonValue list);
  void message(JsonValue value, std::size_t index);
  // `message`: whose content it is; kSystem for the system texts.
  void blocks(JsonValue list, std::size_t message, std::vector<chat::Part>& parts);
  void fault(std::size_t message, std::string_view member, std::string_view problem) {
    const std::string place = message == kSystem ? "system" : place_in(message, member);
    faults_.add(std::string_view(place), problem);
  }
  void inference(JsonValue config);
  void output(JsonValue config);
  void text_format(JsonValue format);
  void tier(JsonValue value);

  chat::Request& request_;
  std::vector<chat::Message> messages_;
  Faults faults_;
};

void RequestReading::blocks(JsonValue list, std::size_t message, std::vector<chat::Part>& parts) {
  parts.reserve(list.size());
  list.elements([&](JsonValue block) {
    if (faults_.any()) return;
    if (!block.is_object()) return fault(message, "content", "each block must be an object");
    read_block(block, parts);
  });
}

void RequestReading::system(JsonValue list) {
  if (!faults_.array("system", list) || list.size() == 0) return;
  chat::Message& message = request_.messages.emplace_back();
  message.role = chat::Role::system;
  blocks(list, kSystem, message.parts);
}

void RequestReading::message(JsonValue value, std::size_t index) {
  if (!value.is_object()) return fault(index, "", "must be an object");
  chat::Message& message = messages_.emplace_back();
  JsonValue role;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "role") {
      role = member;
    } else if (key != "content") {
      keep_under(message.extra, "", key, member);
    } else if (member.is_array()) {
      blocks(member, index, message.parts);
    } else if (!member.is_null()) {
      fault(index, "content", "must be an array");
    }
  });
  if (role.as_string() == "assistant") {
    message.role = chat::Role::assistant;
  } else if (role.as_string() == "system") {
    message.role = chat::Role::system;
  } else if (role.as_string() != "user") {
    fault(index, "role", "must be user, assistant or system");
  }
}

void RequestReading::messages(JsonValue list) {
  if (!faults_.array("messages", list)) return;
  messages_.reserve(list.size());
  list.elements([&](JsonValue value) {
    if (!faults_.any()) message(value, messages_.size());
  });
}

void RequestReading::inference(JsonValue config) {
  if (!faults_.object("inferenceConfig", config)) return;
  config.members([&](std::string_view key, JsonValue value) {
    if (key == "maxTokens") {
      faults_.integer("inferenceConfig.maxTokens", value, request_.max_output_tokens);
    } else if (key == "temperature") {
      faults_.number("inferenceConfig.temperature", value, request_.temperature);
    } else if (key == "topP") {
      faults_.number("inferenceConfig.topP", value, request_.top_p);
    } else if (key == "stopSequences") {
      if (!faults_.array("inferenceConfig.stopSequences", value)) return;
      value.elements(
          [&](JsonValue text) { faults_.text("inferenceConfig.stopSequences", text, request_.stop.emplace_back()); });
    } else {
      keep_under(request_.extra, "inferenceConfig.", key, value);
    }
  });
}

// The schema is JSON inside of a string.
void RequestReading::text_format(JsonValue format) {
  const JsonValue said = format["structure"]["jsonSchema"];
  if (!said.is_object()) return keep_under(request_.extra, "outputConfig.", "textFormat", format);
  JsonReader reader;
  const auto schema = reader.parse(text_or_empty(said["schema"]));
  if (!schema) return faults_.add("outputConfig.textFormat.structure.jsonSchema.schema", "must be JSON in a string");
  request_.format.kind = chat::ResponseFormat::Kind::json_schema;
  request_.format.schema = schema->text();
  request_.format.name = text_or_empty(said["name"]);
  request_.format.description = text_or_empty(said["description"]);
  request_.format.strict = true;
}

void RequestReading::output(JsonValue config) {
  if (!faults_.object("outputConfig", config)) return;
  config.members([&](std::string_view key, JsonValue value) {
    if (key == "textFormat" && value.is_object()) {
      text_format(value);
    } else if (key == "effort") {
      faults_.text("outputConfig.effort", value, request_.reasoning.effort);
    } else {
      keep_under(request_.extra, "outputConfig.", key, value);
    }
  });
}

void RequestReading::tier(JsonValue value) {
  if (value.size() == 1 && value["type"].is_string()) {
    request_.service_tier = text_or_empty(value["type"]);
  } else {
    keep_under(request_.extra, "", "serviceTier", value);
  }
}

void RequestReading::member(std::string_view key, JsonValue value) {
  if (faults_.any() || value.is_null()) return;
  if (key == "messages") {
    messages(value);
  } else if (key == "system") {
    system(value);
  } else if (key == "inferenceConfig") {
    inference(value);
  } else if (key == "toolConfig") {
    if (faults_.object(key, value)) read_tool_config(value, request_);
  } else if (key == "additionalModelRequestFields") {
    if (faults_.object(key, value)) read_fields(value, request_);
  } else if (key == "outputConfig") {
    output(value);
  } else if (key == "requestMetadata") {
    if (faults_.object(key, value)) request_.metadata = value.text();
  } else if (key == "serviceTier") {
    tier(value);
  } else if (key == "modelId" && value.is_string() && request_.model.empty()) {
    request_.model = *value.as_string();
  } else if (key != "modelId") {
    keep_under(request_.extra, "", key, value);
  }
}

}  // namespace

Result<chat::Request> read_request(std::string_view body, const ReadContext& context) {
  thread_local JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!root->is_object()) return bad_request("body", "must be an object");
  chat::Request request;
  request.model = context.model;
  request.stream = context.stream;
  RequestReading reading(request);
  root->members([&](std::string_view key, JsonValue value) { reading.member(key, value); });
  if (reading.faults().any()) return reading.faults().take();
  reading.take_messages();
  return request;
}

}  // namespace tollgate::gateway::bedrock
