#include "gateway/dialects/anthropic_thinking.h"

#include <algorithm>

#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

using chat::Field;
using Mode = chat::Reasoning::Mode;
using Type = ThinkingPlan::Type;

// max_tokens is required. Most replies are shorter than this; more would count against some accounts' limits from the
// start. Thinking gets its room on top.
constexpr std::int64_t kDefaultMaxTokens = 8'192;
constexpr std::int64_t kSmallestBudget = 1'024;
constexpr std::int64_t kMediumBudget = 8'192;

bool asks_for_none(const chat::Reasoning& asked) {
  return asked.mode == Mode::off || asked.effort == "none" || (asked.effort.empty() && asked.budget == 0);
}

// Thoughts cannot be shown where there are none: who wants to see them wants the model to think.
bool asks_for_some(const chat::Reasoning& asked) {
  return asked.mode == Mode::on || asked.mode == Mode::adaptive || !asked.effort.empty() || asked.budget ||
         asked.include == true || !asked.summary.empty();
}

void name_all(const chat::Reasoning& asked, chat::Losses& losses) {
  bool named = false;
  const auto name = [&](Field field, bool when) {
    if (!when) return;
    losses.add(field);
    named = true;
  };
  name(Field::reasoning_budget, asked.budget.has_value());
  name(Field::reasoning_include, asked.include == true);
  name(Field::reasoning_summary, !asked.summary.empty());
  name(Field::reasoning_effort, !asked.effort.empty() || !named);
}

std::string fitting_effort(const chat::Reasoning& asked, const ModelTraits& traits) {
  std::string effort = asked.effort;
  if (effort.empty() && asked.budget) effort = effort_for_budget(*asked.budget);
  if (effort == "minimal") return "low";
  if (effort == "xhigh" && !traits.xhigh) return "high";
  return budget_for_effort(effort, std::nullopt) ? effort : std::string();
}

std::int64_t room(const ModelTraits& traits, std::int64_t thinking) {
  const std::int64_t wanted = kDefaultMaxTokens + thinking;
  return traits.max_output > 0 ? std::min(traits.max_output, wanted) : wanted;
}

// A budget between the API's smallest and what leaves room for an answer; 0 when max_tokens leaves none.
std::int64_t fitting_budget(const chat::Request& request, const ModelTraits& traits, chat::Losses& losses) {
  const chat::Reasoning& asked = request.reasoning;
  std::optional<std::int64_t> limit = request.max_output_tokens;
  if (limit && *limit <= kSmallestBudget) return 0;
  if (!limit && traits.max_output > 0) limit = traits.max_output;
  if (!asked.budget) {
    const auto budget = budget_for_effort(asked.effort, limit);
    return budget ? *budget : limit ? std::clamp(*limit * 4 / 5, kSmallestBudget, kMediumBudget) : kMediumBudget;
  }
  std::int64_t budget = std::max(*asked.budget, kSmallestBudget);
  if (limit && budget >= *limit) budget = std::max(kSmallestBudget, *limit * 4 / 5);
  if (budget != *asked.budget) losses.add(Field::reasoning_budget);
  return budget;
}

void think_adaptively(const chat::Request& request, const ModelTraits& traits, ThinkingPlan& plan) {
  plan.type = Type::adaptive;
  plan.effort = fitting_effort(request.reasoning, traits);
  plan.max_tokens =
      request.max_output_tokens.value_or(room(traits, budget_for_effort(plan.effort, {}).value_or(kMediumBudget)));
}

void think(const chat::Request& request, const ModelTraits& traits, bool unsigned_call, ThinkingPlan& plan,
           chat::Losses& losses) {
  const chat::Reasoning& asked = request.reasoning;
  if (traits.adaptive) {
    think_adaptively(request, traits, plan);
  } else {
    const std::int64_t budget = traits.thinks && !unsigned_call ? fitting_budget(request, traits, losses) : 0;
    if (budget == 0) return name_all(asked, losses);
    plan.type = Type::enabled;
    plan.budget = budget;
    plan.max_tokens = request.max_output_tokens.value_or(std::max(room(traits, budget), budget + 1));
  }
  if (asked.include == false && asked.summary.empty()) plan.display = "omitted";
  if (asked.include == true || !asked.summary.empty()) plan.display = "summarized";
}

}  // namespace

ThinkingPlan spoken_plan(const chat::Request& request) {
  const chat::Reasoning& said = request.reasoning;
  ThinkingPlan plan;
  if (said.mode == Mode::off) plan.type = Type::disabled;
  if (said.mode == Mode::on) plan.type = Type::enabled;
  if (said.mode == Mode::adaptive) plan.type = Type::adaptive;
  plan.budget = said.budget;
  plan.effort = said.effort;
  if (said.include) plan.display = *said.include ? "summarized" : "omitted";
  plan.max_tokens = request.max_output_tokens.value_or(kDefaultMaxTokens + said.budget.value_or(0));
  return plan;
}

ThinkingPlan fitting_plan(const chat::Request& request, const ModelTraits& traits, bool unsigned_call,
                          chat::Losses& losses) {
  ThinkingPlan plan;
  plan.max_tokens = request.max_output_tokens.value_or(room(traits, 0));
  if (asks_for_none(request.reasoning)) {
    // Models 4.7 and 4.8 think only when told to, and refuse to be told not to.
    if (!traits.can_stop_thinking) losses.add(Field::reasoning_off);
    const bool silent = !traits.thinks || !traits.can_stop_thinking || (traits.xhigh && traits.off_by_default);
    if (!silent) plan.type = Type::disabled;
  } else if (asks_for_some(request.reasoning)) {
    think(request, traits, unsigned_call, plan, losses);
  } else if (!traits.off_by_default && !request.max_output_tokens) {
    plan.max_tokens = room(traits, kMediumBudget);
  }
  return plan;
}

}  // namespace tollgate::gateway::claude
