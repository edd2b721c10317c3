// Items of `input` and `output`: messages, reasoning, calls and results of the caller's tools, generated images; all
// other types are kept whole.
#include <optional>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_content.h"

namespace tollgate::gateway::responses {
namespace {

std::optional<chat::Role> role_of(std::string_view word) {
  if (word == "user") return chat::Role::user;
  if (word == "assistant") return chat::Role::assistant;
  if (word == "system") return chat::Role::system;
  if (word == "developer") return chat::Role::developer;
  return std::nullopt;
}

// A member that any item may have; true when it was taken. What became of an item is its reader's affair: it asks for
// nothing.
bool take_common(Item& item, std::string_view key, JsonValue value) {
  if (key == "type") return true;
  if (key == "id") {
    item.id = text_or_empty(value);
  } else if (key == "status") {
    if (!value.is_null()) keep_extra(item.extra, "~status", value);
  } else {
    return false;
  }
  return true;
}

void keep(Item& item, std::string_view key, JsonValue value) {
  if (!value.is_null()) keep_extra(item.extra, key, value);
}

Result<void> read_message(JsonValue value, Place place, Item& item) {
  item.message = true;
  JsonValue content;
  std::string_view role = "user";
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "type") item.extra.emplace_back("~type", "true");
    if (take_common(item, key, member)) return;
    if (key == "content") {
      content = member;
    } else if (key == "role") {
      role = member.as_string().value_or("");
    } else {
      keep(item, key, member);
    }
  });
  const auto known = role_of(role);
  if (!known) return bad_request(place.text("role"), "must be user, assistant, system or developer");
  item.role = *known;
  if (!content.is_string() && !content.is_array() && content.present() && !content.is_null())
    return bad_request(place.text("content"), "must be a string or an array");
  if (auto read = read_content(content, place, item.parts, &item.logprobs); !read) return read;
  if (content.is_array() && item.parts.size() < 2) item.extra.emplace_back("~content", "true");
  return {};
}

Result<void> read_call(JsonValue value, Place place, bool custom, Item& item) {
  auto& call = item.parts.emplace_back().what.emplace<chat::ToolCall>();
  call.custom = custom;
  value.members([&](std::string_view key, JsonValue member) {
    if (take_common(item, key, member)) return;
    if (key == "call_id") {
      call.id = text_or_empty(member);
    } else if (key == "name") {
      call.name = text_or_empty(member);
    } else if (key == (custom ? "input" : "arguments")) {
      call.arguments = member.is_string() ? text_or_empty(member) : raw_of(member);
    } else {
      keep(item, key, member);
    }
  });
  if (call.name.empty()) return bad_request(place.text("name"), "a call names its function");
  if (call.id.empty()) call.id = item.id;
  if (call.id.empty()) return bad_request(place.text("call_id"), "is missing");
  return {};
}

void read_opaque(JsonValue value, std::string_view type, Item& item) {
  item.role = from_caller(type) ? chat::Role::user : chat::Role::assistant;
  item.id = text_or_empty(value["id"]);
  item.parts.assign(
      1, {.what = chat::Opaque{.dialect = std::string(kName), .type = std::string(type), .json = value.text()}});
}

Result<void> read_result(JsonValue value, Place place, bool custom, Item& item) {
  item.role = chat::Role::user;
  auto& result = item.parts.emplace_back().what.emplace<chat::ToolResult>();
  result.custom = custom;
  JsonValue output;
  value.members([&](std::string_view key, JsonValue member) {
    if (take_common(item, key, member)) return;
    if (key == "call_id") {
      result.call_id = text_or_empty(member);
    } else if (key == "name") {
      result.name = text_or_empty(member);
    } else if (key == "output") {
      output = member;
    } else {
      keep(item, key, member);
    }
  });
  if (result.call_id.empty()) {
    // A program of the vendor made it; it answers no call.
    item.extra.clear();
    read_opaque(value, custom ? "custom_tool_call_output" : "function_call_output", item);
    return {};
  }
  if (output.is_object()) {
    result.json = output.text();
  } else if (auto read = read_content(output, place, result.content, nullptr); !read) {
    return read;
  }
  if (output.is_array() && result.content.size() < 2) item.extra.emplace_back("~content", "true");
  return {};
}

// The texts of `summary` or `content`, an empty line between them.
std::string joined(JsonValue texts) {
  std::string out;
  bool first = true;
  texts.elements([&](JsonValue one) {
    if (!first) out += "\n\n";
    first = false;
    out += one["text"].as_string().value_or("");
  });
  return out;
}

void read_reasoning(JsonValue value, Item& item) {
  JsonValue summary, content, encrypted;
  value.members([&](std::string_view key, JsonValue member) {
    if (take_common(item, key, member)) return;
    if (key == "summary") {
      summary = member;
    } else if (key == "content") {
      content = member;
    } else if (key == "encrypted_content") {
      encrypted = member;
    } else {
      keep(item, key, member);
    }
  });
  auto [kind, signature] = unpack_signature(encrypted.as_string().value_or(""));
  if (kind == Signed::call || kind == Signed::text) {
    item.carries = kind;
    item.carried = std::move(signature);
    return;
  }
  auto& thinking = item.parts.emplace_back().what.emplace<chat::Thinking>();
  thinking.id = item.id;
  thinking.summary = content.size() == 0;
  thinking.text = joined(thinking.summary ? summary : content);
  if (!thinking.summary && summary.size() > 0) keep(item, "summary", summary);
  if (thinking.summary && summary.size() > 1) keep(item, "~summary", summary);
  if (content.is_array()) item.extra.emplace_back("~content", "true");
  (kind == Signed::redacted ? thinking.redacted : thinking.signature) = std::move(signature);
}

void read_image_call(JsonValue value, Item& item) {
  auto& media = item.parts.emplace_back().what.emplace<chat::Media>();
  media.mime = "image/png";
  value.members([&](std::string_view key, JsonValue member) {
    if (take_common(item, key, member)) return;
    if (key == "result") {
      media.data = text_or_empty(member);
    } else {
      if (key == "output_format" && member.is_string()) media.mime = "image/" + text_or_empty(member);
      keep(item, key, member);
    }
  });
}

}  // namespace

bool from_caller(std::string_view item_type) {
  return item_type.ends_with("_output") || item_type == "mcp_approval_response" || item_type == "additional_tools" ||
         item_type == "compaction_trigger";
}

Result<void> read_item(JsonValue value, Place place, Item& item) {
  if (!value.is_object()) return bad_request(place.text(), "must be an object");
  const std::string_view type = value["type"].as_string().value_or("");
  if (type == "message") return read_message(value, place, item);
  if (type == "function_call") return read_call(value, place, false, item);
  if (type == "function_call_output") return read_result(value, place, false, item);
  if (type == "custom_tool_call") return read_call(value, place, true, item);
  if (type == "custom_tool_call_output") return read_result(value, place, true, item);
  if (type == "reasoning") {
    read_reasoning(value, item);
  } else if (type == "image_generation_call" && value["result"].is_string()) {
    read_image_call(value, item);
  } else if (!type.empty()) {
    read_opaque(value, type, item);
  } else if (value["role"].present()) {
    return read_message(value, place, item);
  } else if (value["id"].is_string()) {
    read_opaque(value, "item_reference", item);
  } else {
    return bad_request(place.text(), "has neither type nor role");
  }
  return {};
}

}  // namespace tollgate::gateway::responses
