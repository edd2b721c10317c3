// How much a model shall think, in the words of each vendor that speaks openai.chat. The client's own spelling is kept
// beside the meaning, so that a vendor that needs no other gets it unchanged. Thread rule: see openai_chat.h.
#include <algorithm>
#include <array>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using Mode = chat::Reasoning::Mode;

constexpr std::array<std::string_view, 6> kSpellings{"~reasoning_effort", "~reasoning",       "~include_reasoning",
                                                     "~thinking",         "~enable_thinking", "~thinking_budget"};

void read_effort(JsonValue value, std::string_view place, chat::Reasoning& out, Trouble& trouble) {
  std::string effort;
  trouble.text(place, value, effort);
  if (effort == "none") {
    out.mode = Mode::off;
  } else if (!effort.empty()) {
    out.effort = std::move(effort);
  }
}

void read_switch(std::optional<bool> on, chat::Reasoning& out) {
  if (on) out.mode = *on ? Mode::on : Mode::off;
}

// OpenRouter.
void read_object(JsonValue value, chat::Reasoning& out, Trouble& trouble) {
  value.members([&](std::string_view key, JsonValue inner) {
    std::optional<bool> flag;
    if (key == "effort") {
      read_effort(inner, "reasoning.effort", out, trouble);
    } else if (key == "max_tokens") {
      trouble.integer("reasoning.max_tokens", inner, out.budget);
    } else if (key == "enabled") {
      trouble.flag("reasoning.enabled", inner, flag);
      read_switch(flag, out);
    } else if (key == "exclude") {
      trouble.flag("reasoning.exclude", inner, flag);
      if (flag) out.include = !*flag;
    } else if (key == "summary") {
      trouble.text("reasoning.summary", inner, out.summary);
    }
  });
}

// DeepSeek, Z.ai, Moonshot; Anthropic's own words come through the same member.
void read_toggle(JsonValue value, chat::Reasoning& out, Trouble& trouble) {
  const auto type = value["type"].as_string().value_or("");
  if (type == "enabled") out.mode = Mode::on;
  if (type == "disabled") out.mode = Mode::off;
  if (type == "adaptive" || type == "auto") out.mode = Mode::adaptive;
  trouble.integer("thinking.budget_tokens", value["budget_tokens"], out.budget);
}

bool wants(const chat::Reasoning& reasoning) {
  return reasoning.mode == Mode::on || reasoning.mode == Mode::adaptive || !reasoning.effort.empty() ||
         reasoning.budget.value_or(0) > 0;
}
bool refuses(const chat::Reasoning& reasoning) {
  return reasoning.mode == Mode::off || (reasoning.effort.empty() && reasoning.budget == 0);
}

// The client's spelling does for this vendor.
bool keeps_spelling(const chat::Extra& extra, const Quirks& quirks) {
  const auto has = [&](std::string_view name) { return !kept(extra, name).empty(); };
  if (quirks.no_reasoning_effort && has("~reasoning_effort")) return false;
  if (quirks.reasoning_object) return has("~reasoning") || has("~reasoning_effort");
  if (quirks.thinking_toggle) return has("~thinking");
  if (quirks.enable_thinking) return has("~enable_thinking");
  return std::any_of(kSpellings.begin(), kSpellings.end(), has);
}

void write_spelling(JsonWriter& writer, const chat::Extra& extra) {
  for (const auto& [name, value] : extra)
    if (std::find(kSpellings.begin(), kSpellings.end(), name) != kSpellings.end())
      writer.raw_member(std::string_view(name).substr(1), value);
}

void write_object(JsonWriter& writer, const chat::Reasoning& reasoning) {
  if (!wants(reasoning) && !refuses(reasoning) && !reasoning.include && reasoning.summary.empty()) return;
  writer.key("reasoning").begin_object();
  if (refuses(reasoning)) {
    writer.member("enabled", false);
  } else if (!reasoning.effort.empty()) {
    writer.member("effort", reasoning.effort);
  } else if (reasoning.budget) {
    writer.member("max_tokens", *reasoning.budget);
  } else if (wants(reasoning)) {
    writer.member("enabled", true);
  }
  if (reasoning.include) writer.member("exclude", !*reasoning.include);
  writer.member_if("summary", reasoning.summary);
  writer.end_object();
}

void write_toggle(JsonWriter& writer, const chat::Reasoning& reasoning) {
  if (!wants(reasoning) && !refuses(reasoning)) return;
  writer.key("thinking").begin_object();
  writer.member("type", refuses(reasoning) ? "disabled" : "enabled").end_object();
}

void write_flag(JsonWriter& writer, const chat::Reasoning& reasoning) {
  if (!wants(reasoning) && !refuses(reasoning)) return;
  writer.member("enable_thinking", !refuses(reasoning));
  if (reasoning.budget.value_or(0) > 0) {
    writer.member("thinking_budget", *reasoning.budget);
  } else if (const auto budget = budget_for_effort(reasoning.effort, std::nullopt); budget.value_or(0) > 0) {
    writer.member("thinking_budget", *budget);
  }
}

std::string_view effort_word(const chat::Reasoning& reasoning) {
  if (refuses(reasoning)) return "none";
  if (!reasoning.effort.empty()) return reasoning.effort;
  return reasoning.budget ? effort_for_budget(*reasoning.budget) : std::string_view();
}

}  // namespace

bool read_reasoning_member(std::string_view key, JsonValue value, chat::Request& out, Trouble& trouble) {
  std::optional<bool> flag;
  if (key == "reasoning_effort") {
    read_effort(value, key, out.reasoning, trouble);
  } else if (key == "reasoning") {
    if (trouble.object(key, value)) read_object(value, out.reasoning, trouble);
  } else if (key == "include_reasoning") {
    trouble.flag(key, value, out.reasoning.include);
  } else if (key == "thinking") {
    if (trouble.object(key, value)) read_toggle(value, out.reasoning, trouble);
  } else if (key == "enable_thinking") {
    trouble.flag(key, value, flag);
    read_switch(flag, out.reasoning);
  } else if (key == "thinking_budget") {
    trouble.integer(key, value, out.reasoning.budget);
  } else {
    return false;
  }
  keep(out.extra, "~" + std::string(key), value);
  return true;
}

void write_reasoning(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                     chat::Losses& losses) {
  const chat::Reasoning& reasoning = request.reasoning;
  const Quirks& quirks = context.quirks;
  if (context.same_dialect && keeps_spelling(request.extra, quirks)) return write_spelling(writer, request.extra);
  if (quirks.reasoning_object) return write_object(writer, reasoning);
  if (quirks.thinking_toggle) write_toggle(writer, reasoning);
  if (quirks.enable_thinking) return write_flag(writer, reasoning);
  // Beside a toggle only a word that was asked for: not all vendors with a toggle know efforts.
  const std::string_view effort = quirks.thinking_toggle ? std::string_view(reasoning.effort) : effort_word(reasoning);
  if (effort.empty() || (quirks.thinking_toggle && refuses(reasoning))) return;
  if (!quirks.no_reasoning_effort) {
    writer.member("reasoning_effort", effort);
  } else if (!quirks.thinking_toggle && refuses(reasoning)) {
    losses.add(chat::Field::reasoning_off);
  } else {
    losses.add(reasoning.effort.empty() ? chat::Field::reasoning_budget : chat::Field::reasoning_effort);
  }
}

}  // namespace tollgate::gateway::oai
