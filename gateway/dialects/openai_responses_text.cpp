// `text` and `reasoning` of a Responses request.
#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_tools.h"

namespace tollgate::gateway::responses {
namespace {

using Format = chat::ResponseFormat;
using Mode = chat::Reasoning::Mode;

void keep_nested(chat::Request& request, std::string_view object, std::string_view key, JsonValue value) {
  if (!value.is_null()) keep_extra(request.extra, std::string(object) + "." + std::string(key), value);
}

Result<void> read_format(JsonValue value, chat::Request& request) {
  if (value.is_null()) return {};
  if (!value.is_object()) return bad_request("text.format", "must be an object");
  Format& format = request.format;
  const std::string_view type = value["type"].as_string().value_or("");
  if (type == "text") {
    format.kind = Format::Kind::text;
  } else if (type == "json_object") {
    format.kind = Format::Kind::json_object;
  } else if (type == "json_schema") {
    format.kind = Format::Kind::json_schema;
  } else {
    keep_nested(request, "text", "format", value);
    return {};
  }
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "name") format.name = text_or_empty(member);
    if (key == "description") format.description = text_or_empty(member);
    if (key == "schema") format.schema = raw_of(member);
    if (key == "strict") format.strict = member.as_bool();
  });
  if (format.kind == Format::Kind::json_schema && format.schema.empty())
    return bad_request("text.format.schema", "is missing");
  return {};
}

void write_format(JsonWriter& writer, const Format& format) {
  writer.begin_object();
  if (format.kind == Format::Kind::json_object) {
    writer.member("type", "json_object");
  } else if (format.kind != Format::Kind::json_schema) {
    writer.member("type", "text");
  } else {
    writer.member("type", "json_schema").member("name", format.name.empty() ? "response" : format.name);
    writer.member_if("description", format.description);
    writer.raw_member("schema", format.schema.empty() ? "{}" : format.schema);
    if (format.strict) writer.member("strict", *format.strict);
  }
  writer.end_object();
}

// The summary that the request asks for. Others say only that they want to see thoughts.
std::string_view summary_of(const chat::Reasoning& reasoning, bool same_dialect) {
  if (!reasoning.summary.empty()) return reasoning.summary;
  return !same_dialect && reasoning.include == true && reasoning.mode != Mode::off ? "auto" : "";
}

}  // namespace

Result<void> read_text(JsonValue text, chat::Request& request) {
  if (text.is_null()) return {};
  if (!text.is_object()) return bad_request("text", "must be an object");
  Result<void> outcome;
  text.members([&](std::string_view key, JsonValue value) {
    if (key == "format") {
      outcome = read_format(value, request);
    } else if (key == "verbosity") {
      request.verbosity = text_or_empty(value);
    } else {
      keep_nested(request, "text", key, value);
    }
  });
  return outcome;
}

Result<void> read_reasoning(JsonValue value, chat::Request& request) {
  if (value.is_null()) return {};
  if (!value.is_object()) return bad_request("reasoning", "must be an object");
  chat::Reasoning& reasoning = request.reasoning;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "effort") {
      reasoning.effort = text_or_empty(member);
    } else if (key == "summary") {
      reasoning.summary = text_or_empty(member);
    } else {
      keep_nested(request, "reasoning", key, member);
    }
  });
  if (reasoning.effort == "none") {
    reasoning.mode = Mode::off;
    reasoning.effort.clear();
  } else if (!reasoning.effort.empty()) {
    reasoning.mode = Mode::on;
  }
  return {};
}

std::string_view effort_of(const chat::Reasoning& reasoning) {
  if (reasoning.mode == Mode::off) return "none";
  if (!reasoning.effort.empty()) return reasoning.effort;
  return reasoning.budget && *reasoning.budget >= 0 ? effort_for_budget(*reasoning.budget) : "";
}

void write_nested_extra(JsonWriter& writer, const chat::Extra& extra, std::string_view object) {
  for (const auto& [name, value] : extra) {
    const std::string_view path = name;
    if (path.size() > object.size() && path.starts_with(object) && path[object.size()] == '.')
      writer.raw_member(path.substr(object.size() + 1), value);
  }
}

void write_text(JsonWriter& writer, const chat::Request& request, bool same_dialect) {
  writer.begin_object();
  if (request.format.kind != Format::Kind::unset) {
    writer.key("format");
    write_format(writer, request.format);
  }
  writer.member_if("verbosity", request.verbosity);
  if (same_dialect) write_nested_extra(writer, request.extra, "text");
  writer.end_object();
}

void write_reasoning(JsonWriter& writer, const chat::Request& request, bool same_dialect) {
  writer.begin_object().member_if("effort", effort_of(request.reasoning));
  writer.member_if("summary", summary_of(request.reasoning, same_dialect));
  if (same_dialect) write_nested_extra(writer, request.extra, "reasoning");
  writer.end_object();
}

}  // namespace tollgate::gateway::responses
