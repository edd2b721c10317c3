// A caller's request into its meaning. Thread rule: pure.
#include "gateway/dialects/anthropic_schema.h"
#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

constexpr std::string_view kMustBeObject = "must be an object";

// Collects one request member by member; the first fault ends it.
class RequestReader {
 public:
  explicit RequestReader(const ReadContext& context) {
    out_.model = context.model;
    out_.stream = context.stream;
  }
  void member(std::string_view name, JsonValue value);
  Result<chat::Request> take();

 private:
  bool sampling(std::string_view name, JsonValue value);
  bool shaping(std::string_view name, JsonValue value);
  void system(JsonValue value);
  void messages(JsonValue value);
  Result<void> message(JsonValue value, const Place& place, chat::Message& out);
  void tools(JsonValue value);
  void tool(JsonValue value, const Place& place, chat::Tool& out);
  void tool_choice(JsonValue value);
  void thinking(JsonValue value);
  void output_config(JsonValue value);
  void format(JsonValue value, std::string_view name);
  void metadata(JsonValue value);
  void stop(JsonValue value);
  void fail(const Place& place, std::string_view problem) {
    if (read_) read_ = fault(place, problem);
  }
  void number(std::string_view name, JsonValue value, chat::Number& out) {
    out = number_of(value);
    if (out.empty() && !value.is_null()) fail({.member = name}, "must be a number");
  }
  void string(std::string_view name, JsonValue value, std::string& out) {
    if (value.is_null()) return;
    if (!value.is_string()) return fail({.member = name}, "must be a string");
    out = *value.as_string();
  }

  chat::Request out_;
  std::vector<chat::Part> system_;
  bool has_messages_ = false;
  Result<void> read_;
};

void RequestReader::member(std::string_view name, JsonValue value) {
  if (!read_) return;
  if (name == "messages") {
    messages(value);
  } else if (name == "model") {
    string(name, value, out_.model);
  } else if (name == "system") {
    system(value);
  } else if (name == "tools") {
    tools(value);
  } else if (name == "stream") {
    if (!value.is_null() && !value.as_bool()) return fail({.member = name}, "must be true or false");
    out_.stream = out_.stream || value.as_bool().value_or(false);
  } else if (name == "max_tokens") {
    out_.max_output_tokens = integer_of(value);
    if (!out_.max_output_tokens && !value.is_null()) fail({.member = name}, "must be an integer");
  } else if (!sampling(name, value) && !shaping(name, value) && name != "anthropic_version") {
    // anthropic_version belongs to the clouds' envelope, not to the request.
    keep_unknown(out_.extra, name, value);
  }
}

bool RequestReader::sampling(std::string_view name, JsonValue value) {
  if (name == "temperature") {
    number(name, value, out_.temperature);
  } else if (name == "top_p") {
    number(name, value, out_.top_p);
  } else if (name == "top_k") {
    number(name, value, out_.top_k);
  } else if (name == "stop_sequences") {
    stop(value);
  } else if (name == "service_tier") {
    string(name, value, out_.service_tier);
  } else if (name == "metadata") {
    metadata(value);
  } else {
    return false;
  }
  return true;
}

bool RequestReader::shaping(std::string_view name, JsonValue value) {
  if (name == "tool_choice") {
    tool_choice(value);
  } else if (name == "thinking") {
    thinking(value);
  } else if (name == "output_config") {
    output_config(value);
  } else if (name == "output_format") {
    format(value, name);
  } else {
    return false;
  }
  return true;
}

void RequestReader::system(JsonValue value) {
  if (value.is_null()) return;
  if (const auto text = value.as_string()) {
    if (!text->empty()) system_.push_back({.what = chat::Text{.text = std::string(*text)}});
    return;
  }
  read_ = read_blocks(value, {.member = "system"}, false, system_);
}

