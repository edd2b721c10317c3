// Tools and the choice among them. Thread rule: pure functions.
#include <algorithm>

#include "gateway/dialects/bedrock_request.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Field;
using Kind = chat::Tool::Kind;
using Mode = chat::ToolChoice::Mode;

constexpr std::string_view kNoArguments = R"({"type":"object","properties":{}})";
constexpr std::string_view kChoice = "toolConfig.toolChoice.";
constexpr std::size_t kMaxName = 64;

void read_spec(JsonValue spec, chat::Tool& tool) {
  spec.members([&](std::string_view key, JsonValue value) {
    if (key == "name") {
      tool.name = text_or_empty(value);
    } else if (key == "description") {
      tool.description = text_or_empty(value);
    } else if (key == "strict" && value.as_bool()) {
      tool.strict = value.as_bool();
    } else if (key == "inputSchema" && value.size() == 1) {
      tool.parameters = raw_of(value["json"]);
    } else {
      keep_under(tool.extra, "toolSpec.", key, value);
    }
  });
}

// The tools that Amazon's own models bring along.
Kind system_kind(std::string_view name) {
  if (name == "nova_grounding") return Kind::web_search;
  return name == "nova_code_interpreter" ? Kind::code_execution : Kind::other;
}

void read_tool(JsonValue item, chat::Request& request) {
  const JsonValue spec = item["toolSpec"], system = item["systemTool"], point = item["cachePoint"];
  if (point.is_object() && !request.tools.empty() && !request.tools.back().cache.set) {
    request.tools.back().cache = {.set = true, .ttl = text_or_empty(point["ttl"])};
    return;
  }
  chat::Tool& tool = request.tools.emplace_back();
  if (spec.is_object()) return read_spec(spec, tool);
  tool.name = text_or_empty(system["name"]);
  tool.kind = system_kind(tool.name);
  tool.origin = kDialect;
  tool.config = item.text();
}

void read_choice(JsonValue choice, chat::Request& request) {
  choice.members([&](std::string_view key, JsonValue value) {
    if (key == "auto") {
      request.tool_choice.mode = Mode::automatic;
    } else if (key == "any") {
      request.tool_choice.mode = Mode::required;
    } else if (key == "tool") {
      request.tool_choice.mode = Mode::named;
      request.tool_choice.name = text_or_empty(value["name"]);
    } else {
      keep_under(request.extra, kChoice, key, value);
    }
  });
}

bool fits_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// The service wants "type": "object" on the top.
std::string typed_schema(const std::string& parameters) {
  if (parameters.empty() || parameters == "{}") return std::string(kNoArguments);
  if (parameters.starts_with(R"({"type":"object")")) return parameters;
  JsonReader reader;
  const auto root = reader.parse(parameters);
  if (!root || !root->is_object() || (*root)["type"].present()) return parameters;
  return R"({"type":"object",)" + parameters.substr(1);
}

class ToolWriter {
 public:
  ToolWriter(JsonWriter& writer, const Writing& writing) : writer_(writer), writing_(writing) {}

  Result<void> write() {
    for (std::size_t i = 0; i < writing_.request.tools.size(); ++i) {
      const chat::Tool& tool = writing_.request.tools[i];
      if (!writing_.own && !is_allowed(tool)) continue;
      if (tool.kind != Kind::function) {
        server_tool(tool, i);
      } else if (writing_.own || fits_name(tool.name)) {
        function(tool, i);
      } else {
        return bad_request("tools[" + std::to_string(i) + "].name",
                           "'" + tool.name + "': Bedrock takes up to 64 letters, digits, '_' and '-'");
      }
    }
    if (count_ == 0 && !writing_.own && writing_.conversation.has_tools) called_before();
    if (count_ > 0) writer_.end_array();
    return {};
  }
  std::size_t count() const { return count_; }

 private:
  void open() {
    if (count_++ == 0) writer_.key("toolConfig").begin_object().key("tools").begin_array();
  }

  bool is_allowed(const chat::Tool& tool) const {
    const auto& allowed = writing_.request.tool_choice.allowed;
    return allowed.empty() || std::find(allowed.begin(), allowed.end(), tool.name) != allowed.end();
  }

  void function(const chat::Tool& tool, std::size_t index) {
    open();
    writer_.begin_object().key("toolSpec").begin_object().member("name", tool.name);
    if (!is_blank(tool.description)) writer_.member("description", tool.description);
    const std::string schema = writing_.own ? tool.parameters : typed_schema(tool.parameters);
    if (!schema.empty()) writer_.key("inputSchema").begin_object().raw_member("json", schema).end_object();
    if (tool.strict && (writing_.own || writing_.traits.json_schema)) {
      writer_.member("strict", *tool.strict);
    } else if (tool.strict == true) {
      writing_.losses.add("tools[" + std::to_string(index) + "].strict_tools");
    }
    if (writing_.own) write_extra_under(writer_, tool.extra, "toolSpec.");
    writer_.end_object().end_object();
    cache_point(tool.cache);
  }

  void cache_point(const chat::CacheMark& mark) {
    if (!mark.set) return;
    if (!writing_.own && !writing_.traits.cache_tools) return writing_.losses.add(Field::cache_marks);
    writer_.begin_object().key("cachePoint").begin_object().member("type", "default");
    if (writing_.own || mark.ttl == "5m" || mark.ttl == "1h") writer_.member_if("ttl", mark.ttl);
    writer_.end_object().end_object();
  }

