// The settings of Gemini requests: tools, toolConfig and generationConfig. Thread rule: pure.
#include <algorithm>
#include <array>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_request.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

constexpr std::size_t kMostStops = 5;

void write_declaration(JsonWriter& writer, const Tool& tool, bool same) {
  writer.begin_object().member("name", std::string_view(tool.name)).member_if("description", tool.description);
  const std::string_view own = same ? extra_of(tool.extra, "~parameters") : std::string_view{};
  writer.raw_member_if("parameters", own);
  if (own.empty()) writer.raw_member_if("parametersJsonSchema", tool.parameters);
  if (same) {
    writer.raw_member_if("description", extra_of(tool.extra, "~description"));
    write_extras(writer, tool.extra);
  }
  writer.end_object();
}

// The vendor's own name of a tool that another vendor's name stands for.
std::string_view server_tool(Tool::Kind kind) {
  switch (kind) {
    case Tool::Kind::web_search:
      return "googleSearch";
    case Tool::Kind::web_fetch:
      return "urlContext";
    case Tool::Kind::code_execution:
      return "codeExecution";
    default:
      return {};
  }
}

// Settings of another vendor's tool that have no counterpart.
void name_settings(const Tool& tool, std::size_t index, Losses& losses) {
  thread_local JsonReader reader;
  if (tool.config.empty()) return;
  const auto config = reader.parse(tool.config);
  if (!config) return;
  config->members([&](std::string_view key, JsonValue value) {
    if (key == "type" || key == "name" || value.is_null()) return;
    losses.add("tools[" + std::to_string(index) + "]." + std::string(key));
  });
}

// Writes the entries of `tools`. A request that was read in this dialect keeps its grouping; else all functions stand
// in the first entry.
class ToolsWriter {
 public:
  ToolsWriter(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses)
      : writer_(writer), request_(request), same_(context.same_dialect), losses_(losses) {}

  void write() {
    if (!same_) write_functions();
    for (std::size_t i = 0; i < request_.tools.size(); ++i) {
      const Tool& tool = request_.tools[i];
      if (tool.origin == kDialect) {
        enter(extra_of(tool.extra, "~group"));
        writer_.raw_member(tool.name, tool.config);
      } else if (tool.kind != Tool::Kind::function) {
        write_foreign(tool, i);
      } else if (same_) {
        write_own_function(tool);
      }
    }
    leave();
    if (open_) writer_.end_array();
  }

 private:
  void write_functions() {
    for (const Tool& tool : request_.tools) {
      if (tool.kind != Tool::Kind::function) continue;
      if (!in_functions_) {
        enter({});
        writer_.key("functionDeclarations").begin_array();
        in_functions_ = true;
      }
      write_declaration(writer_, tool, false);
    }
    leave();
  }

  void write_own_function(const Tool& tool) {
    const std::string_view group = extra_of(tool.extra, "~group");
    if (!in_functions_ || group != group_) {
      enter(group);
      writer_.key("functionDeclarations").begin_array();
      in_functions_ = true;
    }
    write_declaration(writer_, tool, true);
  }

  void write_foreign(const Tool& tool, std::size_t index) {
    const std::string_view name = server_tool(tool.kind);
    if (name.empty()) return;  // the field is named by its table
    enter({});
    writer_.raw_member(name, "{}");
    name_settings(tool, index, losses_);
  }

  // Opens the entry of this group, unless it is open; an empty group is always a new entry.
  void enter(std::string_view group) {
    if (std::exchange(in_functions_, false)) writer_.end_array();
    if (in_entry_ && !group.empty() && group == group_) return;
    leave();
    if (!std::exchange(open_, true)) writer_.key("tools").begin_array();
    writer_.begin_object();
    in_entry_ = true;
    group_ = group;
  }
  void leave() {
    if (std::exchange(in_functions_, false)) writer_.end_array();
    if (std::exchange(in_entry_, false)) writer_.end_object();
  }

  JsonWriter& writer_;
  const Request& request_;
  const bool same_;
  Losses& losses_;
  std::string_view group_;
  bool open_ = false, in_entry_ = false, in_functions_ = false;
};

bool mixes_tools(const Request& request) {
  bool functions = false, server = false;
  for (const Tool& tool : request.tools) {
    functions = functions || tool.kind == Tool::Kind::function;
    server = server || !server_tool(tool.kind).empty();
  }
  return functions && server;
}

