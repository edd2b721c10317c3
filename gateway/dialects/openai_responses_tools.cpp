// Tools and tool choice of a Responses request.
#include "gateway/dialects/openai_responses_tools.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_internal.h"

namespace tollgate::gateway::responses {
namespace {

using Kind = chat::Tool::Kind;

Kind kind_of(std::string_view type) {
  if (type.starts_with("web_search")) return Kind::web_search;
  if (type == "file_search") return Kind::file_search;
  if (type == "code_interpreter") return Kind::code_execution;
  if (type == "image_generation") return Kind::image_generation;
  if (type.starts_with("computer")) return Kind::computer;
  if (type == "mcp") return Kind::mcp;
  return Kind::other;
}

Result<void> read_function(JsonValue value, chat::Tool& tool) {
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "type") return;
    if (key == "name") {
      tool.name = text_or_empty(member);
    } else if (key == "description") {
      tool.description = text_or_empty(member);
    } else if (key == "parameters" && tool.kind == Kind::function) {
      tool.parameters = raw_of(member);
    } else if (key == "strict" && tool.kind == Kind::function) {
      tool.strict = member.as_bool();
    } else if (key == "format" && tool.kind == Kind::custom) {
      tool.config = raw_of(member);
      tool.origin = kName;
    } else if (!member.is_null()) {
      keep_extra(tool.extra, key, member);
    }
  });
  if (tool.name.empty()) return bad_request("tools", "a tool has no name");
  return {};
}

Result<void> read_tool(JsonValue value, chat::Request& request) {
  if (!value.is_object()) return bad_request("tools", "must hold objects");
  const std::string_view type = value["type"].as_string().value_or("");
  if (type.empty()) return bad_request("tools", "a tool has no type");
  chat::Tool& tool = request.tools.emplace_back();
  if (type == "function" || type == "custom") {
    tool.kind = type == "function" ? Kind::function : Kind::custom;
    return read_function(value, tool);
  }
  tool.kind = kind_of(type);
  tool.name = type;
  tool.origin = kName;
  tool.config = value.text();
  return {};
}

// OpenAI chat nests a grammar in a member of its own.
void write_custom_format(JsonWriter& writer, const chat::Tool& tool) {
  if (tool.config.empty()) return;
  JsonReader reader;
  const auto parsed = reader.parse(tool.config);
  if (!parsed) return;
  JsonValue format = *parsed;
  if (format["custom"].is_object()) format = format["custom"];
  if (format["format"].is_object()) format = format["format"];
  if (format["type"].as_string() != "grammar" || !format["grammar"].is_object()) {
    if (format["type"].is_string()) writer.key("format").value(format);
    return;
  }
  writer.key("format").begin_object().member("type", "grammar");
  format["grammar"].members([&](std::string_view key, JsonValue value) { writer.key(key).value(value); });
  writer.end_object();
}

void write_function(JsonWriter& writer, const chat::Tool& tool, const Quirks& quirks, bool same_dialect) {
  const bool custom = tool.kind == Kind::custom;
  writer.begin_object().member("type", custom ? "custom" : "function").member("name", tool.name);
  writer.member_if("description", tool.description);
  if (custom) {
    write_custom_format(writer, tool);
  } else {
    constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";
    writer.raw_member("parameters", tool.parameters.empty() ? kNoParameters : tool.parameters);
    // Here a function is strict unless it says that it is not; elsewhere it is the other way round.
    if (!quirks.no_strict && (tool.strict || !same_dialect)) writer.member("strict", tool.strict.value_or(false));
  }
  if (same_dialect) write_extra(writer, tool.extra);
  writer.end_object();
}

// OpenAI chat nests the place in a member "approximate".
void write_location(JsonWriter& writer, JsonValue location) {
  const JsonValue nested = location["approximate"];
  writer.begin_object().member("type", "approximate");
  (nested.is_object() ? nested : location).members([&](std::string_view key, JsonValue value) {
    if (key != "type" && !value.is_null()) writer.key(key).value(value);
  });
  writer.end_object();
}

// A web search declared by another vendor: where to search, and for whom.
void write_web_search(JsonWriter& writer, const chat::Tool& tool, const std::string& place, chat::Losses* losses) {
  writer.begin_object().member("type", "web_search");
  JsonReader reader;
  if (const auto config = reader.parse(tool.config.empty() ? "{}" : tool.config)) {
    config->members([&](std::string_view key, JsonValue value) {
      if (key == "allowed_domains" && value.size() > 0) {
        writer.key("filters").begin_object().key("allowed_domains").value(value).end_object();
      } else if (key == "user_location" && value.is_object()) {
        write_location(writer.key(key), value);
      } else if (key == "search_context_size" && value.is_string()) {
        writer.key(key).value(value);
      } else if ((key == "blocked_domains" || key == "max_uses") && !value.is_null() && losses) {
        losses->add(place + "." + std::string(key));
      }
    });
  }
  writer.end_object();
}

// A vendor-run tool that another dialect declared. False when there is no such thing here, or not enough is known.
bool write_foreign(JsonWriter& writer, const chat::Tool& tool, const std::string& place, chat::Losses* losses) {
  switch (tool.kind) {
    case Kind::web_search:
    case Kind::web_fetch:
      return write_web_search(writer, tool, place, losses), true;
    case Kind::code_execution:
      writer.begin_object().member("type", "code_interpreter").key("container").begin_object();
      writer.member("type", "auto").end_object().end_object();
      return true;
    case Kind::image_generation:
      writer.begin_object().member("type", "image_generation").end_object();
      return true;
    default:
      return false;
  }
}

