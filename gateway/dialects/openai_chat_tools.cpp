// Tools and their choice in the dialect openai.chat, both ways. Functions and custom tools have a form of their own;
// tools that the vendor runs are declared as each vendor likes, and web search by web_search_options. Thread rule: see
// openai_chat.h.
#include <algorithm>
#include <array>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Tool;
using Mode = chat::ToolChoice::Mode;

struct KindName {
  std::string_view type;
  Tool::Kind kind;
};
// Vendors' words for what they run; the first of a kind is the plainest.
constexpr std::array kKinds{
    KindName{"web_search", Tool::Kind::web_search},
    KindName{"web_search_preview", Tool::Kind::web_search},
    KindName{"openrouter:web_search", Tool::Kind::web_search},
    KindName{"browser_search", Tool::Kind::web_search},
    KindName{"web_fetch", Tool::Kind::web_fetch},
    KindName{"openrouter:web_fetch", Tool::Kind::web_fetch},
    KindName{"code_interpreter", Tool::Kind::code_execution},
    KindName{"code_execution", Tool::Kind::code_execution},
    KindName{"file_search", Tool::Kind::file_search},
    KindName{"image_generation", Tool::Kind::image_generation},
    KindName{"openrouter:image_generation", Tool::Kind::image_generation},
    KindName{"computer_use_preview", Tool::Kind::computer},
    KindName{"mcp", Tool::Kind::mcp},
};

Tool::Kind kind_of(std::string_view type) {
  for (const KindName& one : kKinds)
    if (one.type == type) return one.kind;
  return Tool::Kind::other;
}

void read_function(JsonValue value, Tool& tool, Trouble& trouble) {
  if (!trouble.object("function", value)) return;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "name") {
      trouble.text("function.name", inner, tool.name);
    } else if (key == "description") {
      trouble.text("function.description", inner, tool.description);
      if (inner.as_string() == "") keep(tool.extra, "~description", inner);
    } else if (key == "parameters") {
      tool.parameters = raw_of(inner);
    } else if (key == "strict") {
      trouble.flag("function.strict", inner, tool.strict);
    } else {
      keep_under(tool.extra, "function", key, inner);
    }
  });
}

void read_custom(JsonValue value, Tool& tool) {
  tool.kind = Tool::Kind::custom;
  tool.origin = kName;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "name") {
      tool.name = text_or_empty(inner);
    } else if (key == "description") {
      tool.description = text_or_empty(inner);
    } else if (key == "format") {
      tool.config = raw_of(inner);
    } else {
      keep_under(tool.extra, "custom", key, inner);
    }
  });
}

Tool read_tool(JsonValue value, Trouble& trouble) {
  Tool tool;
  if (!value.is_object()) trouble.at("", "must be an object");
  const std::string_view type = value["type"].as_string().value_or("function");
  if (type != "function" && type != "custom") {
    tool.kind = kind_of(type);
    tool.name = type;
    tool.origin = kName;
    tool.config = value.text();
    return tool;
  }
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "function" && type == "function") {
      read_function(inner, tool, trouble);
    } else if (key == "custom" && type == "custom") {
      read_custom(inner, tool);
    } else if (key == "cache_control") {
      tool.cache = read_cache_control(inner);
    } else if (key != "type") {
      keep(tool.extra, key, inner);
    }
  });
  if (tool.name.empty()) trouble.at(std::string(type) + ".name", "must be given");
  return tool;
}

std::string_view name_in(JsonValue choice) {
  for (const char* outer : {"function", "custom"})
    if (const auto name = choice[outer]["name"].as_string()) return *name;
  return choice["name"].as_string().value_or("");
}

Mode mode_of(std::string_view word) {
  if (word == "none") return Mode::none;
  if (word == "auto") return Mode::automatic;
  if (word == "required" || word == "any") return Mode::required;
  return Mode::unset;
}

void read_choice(JsonValue value, chat::ToolChoice& out, Trouble& trouble) {
  if (value.is_null()) return;
  const auto word = value.as_string();
  const std::string_view type = word ? *word : value["type"].as_string().value_or("function");
  out.mode = mode_of(type);
  if (out.mode != Mode::unset) return;
  if (type == "allowed_tools") {
    const JsonValue allowed = value["allowed_tools"].is_object() ? value["allowed_tools"] : value;
    out.mode = mode_of(allowed["mode"].as_string().value_or("auto"));
    allowed["tools"].elements([&](JsonValue tool) { out.allowed.emplace_back(name_in(tool)); });
  } else if (value.is_object()) {
    out.mode = Mode::named;
    out.name = name_in(value);
    if (out.name.empty()) out.name = type;  // OpenRouter: the type of a tool that it runs
  } else {
    trouble.at("tool_choice", "must be none, auto, required or an object");
  }
}