// The word for `mode`; "" where the vendor's default says the same.
std::string_view mode_word(const Request& request, bool same) {
  using Mode = ToolChoice::Mode;
  const ToolChoice& choice = request.tool_choice;
  if (choice.mode == Mode::none) return "NONE";
  if (choice.mode == Mode::required || choice.mode == Mode::named) return "ANY";
  if (same) return {};
  // Schemas of functions are enforced, and functions chosen from, in this mode only.
  const bool strict = std::any_of(request.tools.begin(), request.tools.end(), [](const Tool& tool) {
    return tool.kind == Tool::Kind::function && tool.strict == true;
  });
  return strict || !choice.allowed.empty() ? "VALIDATED" : "";
}

// `own`: the mode as it was said, raw.
void write_calling(JsonWriter& writer, const Request& request, std::string_view mode, std::string_view own, bool same) {
  const ToolChoice& choice = request.tool_choice;
  writer.key("functionCallingConfig").begin_object().member_if("mode", mode);
  if (own != "null") writer.raw_member_if("mode", own);
  const bool named = choice.mode == ToolChoice::Mode::named;
  if (named || !choice.allowed.empty()) {
    writer.key("allowedFunctionNames").begin_array();
    if (named) writer.string(choice.name);
    for (const std::string& name : choice.allowed)
      if (!named) writer.string(name);
    writer.end_array();
  }
  if (same) write_extras(writer, request.extra, "toolConfig.functionCallingConfig");
  writer.end_object();
}

void write_tool_config(JsonWriter& writer, const Request& request, const WriteContext& context) {
  const bool same = context.same_dialect;
  const std::string_view own = same ? extra_of(request.extra, "~mode") : std::string_view{};
  const std::string_view mode = own.empty() ? mode_word(request, same) : std::string_view{};
  const bool mixed = !same && !context.quirks.vertex_labels && !before_gemini_3(context.model) && mixes_tools(request);
  std::string inside;
  JsonWriter config(inside);
  config.begin_object();
  if (!mode.empty() || !own.empty()) write_calling(config, request, mode, own, same);
  // The Gemini API wants to be told that the caller knows calls which it does not answer itself.
  if (mixed) config.member("includeServerSideToolInvocations", true);
  if (same) write_extras(config, request.extra, "toolConfig");
  config.end_object();
  if (inside.size() > 2) writer.raw_member("toolConfig", inside);
}

// The level for an effort word; words for more than the vendor offers mean the most.
std::string_view level_of(std::string_view effort, std::string_view model) {
  const bool pro = model.find("-pro") != std::string_view::npos;  // these know no minimal level
  if (effort == "minimal") return pro ? "LOW" : "MINIMAL";
  if (effort == "low") return "LOW";
  if (effort == "medium") return "MEDIUM";
  return effort == "high" || effort == "xhigh" || effort == "max" ? "HIGH" : "";
}

// Thinking cannot be switched off in every model; the least is asked for then, and the loss is named.
void write_no_thinking(JsonWriter& writer, std::string_view model, Losses& losses) {
  const bool pro = model.find("-pro") != std::string_view::npos;
  const bool old_model = before_gemini_3(model);
  if (old_model && pro) {
    losses.add(Field::reasoning_off);
    writer.member("thinkingBudget", 128);
  } else if (!old_model && model.find("gemini-3") != std::string_view::npos) {
    losses.add(Field::reasoning_off);
    writer.member("thinkingLevel", pro ? "LOW" : "MINIMAL");
  } else {
    writer.member("thinkingBudget", 0);
  }
}

