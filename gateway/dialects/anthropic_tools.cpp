#include "gateway/dialects/anthropic_tools.h"

#include <algorithm>

#include "gateway/dialects/anthropic_schema.h"
#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

using Kind = chat::Tool::Kind;

bool is_spoken_here(const chat::Tool& tool) {
  switch (tool.kind) {
    case Kind::function:
    case Kind::web_search:
    case Kind::web_fetch:
    case Kind::code_execution:
      return true;
    default:
      return tool.origin == kDialect && !tool.config.empty();
  }
}

bool is_allowed(const chat::Tool& tool, const chat::ToolChoice& choice) {
  if (choice.allowed.empty() || tool.kind != Kind::function) return true;
  return std::find(choice.allowed.begin(), choice.allowed.end(), tool.name) != choice.allowed.end();
}

// The API wants a schema of an object, also for functions without arguments.
void write_parameters(JsonWriter& writer, const chat::Tool& tool, bool strict, bool same_dialect) {
  if (tool.parameters.empty()) {
    if (!same_dialect) writer.raw_member("input_schema", R"({"type":"object","properties":{}})");
    return;
  }
  if (same_dialect) {
    writer.raw_member("input_schema", tool.parameters);
    return;
  }
  const std::string closed = strict ? closed_schema(tool.parameters) : std::string();
  const std::string& schema = strict ? closed : tool.parameters;
  const auto parsed = piece_parser().parse(schema);
  if (!parsed || !parsed->is_object() || (*parsed)["type"].present()) {
    writer.raw_member("input_schema", schema);
    return;
  }
  writer.key("input_schema").begin_object().member("type", "object");
  parsed->members([&](std::string_view name, JsonValue value) { writer.key(name).value(value); });
  writer.end_object();
}

void write_function(JsonWriter& writer, const chat::Tool& tool, const ModelTraits& traits, bool same_dialect,
                    BlockWriter& blocks, chat::Losses& losses) {
  writer.begin_object();
  if (const auto* type = same_dialect ? find_extra(tool.extra, "~type") : nullptr) writer.raw_member("type", *type);
  writer.member("name", tool.name).member_if("description", tool.description);
  const bool strict = tool.strict == true && traits.json_schema;
  write_parameters(writer, tool, strict, same_dialect);
  if (strict || (same_dialect && tool.strict)) writer.member("strict", *tool.strict);
  if (tool.strict == true && !strict && !same_dialect) losses.add(chat::Field::strict_tools);
  blocks.cache_mark(tool.cache, tool.extra);
  if (same_dialect) write_plain(writer, tool.extra);
  writer.end_object();
}

// What another vendor's search tool says, in this API's words.
struct SearchOptions {
  JsonValue allowed, blocked, location, max_uses;
};

void read_search_options(JsonValue config, const std::string& place, SearchOptions& out, chat::Losses& losses) {
  config.members([&](std::string_view name, JsonValue value) {
    if (name == "filters" || name == "google_search" || name == "googleSearch" || name == "web_search_options") {
      read_search_options(value, place, out, losses);
    } else if (name == "allowed_domains") {
      out.allowed = value;
    } else if (name == "blocked_domains" || name == "exclude_domains" || name == "excludeDomains") {
      out.blocked = value;
    } else if (name == "user_location") {
      out.location = value["approximate"].is_object() ? value["approximate"] : value;
    } else if (name == "max_uses") {
      out.max_uses = value;
    } else if (name != "type" && name != "name" && !value.is_null()) {
      losses.add(place + "." + std::string(name));
    }
  });
}

void write_location(JsonWriter& writer, JsonValue location) {
  if (!location.is_object()) return;
  writer.key("user_location").begin_object().member("type", "approximate");
  location.members([&](std::string_view name, JsonValue value) {
    if (name != "type" && value.is_string()) writer.key(name).value(value);
  });
  writer.end_object();
}

// The oldest version of each tool that needs no beta header runs on every model.
void write_server_tool(JsonWriter& writer, const chat::Tool& tool, std::size_t index, chat::Losses& losses) {
  if (tool.origin == kDialect && !tool.config.empty()) {
    writer.raw(tool.config);
    return;
  }
  writer.begin_object();
  if (tool.kind == Kind::code_execution) {
    writer.member("type", "code_execution_20250825").member("name", "code_execution").end_object();
    return;
  }
  const bool search = tool.kind == Kind::web_search;
  writer.member("type", search ? "web_search_20250305" : "web_fetch_20250910")
      .member("name", search ? "web_search" : "web_fetch");
  const auto config = piece_parser().parse(tool.config.empty() ? std::string_view("{}") : tool.config);
  if (config) {
    SearchOptions options;
    read_search_options(*config, "tools[" + std::to_string(index) + "]", options, losses);
    if (options.max_uses.is_number()) writer.key("max_uses").value(options.max_uses);
    // Both together are refused.
    if (options.allowed.is_array()) {
      writer.key("allowed_domains").value(options.allowed);
    } else if (options.blocked.is_array()) {
      writer.key("blocked_domains").value(options.blocked);
    }
    if (search) write_location(writer, options.location);
  }
  writer.end_object();
}

chat::Field field_of(chat::ToolChoice::Mode mode) {
  return mode == chat::ToolChoice::Mode::named ? chat::Field::tool_choice_named : chat::Field::tool_choice_required;
}

std::string_view word_of(chat::ToolChoice::Mode mode) {
  using Mode = chat::ToolChoice::Mode;
  switch (mode) {
    case Mode::none:
      return "none";
    case Mode::required:
      return "any";
    case Mode::named:
      return "tool";
    default:
      return "auto";
  }
}

}  // namespace

bool write_tools(JsonWriter& writer, const chat::Request& request, const ModelTraits& traits, bool same_dialect,
                 BlockWriter& blocks, chat::Losses& losses) {
  bool open = false;
  for (std::size_t i = 0; i < request.tools.size(); ++i) {
    const chat::Tool& tool = request.tools[i];
    if (!is_spoken_here(tool) || (!same_dialect && !is_allowed(tool, request.tool_choice))) continue;
    if (!std::exchange(open, true)) writer.key("tools").begin_array();
    if (tool.kind == Kind::function) {
      write_function(writer, tool, traits, same_dialect, blocks, losses);
    } else {
      write_server_tool(writer, tool, i, losses);
    }
  }
  if (open) writer.end_array();
  return open;
}

void write_tool_choice(JsonWriter& writer, const chat::Request& request, bool has_tools, bool thinks, bool same_dialect,
                       chat::Losses& losses) {
  using Mode = chat::ToolChoice::Mode;
  const chat::ToolChoice& choice = request.tool_choice;
  Mode mode = choice.mode;
  const bool forced = mode == Mode::required || mode == Mode::named;
  if (!same_dialect) {
    const bool lost_tools = !has_tools && !request.tools.empty();
    if (forced && (thinks || lost_tools)) {
      losses.add(field_of(mode));
      mode = Mode::unset;
    }
    if (lost_tools) return;
  }
  const bool says_parallel = choice.parallel && (same_dialect || !*choice.parallel);
  const bool nested = same_dialect && has_nested(request.extra, "tool_choice");
  if (mode == Mode::unset && !says_parallel && !nested) return;
  writer.key("tool_choice").begin_object().member("type", word_of(mode));
  if (mode == Mode::named) writer.member("name", choice.name);
  if (says_parallel && (same_dialect || mode != Mode::none))
    writer.member("disable_parallel_tool_use", !*choice.parallel);
  if (same_dialect) write_nested(writer, request.extra, "tool_choice");
  writer.end_object();
}

}  // namespace tollgate::gateway::claude
