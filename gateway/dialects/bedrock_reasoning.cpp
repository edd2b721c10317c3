// How a request thinks and what else goes to the model's own interface: additionalModelRequestFields, which each vendor
// spells in its own way. Thread rule: pure functions.
#include <algorithm>

#include "gateway/dialects/anthropic_thinking.h"
#include "gateway/dialects/bedrock_request.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Field;
using Mode = chat::Reasoning::Mode;
using Type = claude::ThinkingPlan::Type;

constexpr std::string_view kThinking = "additionalModelRequestFields.thinking.";
constexpr std::string_view kNovaReasoning = "additionalModelRequestFields.reasoningConfig.";

// {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}
void read_thinking(JsonValue value, chat::Request& request) {
  chat::Reasoning& out = request.reasoning;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "type" && member.as_string() == "enabled") {
      out.mode = Mode::on;
    } else if (key == "type" && member.as_string() == "adaptive") {
      out.mode = Mode::adaptive;
    } else if (key == "type" && member.as_string() == "disabled") {
      out.mode = Mode::off;
    } else if (key == "budget_tokens" && member.as_int()) {
      out.budget = member.as_int();
    } else if (key == "display" && (member.as_string() == "omitted" || member.as_string() == "summarized")) {
      out.include = member.as_string() == "summarized";
    } else {
      keep_under(request.extra, kThinking, key, member);
    }
  });
}

// {"type": "enabled", "maxReasoningEffort": "low"}
void read_nova_reasoning(JsonValue value, chat::Request& request) {
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "type" && (member.as_string() == "enabled" || member.as_string() == "disabled")) {
      request.reasoning.mode = member.as_string() == "enabled" ? Mode::on : Mode::off;
    } else if (key == "maxReasoningEffort" && member.is_string()) {
      request.reasoning.effort = *member.as_string();
    } else {
      keep_under(request.extra, kNovaReasoning, key, member);
    }
  });
}

bool has_under(const chat::Extra& extra, std::string_view prefix) {
  return std::any_of(extra.begin(), extra.end(), [&](const auto& one) { return one.first.starts_with(prefix); });
}

// One member with a text or number of this name, and nothing else.
JsonValue only(JsonValue object, std::string_view name) { return object.size() == 1 ? object[name] : JsonValue{}; }

bool read_tool_choice(JsonValue value, chat::ToolChoice& out) {
  using Choice = chat::ToolChoice::Mode;
  const auto type = value["type"].as_string().value_or("");
  if (type == "auto") {
    out.mode = Choice::automatic;
  } else if (type == "any") {
    out.mode = Choice::required;
  } else if (type == "none") {
    out.mode = Choice::none;
  } else if (type == "tool") {
    out.mode = Choice::named;
    out.name = text_or_empty(value["name"]);
  } else {
    return false;
  }
  if (const auto off = value["disable_parallel_tool_use"].as_bool()) out.parallel = !*off;
  return true;
}

bool read_field(std::string_view key, JsonValue value, chat::Request& request) {
  chat::Reasoning& reasoning = request.reasoning;
  if ((key == "thinking" || key == "reasoning_config") && value.is_object()) return read_thinking(value, request), true;
  if (key == "reasoningConfig" && value.is_object()) return read_nova_reasoning(value, request), true;
  if (key == "tool_choice") return read_tool_choice(value, request.tool_choice);
  if (key == "top_k" || key == "k") {
    request.top_k = number_of(value);
    return !request.top_k.empty();
  }
  if (key == "inferenceConfig") {
    request.top_k = number_of(only(value, "topK"));
    return !request.top_k.empty();
  }
  const bool nested = key == "output_config" || key == "reasoning";
  if (!nested && key != "reasoning_effort") return false;
  reasoning.effort = text_or_empty(nested ? only(value, "effort") : value);
  return !reasoning.effort.empty();
}

// The budget or word as a word that Nova and gpt-oss know.
std::string_view three_words(const chat::Reasoning& asked) {
  std::string_view effort = asked.effort;
  if (effort.empty() && asked.budget) effort = effort_for_budget(*asked.budget);
  if (effort == "minimal") return "low";
  if (effort == "xhigh" || effort == "max") return "high";
  return effort == "low" || effort == "high" ? effort : std::string_view("medium");
}

bool asks(const chat::Reasoning& asked) {
  return asked.mode == Mode::on || asked.mode == Mode::adaptive || !asked.effort.empty() || asked.budget.has_value();
}
bool asks_for_none(const chat::Reasoning& asked) {
  return asked.mode == Mode::off || asked.effort == "none" || (asked.effort.empty() && asked.budget == 0);
}