void RequestReader::messages(JsonValue value) {
  if (!value.is_array()) return fail({.member = "messages"}, "must be an array");
  has_messages_ = true;
  out_.messages.clear();
  out_.messages.reserve(value.size() + 1);
  Place at{.member = "messages", .index = 0};
  value.elements([&](JsonValue one) {
    if (!read_) return;
    if (auto read = message(one, at, out_.messages.emplace_back()); !read) read_ = std::move(read);
    ++at.index;
  });
}

Result<void> RequestReader::message(JsonValue value, const Place& place, chat::Message& out) {
  if (!value.is_object()) return fault(place, kMustBeObject);
  std::string_view role;
  JsonValue content;
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "role") {
      role = inner.as_string().value_or("");
    } else if (name == "content") {
      content = inner;
    } else {
      keep_unknown(out.extra, name, inner);
    }
  });
  if (role == "assistant") {
    out.role = chat::Role::assistant;
  } else if (role == "system") {
    out.role = chat::Role::system;
  } else if (role != "user") {
    return fault({.member = "role", .parent = &place}, "must be user, assistant or system");
  }
  const Place inside{.member = "content", .parent = &place};
  if (!content.present() || content.is_null()) return fault(inside, "is missing");
  if (const auto text = content.as_string()) {
    out.parts.emplace_back().what.emplace<chat::Text>().text = *text;
    return {};
  }
  return read_blocks(content, inside, out.role == chat::Role::assistant, out.parts);
}

chat::Tool::Kind kind_of(std::string_view type) {
  using Kind = chat::Tool::Kind;
  if (type.starts_with("web_search_")) return Kind::web_search;
  if (type.starts_with("web_fetch_")) return Kind::web_fetch;
  if (type.starts_with("code_execution_")) return Kind::code_execution;
  if (type.starts_with("computer_")) return Kind::computer;
  return type == "mcp_toolset" ? Kind::mcp : Kind::other;
}

void RequestReader::tools(JsonValue value) {
  if (value.is_null()) return;
  if (!value.is_array()) return fail({.member = "tools"}, "must be an array");
  out_.tools.reserve(value.size());
  Place at{.member = "tools", .index = 0};
  value.elements([&](JsonValue one) {
    if (!one.is_object()) return fail(at, kMustBeObject);
    out_.tools.emplace_back();
    tool(one, at, out_.tools.back());
    ++at.index;
  });
}

void RequestReader::tool(JsonValue value, const Place& place, chat::Tool& out) {
  const std::string_view type = value["type"].as_string().value_or("");
  if (!type.empty() && type != "custom") {
    chat::Extra ignored;
    out.kind = kind_of(type);
    out.name = text_or_empty(value["name"]);
    read_cache_control(value["cache_control"], out.cache, ignored);
    out.origin = kDialect;
    out.config = value.text();
    return;
  }
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "name") {
      out.name = text_or_empty(inner);
    } else if (name == "description") {
      out.description = text_or_empty(inner);
    } else if (name == "input_schema") {
      if (!inner.is_object()) fail({.member = "input_schema", .parent = &place}, kMustBeObject);
      out.parameters = inner.text();
    } else if (name == "strict") {
      out.strict = flag_of(inner);
    } else if (name == "cache_control") {
      read_cache_control(inner, out.cache, out.extra);
    } else if (name != "type") {
      keep_unknown(out.extra, name, inner);
    } else if (inner.is_string()) {
      keep_extra(out.extra, "~type", inner);
    }
  });
}

void RequestReader::tool_choice(JsonValue value) {
  if (value.is_null()) return;
  using Mode = chat::ToolChoice::Mode;
  chat::ToolChoice& choice = out_.tool_choice;
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "name") {
      choice.name = text_or_empty(inner);
    } else if (name == "disable_parallel_tool_use") {
      if (const auto flag = flag_of(inner)) choice.parallel = !*flag;
    } else if (name != "type") {
      keep_nested(out_.extra, "tool_choice", name, inner);
    }
  });
  const std::string_view type = value["type"].as_string().value_or("");
  if (type == "auto") {
    choice.mode = Mode::automatic;
  } else if (type == "any") {
    choice.mode = Mode::required;
  } else if (type == "tool") {
    choice.mode = Mode::named;
  } else if (type == "none") {
    choice.mode = Mode::none;
  } else {
    fail({.member = "tool_choice"}, "must be an object with a `type` of auto, any, tool or none");
  }
}

