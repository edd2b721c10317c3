#include "gateway/dialects/bedrock_models.h"

#include <array>

namespace tollgate::gateway::bedrock {
namespace {

struct Name {
  std::string_view part;  // of ids, profiles ("us.") and ARNs alike
  Vendor vendor;
};
constexpr std::array kNames{
    Name{"anthropic.", Vendor::claude}, Name{"amazon.nova", Vendor::nova}, Name{"openai.", Vendor::openai},
    Name{"mistral.", Vendor::mistral},  Name{"meta.", Vendor::meta},       Name{"cohere.", Vendor::cohere},
    Name{"amazon.", Vendor::other},     Name{"ai21.", Vendor::other},      Name{"deepseek.", Vendor::other},
    Name{"qwen.", Vendor::other},       Name{"moonshot", Vendor::other},   Name{"minimax.", Vendor::other},
    Name{"zai.", Vendor::other},        Name{"google.", Vendor::other},    Name{"nvidia.", Vendor::other},
    Name{"writer.", Vendor::other},     Name{"twelvelabs.", Vendor::other}};

Vendor vendor_of(std::string_view model) {
  for (const Name& name : kNames)
    if (model.find(name.part) != std::string_view::npos) return name.vendor;
  return model.find("claude") != std::string_view::npos ? Vendor::claude : Vendor::unknown;
}

bool has(std::string_view model, std::string_view part) { return model.find(part) != std::string_view::npos; }

// Open-weight models that came before constrained output did.
bool is_old(std::string_view model) {
  return has(model, "deepseek.r1") || has(model, "ai21.") || has(model, "titan") || has(model, "mistral-7b") ||
         has(model, "mixtral") || has(model, "mistral-small-24") || has(model, "mistral-large-24") ||
         has(model, "pixtral");
}

void fit_claude(std::string_view model, ModelTraits& traits) {
  traits.claude = claude::traits_of(model);
  traits.json_schema = traits.claude.json_schema;
  traits.sampling = traits.top_k = traits.claude.sampling;
  const bool forced = !has(model, "claude-opus-5-5");
  traits.tool_choice_any = traits.tool_choice_named = forced;
  traits.cache_points = traits.cache_tools = !has(model, "claude-3-sonnet") && !has(model, "claude-3-haiku") &&
                                             !has(model, "claude-3-opus") && !has(model, "claude-v2") &&
                                             !has(model, "claude-instant");
}

}  // namespace

ModelTraits traits_of(std::string_view model) {
  ModelTraits traits;
  traits.vendor = vendor_of(model);
  if (traits.claude_like()) {
    fit_claude(model, traits);
    return traits;
  }
  const bool nova = traits.vendor == Vendor::nova, meta = traits.vendor == Vendor::meta;
  traits.cache_points = nova;
  traits.cache_tools = false;
  traits.nova_reasons = nova && has(model, "nova-2");
  traits.gpt_oss = has(model, "gpt-oss");
  traits.json_schema = !nova && !meta && traits.vendor != Vendor::cohere && !is_old(model);
  traits.sampling = traits.vendor != Vendor::openai || traits.gpt_oss;
  traits.stop = traits.vendor != Vendor::openai;
  traits.top_k = nova || traits.vendor == Vendor::mistral || traits.vendor == Vendor::cohere;
  traits.tool_choice_any = !meta;
  traits.tool_choice_named = !meta && traits.vendor != Vendor::mistral && traits.vendor != Vendor::cohere;
  return traits;
}

}  // namespace tollgate::gateway::bedrock
