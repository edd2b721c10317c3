#include "gateway/dialects/anthropic_models.h"

#include <charconv>

namespace tollgate::gateway::claude {
namespace {

struct Name {
  enum class Family : unsigned char { other, opus, sonnet, haiku, fable } family = Family::other;
  int version = 0;  // 405 for 4.5; 0 = not said
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view take_token(std::string_view& text) {
  std::size_t begin = 0;
  while (begin < text.size() && !is_digit(text[begin]) && !is_letter(text[begin])) ++begin;
  std::size_t end = begin;
  while (end < text.size() && (is_digit(text[end]) || is_letter(text[end]))) ++end;
  const std::string_view token = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return token;
}

// One or two digits; longer ones are dates. -1 for anything else.
int version_part(std::string_view token) {
  int value = -1;
  if (token.empty() || token.size() > 2) return -1;
  const auto [end, ec] = std::from_chars(token.data(), token.data() + token.size(), value);
  return ec == std::errc() && end == token.data() + token.size() ? value : -1;
}

Name::Family family_of(std::string_view token) {
  if (token == "opus") return Name::Family::opus;
  if (token == "sonnet") return Name::Family::sonnet;
  if (token == "haiku") return Name::Family::haiku;
  return token == "fable" || token == "mythos" ? Name::Family::fable : Name::Family::other;
}

// claude-3-7-sonnet-20250219, claude-sonnet-4-5@20250929, us.anthropic.claude-opus-4-6-v1, anthropic.claude-v2:1
Name parse(std::string_view model) {
  Name name;
  const std::size_t at = model.find("claude");
  if (at == std::string_view::npos) return name;
  std::string_view rest = model.substr(at + 6);
  bool after_major = false;
  for (std::string_view token = take_token(rest); !token.empty(); token = take_token(rest)) {
    if (token == "v2" || token == "instant") return name.version = 200, name;
    const int part = version_part(token);
    if (name.version == 0 && part > 0) {
      name.version = part * 100;
      after_major = true;
      continue;
    }
    if (after_major && part >= 0) name.version += part;
    after_major = false;
    if (const auto family = family_of(token); family != Name::Family::other) name.family = family;
  }
  return name;
}

std::int64_t max_output_of(const Name& name) {
  if (name.version < 305) return 4'096;
  if (name.version < 307) return 8'192;
  const bool opus = name.family == Name::Family::opus;
  if (opus && name.version < 405) return 32'000;
  return name.version >= 406 && (opus || name.version >= 500) ? 128'000 : 64'000;
}

}  // namespace

ModelTraits traits_of(std::string_view model) {
  ModelTraits traits;
  const Name name = parse(model);
  if (name.version == 0) return traits;
  const int version = name.version;
  const bool opus = name.family == Name::Family::opus, fable = name.family == Name::Family::fable;
  traits.thinks = version >= 307;
  traits.adaptive = version >= 406;
  traits.xhigh = version >= 500 || (opus && version >= 407);
  traits.off_by_default = version < 500;
  traits.can_stop_thinking = !fable && version <= 500;
  traits.sampling = version < 500 && !(opus && version >= 407);
  traits.one_sampler = version >= 405 || (opus && version >= 401);
  traits.json_schema = version >= 405 || (opus && version >= 401);
  traits.system_in_turns = (opus && version >= 408) || (fable && version >= 500) || version > 500;
  traits.max_output = max_output_of(name);
  return traits;
}

}  // namespace tollgate::gateway::claude