void RequestReader::thinking(JsonValue value) {
  using Mode = chat::Reasoning::Mode;
  if (value.is_null()) return;
  const std::string_view type = value["type"].as_string().value_or("");
  if (type == "enabled") {
    out_.reasoning.mode = Mode::on;
  } else if (type == "adaptive") {
    out_.reasoning.mode = Mode::adaptive;
  } else if (type == "disabled") {
    out_.reasoning.mode = Mode::off;
  } else {
    return fail({.member = "thinking"}, "must be an object with a `type` of enabled, adaptive or disabled");
  }
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "budget_tokens") {
      out_.reasoning.budget = integer_of(inner);
    } else if (name == "display" && (inner.as_string() == "summarized" || inner.as_string() == "omitted")) {
      out_.reasoning.include = inner.as_string() == "summarized";
    } else if (name != "type") {
      keep_nested(out_.extra, "thinking", name, inner);
    }
  });
}

void RequestReader::output_config(JsonValue value) {
  if (value.is_null()) return;
  if (!value.is_object()) return fail({.member = "output_config"}, kMustBeObject);
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "effort") {
      out_.reasoning.effort = text_or_empty(inner);
    } else if (name == "format") {
      format(inner, "output_config.format");
    } else {
      keep_nested(out_.extra, "output_config", name, inner);
    }
  });
}

// The API matches every schema it is given; elsewhere that promise has a price (strict) which not every schema can pay.
void RequestReader::format(JsonValue value, std::string_view name) {
  if (value.is_null()) return;
  if (value["type"].as_string() != "json_schema" || !value["schema"].is_object())
    return fail({.member = name}, "must be {\"type\": \"json_schema\", \"schema\": {...}}");
  if (name == "output_format") out_.extra.emplace_back("~output_format", "true");
  out_.format.kind = chat::ResponseFormat::Kind::json_schema;
  out_.format.schema = value["schema"].text();
  if (is_strict_schema(value["schema"])) out_.format.strict = true;
}

void RequestReader::metadata(JsonValue value) {
  if (value.is_null()) return;
  if (!value.is_object()) return fail({.member = "metadata"}, kMustBeObject);
  std::string rest;
  JsonWriter writer(rest);
  writer.begin_object();
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "user_id") {
      out_.user = text_or_empty(inner);
    } else {
      writer.key(name).value(inner);
    }
  });
  writer.end_object();
  if (rest.size() > 2) out_.metadata = std::move(rest);
}

void RequestReader::stop(JsonValue value) {
  if (value.is_null()) return;
  if (!value.is_array()) return fail({.member = "stop_sequences"}, "must be an array of strings");
  Place at{.member = "stop_sequences", .index = 0};
  value.elements([&](JsonValue one) {
    if (!one.is_string()) return fail(at, "must be a string");
    out_.stop.emplace_back(*one.as_string());
    ++at.index;
  });
}

Result<chat::Request> RequestReader::take() {
  if (!has_messages_) fail({.member = "messages"}, "is missing");
  if (!read_) return std::move(read_).error();
  if (!system_.empty())
    out_.messages.insert(out_.messages.begin(), {.role = chat::Role::system, .parts = std::move(system_)});
  return std::move(out_);
}

}  // namespace

Result<chat::Request> read_request(std::string_view body, const ReadContext& context) {
  const auto parsed = body_parser().parse(body);
  if (!parsed) return parsed.error();
  if (!parsed->is_object()) return bad_request("body", "must be a JSON object");
  RequestReader reader(context);
  parsed->members([&](std::string_view name, JsonValue value) { reader.member(name, value); });
  return reader.take();
}

}  // namespace tollgate::gateway::claude