void read_functions(JsonValue value, chat::Request& out, Trouble& trouble) {
  if (!trouble.array("functions", value)) return;
  std::size_t index = 0;
  value.elements([&](JsonValue function) {
    Trouble inner;
    Tool tool;
    read_function(function, tool, inner);
    if (tool.name.empty()) inner.at("name", "must be given");
    trouble.within("functions", index++, inner);
    out.tools.push_back(std::move(tool));
  });
}

// ---- writing

// Responses declares a grammar flat, chat puts it into an object of its own.
void write_format(JsonWriter& writer, const Tool& tool) {
  JsonReader reader;
  auto config = reader.parse(tool.config);
  if (!config) return;
  const JsonValue format = (*config)["format"].is_object() ? (*config)["format"] : *config;
  if (!format["type"].is_string()) return;
  writer.key("format");
  if (format["type"].as_string() != "grammar" || format["grammar"].is_object()) {
    writer.value(format);
    return;
  }
  writer.begin_object().member("type", "grammar").key("grammar").begin_object();
  writer.member("syntax", text_or_empty(format["syntax"])).member("definition", text_or_empty(format["definition"]));
  writer.end_object().end_object();
}

// The options that web search has here; what else another dialect asks of it is named as lost.
void write_search_options(JsonWriter& writer, const Tool& tool, chat::Losses& losses) {
  writer.key("web_search_options");
  if (tool.origin == kName && tool.name.empty()) {
    writer.raw(tool.config.empty() ? "{}" : tool.config);
    return;
  }
  writer.begin_object();
  JsonReader reader;
  auto config = reader.parse(tool.config.empty() ? "{}" : tool.config);
  if (config)
    config->members([&](std::string_view key, JsonValue value) {
      if (key == "search_context_size") {
        writer.key(key).value(value);
      } else if (key == "user_location" && value.is_object()) {
        writer.key(key).begin_object().member("type", "approximate").key("approximate").begin_object();
        value.members([&](std::string_view name, JsonValue part) {
          if (name != "type" && part.is_string()) writer.key(name).value(part);
        });
        writer.end_object().end_object();
      } else if (key != "type" && key != "name" && !value.is_null()) {
        losses.add("web_search_tool." + std::string(key));
      }
    });
  writer.end_object();
}

class ToolWriter {
 public:
  ToolWriter(JsonWriter& writer, const chat::Request& request, const WriteContext& context, chat::Losses& losses)
      : writer_(writer),
        request_(request),
        quirks_(context.quirks),
        same_(context.same_dialect),
        losses_(losses),
        parts_{context.quirks, context.same_dialect, losses} {}

  void write() {
    for (const Tool& tool : request_.tools) write_tool(tool);
    if (open_) writer_.end_array();
    write_search();
    if (!open_ && !same_) return;  // vendors refuse a choice among nothing
    write_choice();
    if (const auto parallel = request_.tool_choice.parallel; parallel) {
      if (!quirks_.no_parallel_tool_calls) {
        writer_.member("parallel_tool_calls", *parallel);
      } else if (!*parallel) {
        losses_.add(chat::Field::parallel_tool_calls);
      }
    }
  }

 private:
  void open() {
    if (!open_) writer_.key("tools").begin_array();
    open_ = true;
  }

  bool allowed(const Tool& tool) const {
    const auto& names = request_.tool_choice.allowed;
    return !quirks_.no_allowed_tools || names.empty() ||
           std::find(names.begin(), names.end(), tool.name) != names.end();
  }

  void write_tool(const Tool& tool) {
    if (!allowed(tool)) return;
    if (tool.kind == Tool::Kind::function) {
      write_function(tool);
    } else if (tool.kind == Tool::Kind::custom) {
      write_custom(tool);
    } else if (same_ && tool.origin == kName && !tool.name.empty() && !tool.config.empty()) {
      open();
      writer_.raw(tool.config);
    }
  }