void name_lost(const chat::Reasoning& asked, chat::Losses& losses) {
  if (asked.mode == Mode::off) losses.add(Field::reasoning_off);
  if (asked.budget) losses.add(Field::reasoning_budget);
  if (!asked.effort.empty() || (!asked.budget && asked.mode != Mode::off)) losses.add(Field::reasoning_effort);
}

void write_thinking(JsonWriter& fields, const claude::ThinkingPlan& plan, const Writing& writing) {
  const chat::Extra none, &extra = writing.own ? writing.request.extra : none;
  if (plan.type == Type::unset && !has_under(extra, kThinking)) return;
  fields.key("thinking").begin_object();
  if (plan.type != Type::unset)
    fields.member("type", plan.type == Type::disabled  ? "disabled"
                          : plan.type == Type::enabled ? "enabled"
                                                       : "adaptive");
  if (plan.budget) fields.member("budget_tokens", *plan.budget);
  fields.member_if("display", plan.display);
  write_extra_under(fields, extra, kThinking);
  fields.end_object();
}

bool forces_call(const chat::Request& request) {
  using Choice = chat::ToolChoice::Mode;
  const auto mode = request.tool_choice.mode;
  return !request.tools.empty() && (mode == Choice::required || mode == Choice::named);
}

ReasoningPlan write_for_claude(JsonWriter& fields, const Writing& writing) {
  const chat::Request& request = writing.request;
  const chat::Reasoning& asked = request.reasoning;
  claude::ThinkingPlan plan;
  if (writing.own) {
    plan = claude::spoken_plan(request);
  } else if (writing.traits.vendor == Vendor::unknown && !asked.budget && asks(asked) && !asks_for_none(asked)) {
    // An effort is a word of the service itself: better than a budget that the model, which is not known, may refuse.
    plan.effort = asked.effort == "minimal" ? "low" : asked.effort.empty() ? "medium" : asked.effort;
  } else {
    plan =
        claude::fitting_plan(request, writing.traits.claude, writing.conversation.ends_in_bare_calls, writing.losses);
  }
  // A call can be forced, or thought about.
  if (!writing.own && plan.thinks() && forces_call(request)) {
    name_lost(asked, writing.losses);
    plan = {};
  }
  write_thinking(fields, plan, writing);
  return {.thinks = plan.thinks(), .effort = plan.effort};
}

ReasoningPlan write_for_nova(JsonWriter& fields, const Writing& writing) {
  const chat::Reasoning& asked = writing.request.reasoning;
  const bool off = asks_for_none(asked);
  const chat::Extra none, &extra = writing.own ? writing.request.extra : none;
  if (!asks(asked) && !off && !has_under(extra, kNovaReasoning)) return {};
  if (!writing.traits.nova_reasons && !writing.own) {
    if (!off) name_lost(asked, writing.losses);
    return {};
  }
  std::string_view effort = writing.own ? std::string_view(asked.effort) : three_words(asked);
  // At its highest effort the model refuses a limit, and a limit is money.
  if (!writing.own && effort == "high" && writing.request.max_output_tokens) {
    effort = "medium";
    writing.losses.add("reasoning_effort.high");
  }
  fields.key("reasoningConfig").begin_object();
  if (asked.mode != Mode::unset || !writing.own) fields.member("type", off ? "disabled" : "enabled");
  if (!off) fields.member_if("maxReasoningEffort", effort);
  write_extra_under(fields, extra, kNovaReasoning);
  fields.end_object();
  return {.thinks = !off && effort == "high"};
}

void write_for_others(JsonWriter& fields, const Writing& writing) {
  const chat::Reasoning& asked = writing.request.reasoning;
  const bool none = asks_for_none(asked), openai = writing.traits.vendor == Vendor::openai;
  if (!asks(asked) && !none) return;
  if (openai && !writing.traits.gpt_oss) {
    const bool word = none || !asked.effort.empty();
    const std::string_view effort = none   ? std::string_view("none")
                                    : word ? std::string_view(asked.effort)
                                           : three_words(asked);
    fields.key("reasoning").begin_object().member("effort", effort).end_object();
  } else if (openai && !none) {
    fields.member("reasoning_effort", writing.own ? std::string_view(asked.effort) : three_words(asked));
  } else {
    name_lost(asked, writing.losses);
  }
}

}  // namespace

void read_fields(JsonValue fields, chat::Request& request) {
  fields.members([&](std::string_view key, JsonValue value) {
    if (!value.is_null() && !read_field(key, value, request)) keep_under(request.extra, kFields, key, value);
  });
}

ReasoningPlan write_reasoning(JsonWriter& fields, const Writing& writing) {
  if (writing.traits.claude_like()) return write_for_claude(fields, writing);
  if (writing.traits.vendor == Vendor::nova) return write_for_nova(fields, writing);
  write_for_others(fields, writing);
  return {};
}

}  // namespace tollgate::gateway::bedrock
