// Requests of the Gemini API and Vertex AI: contents and what stands beside them. Thread rule: pure.
#include <algorithm>
#include <unordered_set>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_request.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

// One element of contents, or systemInstruction. What was said about the role stays in "~role" where it is not what
// the writer says.
Message read_content(JsonValue value, const Spot& spot, bool instruction, FirstFault& faults) {
  Message message;
  if (instruction) message.role = Role::system;
  if (instruction && value.is_string()) {
    message.parts.push_back({.what = Text{.text = text_or_empty(value)}});
    return message;
  }
  if (!expect_object(spot, {}, value, faults)) return message;
  bool has_role = false;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "parts") {
      if (!member.is_null()) read_parts(member, spot, faults, message.parts);
    } else if (key == "role") {
      std::string role;
      read_text(spot, key, member, role, faults);
      has_role = !role.empty();
      if (instruction) {
        if (has_role) message.extra.emplace_back("~role", member.text());
      } else if (role == "model") {
        message.role = Role::assistant;
      } else if (role == "function") {
        message.extra.emplace_back("~role", R"("function")");
      } else if (!role.empty() && role != "user") {
        faults.add(spot, "role", "must be user or model");
      }
    } else {
      keep_member(message.extra, {}, key, member);
    }
  });
  if (!instruction && !has_role) message.extra.emplace_back("~role", "null");
  return message;
}

// Gives calls without an id "call_<n>", and finds the call of each result without one: the first unanswered call of
// that name.
class CallIds {
 public:
  explicit CallIds(Request& request) : request_(request) {}

  void assign() {
    if (!any_missing()) return;
    for (Message& message : request_.messages) {
      for (Part& part : message.parts) {
        if (auto* call = part.get<ToolCall>()) {
          if (call->id.empty()) call->id = fresh();
          open_.push_back(call);
        } else if (auto* result = part.get<ToolResult>()) {
          answer(*result);
        }
      }
    }
  }

 private:
  bool any_missing() {
    bool missing = false;
    for (const Message& message : request_.messages) {
      for (const Part& part : message.parts) {
        const auto* call = part.get<ToolCall>();
        const auto* result = part.get<ToolResult>();
        if (!call && !result) continue;
        const std::string& id = call ? call->id : result->call_id;
        if (id.empty()) {
          missing = true;
        } else {
          taken_.insert(id);
        }
      }
    }
    return missing;
  }
  std::string fresh() {
    std::string id;
    do {
      id = "call_" + std::to_string(++count_);
    } while (taken_.contains(id));
    return id;
  }
  void answer(ToolResult& result) {
    const auto found = std::find_if(open_.begin(), open_.end(), [&](const ToolCall* call) {
      return result.call_id.empty() ? call->name == result.name : call->id == result.call_id;
    });
    if (found != open_.end()) {
      result.call_id = (*found)->id;
      open_.erase(found);
    } else if (result.call_id.empty()) {
      result.call_id = fresh();
    }
  }

  Request& request_;
  std::unordered_set<std::string_view> taken_;
  std::vector<const ToolCall*> open_;
  std::size_t count_ = 0;
};

void read_contents(JsonValue value, const Spot& outer, FirstFault& faults, Request& request) {
  if (value.is_object()) {
    request.messages.push_back(read_content(value, Spot{"contents", &outer}, false, faults));
    return;
  }
  if (!expect_array(outer, "contents", value, faults)) return;
  request.messages.reserve(request.messages.size() + value.size() + 1);
  Spot spot{"contents", &outer, 0};
  value.elements([&](JsonValue element) {
    request.messages.push_back(read_content(element, spot, false, faults));
    ++spot.index;
  });
}

void read_member(std::string_view key, std::string_view name, JsonValue value, const Spot& outer, FirstFault& faults,
                 Request& request) {
  if (name == "generationConfig") {
    read_generation_config(value, outer, faults, request);
  } else if (name == "tools") {
    read_tools(value, outer, faults, request);
  } else if (name == "toolConfig") {
    read_tool_config(value, outer, faults, request);
  } else if (name == "safetySettings") {
    if (expect_array(outer, name, value, faults)) request.safety_settings = value.text();
  } else if (name == "labels") {
    if (expect_object(outer, name, value, faults)) request.metadata = value.text();
  } else if (name == "serviceTier") {
    read_text(outer, name, value, request.service_tier, faults);
  } else if (name == "store") {
    read_flag(outer, name, value, request.store, faults);
  } else if (name == "model") {
    std::string model;
    read_text(outer, name, value, model, faults);
    if (request.model.empty()) request.model = model.starts_with("models/") ? model.substr(7) : model;
    request.extra.emplace_back("~model", value.text());
  } else {
    keep_member(request.extra, {}, key, value);
  }
}

}  // namespace

Result<Request> read_request_object(JsonValue object, const Spot& outer, const ReadContext& context) {
  Result<Request> out{Request()};
  Request& request = *out;
  FirstFault faults;
  request.model = context.model;
  request.stream = context.stream;
  if (!expect_object(outer, outer.name.empty() ? "body" : "", object, faults)) return faults.take();
  JsonValue contents;
  std::string scratch;
  object.members([&](std::string_view key, JsonValue value) {
    if (value.is_null()) return;
    const std::string_view name = camel(key, scratch);
    if (name == "contents") {
      contents = value;
    } else if (name == "systemInstruction") {
      // In front of the conversation, wherever it stands in the body.
      request.messages.insert(request.messages.begin(),
                              read_content(value, Spot{"systemInstruction", &outer}, true, faults));
    } else {
      read_member(key, name, value, outer, faults, request);
    }
  });
  if (contents.present()) {
    read_contents(contents, outer, faults, request);
  } else {
    faults.add(outer, "contents", "is missing");
  }
  if (faults.any()) return faults.take();
  join_signed_thoughts(request.messages);
  CallIds(request).assign();
  return out;
}

}  // namespace tollgate::gateway::gemini_form