  void write_function(const Tool& tool) {
    open();
    writer_.begin_object().member("type", "function").key("function").begin_object().member("name", tool.name);
    const bool empty = same_ && !kept(tool.extra, "~description").empty();
    if (!tool.description.empty() || empty) writer_.member("description", tool.description);
    if (tool.parameters.empty()) {
      if (!same_) writer_.raw_member("parameters", R"({"type":"object","properties":{}})");
    } else {
      writer_.raw_member("parameters", tool.parameters);
    }
    if (tool.strict && !quirks_.no_strict) writer_.member("strict", *tool.strict);
    if (tool.strict == true && quirks_.no_strict) losses_.add(chat::Field::strict_tools);
    if (same_) write_under(writer_, tool.extra, "function");
    writer_.end_object();
    finish(tool);
  }

  void write_custom(const Tool& tool) {
    open();
    writer_.begin_object().member("type", "custom").key("custom").begin_object().member("name", tool.name);
    writer_.member_if("description", tool.description);
    if (!tool.config.empty()) write_format(writer_, tool);
    if (same_) write_under(writer_, tool.extra, "custom");
    writer_.end_object();
    finish(tool);
  }

  void finish(const Tool& tool) {
    write_cache(writer_, tool.cache, tool.extra, parts_);
    if (same_) write_own(writer_, tool.extra);
    writer_.end_object();
  }

  void write_search() {
    const auto search = std::find_if(request_.tools.begin(), request_.tools.end(), [&](const Tool& tool) {
      return tool.kind == Tool::Kind::web_search && !(same_ && !tool.name.empty());
    });
    if (search == request_.tools.end()) return;
    if (quirks_.no_web_search) return losses_.add(chat::Field::web_search_tool);
    write_search_options(writer_, *search, losses_);
  }

  void write_choice() {
    const auto& choice = request_.tool_choice;
    if (!choice.allowed.empty() && !quirks_.no_allowed_tools) return write_allowed(choice);
    switch (choice.mode) {
      case Mode::unset:
        break;
      case Mode::automatic:
        writer_.member("tool_choice", "auto");
        break;
      case Mode::none:
        writer_.member("tool_choice", "none");
        break;
      case Mode::required:
        writer_.member("tool_choice", quirks_.tool_choice_any ? "any" : "required");
        break;
      case Mode::named:
        writer_.key("tool_choice");
        write_named(choice.name);
        break;
    }
  }

  void write_named(const std::string& name) {
    const auto tool =
        std::find_if(request_.tools.begin(), request_.tools.end(), [&](const Tool& one) { return one.name == name; });
    const bool known = tool != request_.tools.end();
    if (known && tool->kind != Tool::Kind::function && tool->kind != Tool::Kind::custom) {
      writer_.begin_object().member("type", name).end_object();
      return;
    }
    const std::string_view outer = known && tool->kind == Tool::Kind::custom ? "custom" : "function";
    writer_.begin_object().member("type", outer).key(outer).begin_object().member("name", name);
    writer_.end_object().end_object();
  }

  void write_allowed(const chat::ToolChoice& choice) {
    writer_.key("tool_choice").begin_object().member("type", "allowed_tools").key("allowed_tools").begin_object();
    writer_.member("mode", choice.mode == Mode::required ? "required" : "auto").key("tools").begin_array();
    for (const std::string& name : choice.allowed) write_named(name);
    writer_.end_array().end_object().end_object();
  }

  JsonWriter& writer_;
  const chat::Request& request_;
  const Quirks& quirks_;
  bool same_;
  chat::Losses& losses_;
  PartContext parts_;
  bool open_ = false;
};

}  // namespace

bool read_tool_member(std::string_view key, JsonValue value, chat::Request& out, Trouble& trouble) {
  if (key == "tools") {
    if (!trouble.array(key, value)) return true;
    std::size_t index = 0;
    value.elements([&](JsonValue tool) {
      Trouble inner;
      out.tools.push_back(read_tool(tool, inner));
      trouble.within("tools", index++, inner);
    });
  } else if (key == "tool_choice" || key == "function_call") {
    read_choice(value, out.tool_choice, trouble);
  } else if (key == "parallel_tool_calls") {
    trouble.flag(key, value, out.tool_choice.parallel);
  } else if (key == "functions") {
    read_functions(value, out, trouble);
  } else if (key == "web_search_options") {
    if (trouble.object(key, value))
      out.tools.push_back({.kind = Tool::Kind::web_search, .origin = std::string(kName), .config = value.text()});
  } else {
    return false;
  }
  return true;
}

void write_tools(JsonWriter& writer, const chat::Request& request, const WriteContext& context, chat::Losses& losses) {
  ToolWriter(writer, request, context, losses).write();
}

}  // namespace tollgate::gateway::oai