void write_foreign_thinking(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses) {
  using Mode = Reasoning::Mode;
  const Reasoning& reasoning = request.reasoning;
  if (reasoning.mode == Mode::off || reasoning.effort == "none") {
    write_no_thinking(writer, context.model, losses);
    return;
  }
  const std::string_view level = level_of(reasoning.effort, context.model);
  const auto tokens = budget_for_effort(reasoning.effort, request.max_output_tokens);
  if (reasoning.budget) {
    writer.member("thinkingBudget", *reasoning.budget);
  } else if (!level.empty() && !before_gemini_3(context.model)) {
    writer.member("thinkingLevel", level);
  } else if (tokens) {
    // No model of that age takes more.
    writer.member("thinkingBudget", std::min<std::int64_t>(*tokens, 24'576));
  } else if (reasoning.mode == Mode::adaptive) {
    writer.member("thinkingBudget", -1);
  }
  if (level.empty() && !reasoning.effort.empty()) losses.add(Field::reasoning_effort);
  const bool shown = reasoning.include.value_or(!reasoning.summary.empty() || reasoning.mode != Mode::unset);
  if (shown || reasoning.include) writer.member("includeThoughts", shown);
}

void write_own_thinking(JsonWriter& writer, const Request& request) {
  using Mode = Reasoning::Mode;
  const Reasoning& reasoning = request.reasoning;
  if (reasoning.include) writer.member("includeThoughts", *reasoning.include);
  if (reasoning.mode == Mode::off) writer.member("thinkingBudget", 0);
  if (reasoning.mode == Mode::adaptive) writer.member("thinkingBudget", -1);
  if (reasoning.budget) writer.member("thinkingBudget", *reasoning.budget);
  const std::string_view level = extra_of(request.extra, "~thinkingLevel");
  writer.raw_member_if("thinkingLevel", level);
  if (level.empty()) writer.member_if("thinkingLevel", reasoning.effort);
  write_extras(writer, request.extra, "generationConfig.thinkingConfig");
}

void write_thinking(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses) {
  std::string inside;
  JsonWriter thinking(inside);
  thinking.begin_object();
  if (context.same_dialect) {
    write_own_thinking(thinking, request);
  } else {
    write_foreign_thinking(thinking, request, context, losses);
  }
  thinking.end_object();
  if (inside.size() > 2) writer.raw_member("thinkingConfig", inside);
}

void write_format(JsonWriter& writer, const Request& request, bool same) {
  using Kind = ResponseFormat::Kind;
  const Kind kind = request.format.kind;
  if (kind == Kind::text && same) writer.member("responseMimeType", "text/plain");
  if (kind != Kind::json_object && kind != Kind::json_schema) return;
  const std::string_view mime = same ? extra_of(request.extra, "~responseMimeType") : std::string_view{};
  if (mime != "null") writer.raw_member("responseMimeType", mime.empty() ? R"("application/json")" : mime);
  if (kind == Kind::json_object) return;
  const std::string_view own = same ? extra_of(request.extra, "~responseSchema") : std::string_view{};
  writer.raw_member_if("responseSchema", own);
  if (own.empty()) writer.raw_member_if("responseJsonSchema", request.format.schema);
}

// One setting for all images is all that every model takes: the finest that was asked for.
void write_resolution(JsonWriter& writer, const Request& request, Losses& losses) {
  bool low = false, high = false;
  for (const Message& message : request.messages) {
    for (const Part& part : message.parts) {
      const auto* media = part.get<Media>();
      if (!media || media->kind != Media::Kind::image) continue;
      low = low || media->detail == "low";
      high = high || media->detail == "high" || media->detail == "original";
    }
  }
  if (low && high) losses.add(Field::image_detail);
  if (low || high) writer.member("mediaResolution", high ? "MEDIA_RESOLUTION_HIGH" : "MEDIA_RESOLUTION_LOW");
}

void write_modalities(JsonWriter& writer, const Request& request) {
  if (request.modalities.empty()) return;
  writer.key("responseModalities").begin_array();
  for (std::string word : request.modalities) {
    for (char& c : word)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    writer.string(word);
  }
  writer.end_array();
}

void write_stops(JsonWriter& writer, const Request& request, bool same, Losses& losses) {
  if (request.stop.empty()) return;
  const std::size_t most = same ? request.stop.size() : std::min(request.stop.size(), kMostStops);
  if (most < request.stop.size()) losses.add("stop[" + std::to_string(most) + "]");
  writer.key("stopSequences").begin_array();
  for (std::size_t i = 0; i < most; ++i) writer.string(request.stop[i]);
  writer.end_array();
}

}  // namespace

void write_tools(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses) {
  ToolsWriter(writer, request, context, losses).write();
  write_tool_config(writer, request, context);
}

void write_generation_config(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses) {
  const bool same = context.same_dialect;
  std::string inside;
  JsonWriter config(inside);
  config.begin_object();
  const auto integer = [&](std::string_view name, const std::optional<std::int64_t>& value) {
    if (value) config.member(name, *value);
  };
  config.raw_member_if("temperature", request.temperature);
  config.raw_member_if("topP", request.top_p).raw_member_if("topK", request.top_k);
  integer("candidateCount", request.n);
  integer("maxOutputTokens", request.max_output_tokens);
  write_stops(config, request, same, losses);
  config.raw_member_if("presencePenalty", request.presence_penalty);
  config.raw_member_if("frequencyPenalty", request.frequency_penalty);
  integer("seed", request.seed);
  const bool top = request.top_logprobs.value_or(0) > 0;
  const bool wanted = request.logprobs.value_or(top && !same);
  if (wanted || request.logprobs) config.member("responseLogprobs", wanted);
  if (same || (wanted && top)) integer("logprobs", request.top_logprobs);
  write_format(config, request, same);
  write_thinking(config, request, context, losses);
  write_modalities(config, request);
  if (same) {
    write_extras(config, request.extra, "generationConfig");
  } else {
    write_resolution(config, request, losses);
  }
  config.end_object();
  if (inside.size() > 2) writer.raw_member("generationConfig", inside);
}

}  // namespace tollgate::gateway::gemini_form
