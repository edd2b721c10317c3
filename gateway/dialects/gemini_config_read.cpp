// The settings of Gemini requests: tools, toolConfig and generationConfig. Thread rule: pure.
#include <algorithm>
#include <array>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_request.h"
#include "gateway/dialects/gemini_schema.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

void read_declaration(JsonValue value, const Spot& spot, std::size_t group, FirstFault& faults, Request& request) {
  Tool tool;
  if (!expect_object(spot, {}, value, faults)) return;
  std::string scratch;
  value.members([&](std::string_view key, JsonValue member) {
    if (member.is_null()) return;
    const std::string_view name = camel(key, scratch);
    if (name == "name") {
      read_text(spot, name, member, tool.name, faults);
    } else if (name == "description") {
      read_text(spot, name, member, tool.description, faults);
      if (tool.description.empty()) tool.extra.emplace_back("~description", "\"\"");
    } else if (name == "parameters") {
      if (!expect_object(spot, name, member, faults)) return;
      tool.extra.emplace_back("~parameters", member.text());
      if (tool.parameters.empty()) tool.parameters = json_schema_of(member);
    } else if (name == "parametersJsonSchema") {
      tool.parameters = member.text();
    } else {
      keep_member(tool.extra, {}, key, member);
    }
  });
  tool.extra.emplace_back("~group", std::to_string(group));
  request.tools.push_back(std::move(tool));
}

Tool::Kind kind_of_tool(std::string_view name) {
  if (name == "googleSearch" || name == "googleSearchRetrieval" || name == "enterpriseWebSearch")
    return Tool::Kind::web_search;
  if (name == "urlContext") return Tool::Kind::web_fetch;
  if (name == "codeExecution") return Tool::Kind::code_execution;
  if (name == "fileSearch") return Tool::Kind::file_search;
  if (name == "computerUse") return Tool::Kind::computer;
  if (name == "mcpServers") return Tool::Kind::mcp;
  return Tool::Kind::other;
}

void read_thinking(JsonValue value, const Spot& spot, FirstFault& faults, Request& request) {
  if (!expect_object(spot, {}, value, faults)) return;
  Reasoning& reasoning = request.reasoning;
  std::string scratch;
  value.members([&](std::string_view key, JsonValue member) {
    if (member.is_null()) return;
    const std::string_view name = camel(key, scratch);
    if (name == "includeThoughts") {
      read_flag(spot, name, member, reasoning.include, faults);
    } else if (name == "thinkingBudget") {
      std::optional<std::int64_t> budget;
      read_integer(spot, name, member, budget, faults);
      if (!budget) return;
      reasoning.mode = *budget == 0  ? Reasoning::Mode::off
                       : *budget < 0 ? Reasoning::Mode::adaptive
                                     : Reasoning::Mode::on;
      if (*budget > 0) reasoning.budget = budget;
    } else if (name == "thinkingLevel") {
      std::string level;
      read_text(spot, name, member, level, faults);
      for (const char c : level) reasoning.effort += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (level != reasoning.effort) request.extra.emplace_back("~thinkingLevel", member.text());
    } else {
      keep_member(request.extra, "generationConfig.thinkingConfig", key, member);
    }
  });
}

void read_modalities(JsonValue value, const Spot& spot, FirstFault& faults, Request& request) {
  read_texts(spot, "responseModalities", value, request.modalities, faults);
  for (std::string& word : request.modalities)
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}

// What the answer has to look like, once all members are known.
struct Format {
  std::string mime;
  JsonValue schema, json_schema;
};

void apply_format(const Format& format, Request& request) {
  const bool json = format.mime == "application/json";
  if (!format.mime.empty() && !json && format.mime != "text/plain") {
    // Enums as bare text, audio, ...: Gemini only.
    std::string mime;
    JsonWriter(mime).string(format.mime);
    request.extra.emplace_back("generationConfig.responseMimeType", std::move(mime));
    if (format.schema.present()) request.extra.emplace_back("generationConfig.responseSchema", format.schema.text());
    if (format.json_schema.present())
      request.extra.emplace_back("generationConfig.responseJsonSchema", format.json_schema.text());
    return;
  }
  using Kind = ResponseFormat::Kind;
  const bool has_schema = format.schema.present() || format.json_schema.present();
  request.format.kind = has_schema            ? Kind::json_schema
                        : json                ? Kind::json_object
                        : format.mime.empty() ? Kind::unset
                                              : Kind::text;
  if (!has_schema) return;
  if (!json) request.extra.emplace_back("~responseMimeType", format.mime.empty() ? "null" : R"("text/plain")");
  if (format.schema.present()) request.extra.emplace_back("~responseSchema", format.schema.text());
  request.format.schema = format.json_schema.present() ? format.json_schema.text() : json_schema_of(format.schema);
}

struct NumberRow {
  std::string_view name;
  Number Request::* place;
};
constexpr std::array kNumbers{NumberRow{"temperature", &Request::temperature}, NumberRow{"topP", &Request::top_p},
                              NumberRow{"topK", &Request::top_k},
                              NumberRow{"presencePenalty", &Request::presence_penalty},
                              NumberRow{"frequencyPenalty", &Request::frequency_penalty}};