bool known_here(const chat::Tool& tool) { return tool.origin == kName && !tool.config.empty(); }

bool has_web_search(const std::vector<chat::Tool>& tools) {
  return std::any_of(tools.begin(), tools.end(), [](const chat::Tool& tool) { return tool.kind == Kind::web_search; });
}

// The type under which a vendor-run tool stands in `tools`.
std::string_view hosted_type(const chat::Tool& tool) {
  switch (tool.kind) {
    case Kind::web_search:
    case Kind::web_fetch:
      return "web_search";
    case Kind::code_execution:
      return "code_interpreter";
    case Kind::image_generation:
      return "image_generation";
    default:
      return {};
  }
}

void write_named(JsonWriter& writer, const chat::Request& request, std::string_view name) {
  const auto tool =
      std::find_if(request.tools.begin(), request.tools.end(), [&](const chat::Tool& one) { return one.name == name; });
  const bool custom = tool != request.tools.end() && tool->kind == Kind::custom;
  const std::string_view hosted = tool == request.tools.end() ? std::string_view{} : hosted_type(*tool);
  writer.begin_object();
  if (hosted.empty()) {
    writer.member("type", custom ? "custom" : "function").member("name", name);
  } else {
    writer.member("type", hosted);
  }
  writer.end_object();
}

std::string_view mode_word(chat::ToolChoice::Mode mode) {
  using Mode = chat::ToolChoice::Mode;
  if (mode == Mode::none) return "none";
  return mode == Mode::required ? "required" : "auto";
}

// False when an entry is no function or custom tool, which the meaning cannot list.
bool read_allowed(JsonValue tools, chat::ToolChoice& choice) {
  bool plain = true;
  tools.elements([&](JsonValue tool) {
    const auto name = tool["name"].as_string();
    const auto type = tool["type"].as_string();
    if (name && (type == "function" || type == "custom")) {
      choice.allowed.emplace_back(*name);
    } else {
      plain = false;
    }
  });
  return plain;
}

}  // namespace

Result<void> read_tools(JsonValue tools, chat::Request& request) {
  if (tools.is_null()) return {};
  if (!tools.is_array()) return bad_request("tools", "must be an array");
  Result<void> outcome;
  request.tools.reserve(tools.size());
  tools.elements([&](JsonValue tool) {
    if (outcome) outcome = read_tool(tool, request);
  });
  return outcome;
}

Result<void> read_tool_choice(JsonValue value, chat::Request& request) {
  using Mode = chat::ToolChoice::Mode;
  chat::ToolChoice& choice = request.tool_choice;
  const auto mode_of = [](std::string_view word) {
    if (word == "none") return Mode::none;
    return word == "required" ? Mode::required : Mode::automatic;
  };
  if (const auto word = value.as_string()) {
    if (*word != "auto" && *word != "none" && *word != "required")
      return bad_request("tool_choice", "must be auto, none, required or an object");
    choice.mode = mode_of(*word);
    return {};
  }
  if (value.is_null()) return {};
  if (!value.is_object()) return bad_request("tool_choice", "must be a string or an object");
  const std::string_view type = value["type"].as_string().value_or("");
  const std::string_view name = value["name"].as_string().value_or("");
  if ((type == "function" || type == "custom") && !name.empty()) {
    choice.mode = Mode::named;
    choice.name = name;
  } else if (type == "allowed_tools" && read_allowed(value["tools"], choice)) {
    choice.mode = mode_of(value["mode"].as_string().value_or("auto"));
  } else {
    // A forced vendor-run tool: other dialects have other names for it.
    choice.allowed.clear();
    keep_extra(request.extra, "tool_choice", value);
  }
  return {};
}

void write_tools(JsonWriter& writer, const chat::Request& request, const Quirks& quirks, bool same_dialect,
                 chat::Losses* losses) {
  writer.begin_array();
  for (std::size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    const std::string place = losses ? "tools[" + std::to_string(i) + "]" : std::string();
    if (tool.kind == Kind::function || tool.kind == Kind::custom) {
      write_function(writer, tool, quirks, same_dialect);
    } else if (known_here(tool)) {
      writer.raw(tool.config);
    } else if (tool.kind == Kind::web_fetch && has_web_search(request.tools)) {
      continue;
    } else if (!write_foreign(writer, tool, place, losses) && losses) {
      losses->add(place);
    }
  }
  writer.end_array();
}

void write_tool_choice(JsonWriter& writer, const chat::Request& request) {
  const chat::ToolChoice& choice = request.tool_choice;
  if (choice.mode == chat::ToolChoice::Mode::named) {
    write_named(writer, request, choice.name);
    return;
  }
  if (choice.allowed.empty() || choice.mode == chat::ToolChoice::Mode::none) {
    writer.string(mode_word(choice.mode));
    return;
  }
  writer.begin_object().member("type", "allowed_tools").member("mode", mode_word(choice.mode));
  writer.key("tools").begin_array();
  for (const std::string& name : choice.allowed) write_named(writer, request, name);
  writer.end_array().end_object();
}

}  // namespace tollgate::gateway::responses
