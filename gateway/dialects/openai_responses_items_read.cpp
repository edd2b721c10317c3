// Items of `input` and `output`: messages, reasoning, calls and results of the caller's tools, generated images; all
// other types are kept whole.
#include <optional>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_content.h"

namespace tollgate::gateway::responses {
namespace {

// `place` with a member behind it, made only when it is needed.
Error bad_member(std::string_view place, std::string_view member, std::string_view problem) {
  return bad_request(std::string(place) + "." + std::string(member), problem);
}

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

Result<Item> read_message(JsonValue value, std::string_view place) {
  Item item{.message = true};
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
  if (!known) return bad_member(place, "role", "must be user, assistant, system or developer");
  item.role = *known;
  if (!content.is_string() && !content.is_array() && content.present() && !content.is_null())
    return bad_member(place, "content", "must be a string or an array");
  if (auto read = read_content(content, place, item.parts, &item.logprobs); !read) return read.error();
  if (content.is_array() && item.parts.size() < 2) item.extra.emplace_back("~content", "true");
  return item;
}

Result<Item> read_call(JsonValue value, std::string_view place, bool custom) {
  Item item;
  chat::ToolCall call{.custom = custom};
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
  if (call.name.empty()) return bad_member(place, "name", "a call names its function");
  if (call.id.empty()) call.id = item.id;
  if (call.id.empty()) return bad_member(place, "call_id", "is missing");
  item.parts.push_back({.what = std::move(call)});
  return item;
}

// Results without a call (a program of the vendor made it) are opaque too.
Item read_opaque(JsonValue value, std::string_view type) {
  Item item{.role = from_caller(type) ? chat::Role::user : chat::Role::assistant};
  item.id = text_or_empty(value["id"]);
  item.parts.push_back(
      {.what = chat::Opaque{.dialect = std::string(kName), .type = std::string(type), .json = value.text()}});
  return item;
}

Result<Item> read_result(JsonValue value, std::string_view place, bool custom) {
  Item item{.role = chat::Role::user};
  chat::ToolResult result{.custom = custom};
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
  if (result.call_id.empty()) return read_opaque(value, custom ? "custom_tool_call_output" : "function_call_output");
  if (output.is_object()) {
    result.json = output.text();
  } else if (auto read = read_content(output, place, result.content, nullptr); !read) {
    return read.error();
  }
  if (output.is_array() && result.content.size() < 2) item.extra.emplace_back("~content", "true");
  item.parts.push_back({.what = std::move(result)});
  return item;
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

Result<Item> read_reasoning(JsonValue value) {
  Item item;
  chat::Thinking thinking;
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
  thinking.id = item.id;
  thinking.summary = content.size() == 0;
  thinking.text = joined(thinking.summary ? summary : content);
  if (!thinking.summary && summary.size() > 0) keep(item, "summary", summary);
  if (thinking.summary && summary.size() > 1) keep(item, "~summary", summary);
  if (content.is_array()) item.extra.emplace_back("~content", "true");
  auto [kind, signature] = unpack_signature(encrypted.as_string().value_or(""));
  if (kind == Signed::call || kind == Signed::text) {
    item.carries = kind;
    item.carried = std::move(signature);
    return item;
  }
  (kind == Signed::redacted ? thinking.redacted : thinking.signature) = std::move(signature);
  item.parts.push_back({.what = std::move(thinking)});
  return item;
}

Item read_image_call(JsonValue value) {
  Item item;
  chat::Media media{.kind = chat::Media::Kind::image, .mime = "image/png"};
  value.members([&](std::string_view key, JsonValue member) {
    if (take_common(item, key, member)) return;
    if (key == "result") {
      media.data = text_or_empty(member);
    } else {
      if (key == "output_format" && member.is_string()) media.mime = "image/" + text_or_empty(member);
      keep(item, key, member);
    }
  });
  item.parts.push_back({.what = std::move(media)});
  return item;
}

}  // namespace

bool from_caller(std::string_view item_type) {
  return item_type.ends_with("_output") || item_type == "mcp_approval_response" || item_type == "additional_tools" ||
         item_type == "compaction_trigger";
}

Result<Item> read_item(JsonValue item, std::string_view place) {
  if (!item.is_object()) return bad_request(place, "must be an object");
  const std::string_view type = item["type"].as_string().value_or("");
  if (type == "message") return read_message(item, place);
  if (type == "function_call") return read_call(item, place, false);
  if (type == "function_call_output") return read_result(item, place, false);
  if (type == "custom_tool_call") return read_call(item, place, true);
  if (type == "custom_tool_call_output") return read_result(item, place, true);
  if (type == "reasoning") return read_reasoning(item);
  if (type == "image_generation_call" && item["result"].is_string()) return read_image_call(item);
  if (!type.empty()) return read_opaque(item, type);
  if (item["role"].present()) return read_message(item, place);
  if (item["id"].is_string()) return read_opaque(item, "item_reference");
  return bad_request(place, "has neither type nor role");
}

}  // namespace tollgate::gateway::responses