struct IntegerRow {
  std::string_view name;
  std::optional<std::int64_t> Request::* place;
};
constexpr std::array kIntegers{IntegerRow{"maxOutputTokens", &Request::max_output_tokens},
                               IntegerRow{"candidateCount", &Request::n}, IntegerRow{"seed", &Request::seed},
                               IntegerRow{"logprobs", &Request::top_logprobs}};

bool read_scalar(std::string_view name, JsonValue value, const Spot& spot, FirstFault& faults, Request& request) {
  for (const NumberRow& row : kNumbers) {
    if (row.name != name) continue;
    read_number(spot, name, value, request.*row.place, faults);
    return true;
  }
  for (const IntegerRow& row : kIntegers) {
    if (row.name != name) continue;
    read_integer(spot, name, value, request.*row.place, faults);
    return true;
  }
  return false;
}

}  // namespace

void read_tools(JsonValue value, const Spot& outer, FirstFault& faults, Request& request) {
  if (!expect_array(outer, "tools", value, faults)) return;
  Spot spot{"tools", &outer, 0};
  std::string scratch;
  value.elements([&](JsonValue entry) {
    if (!expect_object(spot, {}, entry, faults)) return;
    entry.members([&](std::string_view key, JsonValue member) {
      if (member.is_null()) return;
      const std::string_view name = camel(key, scratch);
      if (name != "functionDeclarations") {
        Tool tool{.kind = kind_of_tool(name), .name = std::string(name), .origin = std::string(kDialect)};
        tool.config = member.text();
        tool.extra.emplace_back("~group", std::to_string(spot.index));
        request.tools.push_back(std::move(tool));
        return;
      }
      Spot inner{"functionDeclarations", &spot, 0};
      if (!expect_array(spot, name, member, faults)) return;
      member.elements([&](JsonValue declaration) {
        read_declaration(declaration, inner, spot.index, faults, request);
        ++inner.index;
      });
    });
    ++spot.index;
  });
}

void read_tool_config(JsonValue value, const Spot& outer, FirstFault& faults, Request& request) {
  const Spot spot{"toolConfig", &outer};
  if (!expect_object(spot, {}, value, faults)) return;
  ToolChoice& choice = request.tool_choice;
  std::string mode, raw_mode = "null", scratch;
  JsonValue calling;
  value.members([&](std::string_view key, JsonValue member) {
    if (member.is_null()) return;
    if (camel(key, scratch) == "functionCallingConfig") {
      calling = member;
    } else {
      keep_member(request.extra, "toolConfig", key, member);
    }
  });
  const Spot inner{"functionCallingConfig", &spot};
  if (!calling.present() || !expect_object(inner, {}, calling, faults)) return;
  calling.members([&](std::string_view key, JsonValue member) {
    if (member.is_null()) return;
    const std::string_view name = camel(key, scratch);
    if (name == "mode") {
      read_text(inner, name, member, mode, faults);
      raw_mode = member.text();
    } else if (name == "allowedFunctionNames") {
      read_texts(inner, name, member, choice.allowed, faults);
    } else {
      keep_member(request.extra, "toolConfig.functionCallingConfig", key, member);
    }
  });
  using Mode = ToolChoice::Mode;
  choice.mode = mode == "ANY" ? Mode::required : mode == "NONE" ? Mode::none : Mode::automatic;
  request.extra.emplace_back("~mode", std::move(raw_mode));
  if (choice.mode == Mode::required && choice.allowed.size() == 1) {
    choice.mode = Mode::named;
    choice.name = choice.allowed.front();
    choice.allowed.clear();
  }
}

void read_generation_config(JsonValue value, const Spot& outer, FirstFault& faults, Request& request) {
  const Spot spot{"generationConfig", &outer};
  if (!expect_object(spot, {}, value, faults)) return;
  Format format;
  std::string scratch;
  value.members([&](std::string_view key, JsonValue member) {
    if (member.is_null()) return;
    const std::string_view name = camel(key, scratch);
    if (read_scalar(name, member, spot, faults, request)) return;
    if (name == "stopSequences") {
      read_texts(spot, name, member, request.stop, faults);
    } else if (name == "responseLogprobs") {
      read_flag(spot, name, member, request.logprobs, faults);
    } else if (name == "responseMimeType") {
      read_text(spot, name, member, format.mime, faults);
    } else if (name == "responseSchema") {
      if (expect_object(spot, name, member, faults)) format.schema = member;
    } else if (name == "responseJsonSchema") {
      format.json_schema = member;
    } else if (name == "thinkingConfig") {
      read_thinking(member, Spot{name, &spot}, faults, request);
    } else if (name == "responseModalities") {
      read_modalities(member, spot, faults, request);
    } else {
      keep_member(request.extra, "generationConfig", key, member);
    }
  });
  apply_format(format, request);
}

}  // namespace tollgate::gateway::gemini_form