  void server_tool(const chat::Tool& tool, std::size_t index) {
    if (tool.origin == kDialect && !tool.config.empty()) {
      open();
      writer_.raw(tool.config);
      return cache_point(tool.cache);
    }
    // What the table drops is named by it.
    if (tool.kind != Kind::web_search && tool.kind != Kind::code_execution) return;
    const bool nova = writing_.traits.vendor == Vendor::nova || writing_.traits.vendor == Vendor::unknown;
    const bool search = tool.kind == Kind::web_search;
    if (!nova)
      return writing_.losses.add("tools[" + std::to_string(index) + "]." +
                                 (search ? "web_search_tool" : "code_execution_tool"));
    open();
    writer_.begin_object().key("systemTool").begin_object();
    writer_.member("name", search ? "nova_grounding" : "nova_code_interpreter").end_object().end_object();
  }

  // Calls in the history are refused where no tools are: those called are declared again.
  void called_before() {
    std::vector<std::string_view> names;
    for (const Turn& turn : writing_.conversation.turns) {
      for (const Piece& piece : turn.pieces) {
        const auto* call = piece.part->get<chat::ToolCall>();
        if (call && std::find(names.begin(), names.end(), call->name) == names.end()) names.push_back(call->name);
      }
    }
    if (names.empty()) names.emplace_back("tool");
    for (const std::string_view name : names) {
      open();
      writer_.begin_object().key("toolSpec").begin_object().member("name", name);
      writer_.key("inputSchema").begin_object().raw_member("json", kNoArguments).end_object();
      writer_.end_object().end_object();
    }
  }

  JsonWriter& writer_;
  const Writing& writing_;
  std::size_t count_ = 0;
};

// The choice in the words of Claude's own interface, which say more than the service's.
void write_claude_choice(JsonWriter& fields, const chat::ToolChoice& choice, Mode mode) {
  const bool named = mode == Mode::named;
  fields.key("tool_choice").begin_object();
  fields.member("type", mode == Mode::none ? "none" : mode == Mode::required ? "any" : named ? "tool" : "auto");
  if (named) fields.member("name", choice.name);
  if (choice.parallel && mode != Mode::none) fields.member("disable_parallel_tool_use", !*choice.parallel);
  fields.end_object();
}

// What the model takes of the mode that is asked for.
Mode fitting_mode(const Writing& writing) {
  const chat::ToolChoice& choice = writing.request.tool_choice;
  if (writing.own) return choice.mode;
  if (choice.mode == Mode::required && !writing.traits.tool_choice_any) {
    writing.losses.add(Field::tool_choice_required);
    return Mode::unset;
  }
  if (choice.mode == Mode::named && !writing.traits.tool_choice_named) {
    writing.losses.add(Field::tool_choice_named);
    return writing.traits.tool_choice_any ? Mode::required : Mode::unset;
  }
  return choice.mode;
}

void write_choice(JsonWriter& writer, const Writing& writing, JsonWriter& fields) {
  const chat::ToolChoice& choice = writing.request.tool_choice;
  const Mode mode = fitting_mode(writing);
  const bool single = choice.parallel == false || (writing.own && choice.parallel);
  const bool claude = writing.traits.claude_like();
  if (single && !claude && !writing.own) writing.losses.add(Field::parallel_tool_calls);
  // Both places at once are refused.
  if (claude && (single || mode == Mode::none)) return write_claude_choice(fields, choice, mode);
  if (mode == Mode::none) return writing.losses.add(Field::tool_choice_none);
  const chat::Extra none, &extra = writing.own ? writing.request.extra : none;
  const bool other =
      std::any_of(extra.begin(), extra.end(), [](const auto& one) { return one.first.starts_with(kChoice); });
  if (mode == Mode::unset && !other) return;
  writer.key("toolChoice").begin_object();
  write_extra_under(writer, extra, kChoice);
  if (mode == Mode::automatic) writer.key("auto").begin_object().end_object();
  if (mode == Mode::required) writer.key("any").begin_object().end_object();
  if (mode == Mode::named) writer.key("tool").begin_object().member("name", choice.name).end_object();
  writer.end_object();
}

}  // namespace

void read_tool_config(JsonValue config, chat::Request& request) {
  config.members([&](std::string_view key, JsonValue value) {
    if (key == "tools" && value.is_array()) {
      value.elements([&](JsonValue item) { read_tool(item, request); });
    } else if (key == "toolChoice" && value.is_object()) {
      read_choice(value, request);
    } else {
      keep_under(request.extra, "toolConfig.", key, value);
    }
  });
}

Result<void> write_tool_config(JsonWriter& writer, const Writing& writing, JsonWriter& fields) {
  // A model without a word for "none" is not shown the tools, unless the history needs them.
  const bool none = !writing.own && writing.request.tool_choice.mode == Mode::none;
  if (none && !writing.traits.claude_like() && !writing.conversation.has_tools) return {};
  ToolWriter tools(writer, writing);
  if (auto written = tools.write(); !written) return written;
  if (tools.count() == 0) return {};
  write_choice(writer, writing, fields);
  if (writing.own) write_extra_under(writer, writing.request.extra, "toolConfig.");
  writer.end_object();
  return {};
}

}  // namespace tollgate::gateway::bedrock
