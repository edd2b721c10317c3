// Hostile templates end with an error; errors say where and what; what a template mentions.
#include <gtest/gtest.h>

#include <string>

#include "local_backend/template/chat_template.h"

namespace tollgate::local {
namespace {

std::string rendered(const std::string& source, const std::string& context = "{}", const TemplateLimits& limits = {}) {
  const auto compiled = ChatTemplate::compile(source, limits);
  if (!compiled) return compiled.error().code + ": " + compiled.error().message;
  const auto out = (*compiled)->render(context);
  return out ? *out : out.error().code + ": " + out.error().message;
}

std::string repeated(const std::string& unit, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += unit;
  return out;
}

TEST(TemplateErrors, SayWhereAndWhat) {
  EXPECT_EQ(rendered("a\n{% if %}"), "bad_chat_template: line 2: Expected an expression, got '%}'");
  EXPECT_EQ(rendered("a\n\n{{ x.y.z }}"), "chat_template_error: line 3: UndefinedError: 'x' is undefined");
  EXPECT_EQ(rendered("{{ raise_exception('Only users.') }}"), "chat_template_error: Only users.");
  EXPECT_EQ(rendered("{% include 'x' %}"), "bad_chat_template: line 1: Encountered unknown tag 'include'.");
  EXPECT_EQ(rendered("x", "[1]"), "chat_template_error: the context is no JSON object");
  EXPECT_EQ(rendered("x", "{"), "chat_template_error: the context is no JSON");
  EXPECT_EQ(rendered("\xFF"), "bad_chat_template: line 1: the template is not UTF-8");
}

TEST(TemplateErrors, AreTheClientsFault) {
  const auto compiled = ChatTemplate::compile("{{");
  ASSERT_FALSE(compiled.has_value());
  EXPECT_EQ(compiled.error().status, 400);
  EXPECT_EQ(compiled.error().kind, ErrorKind::client_fault);
}

TEST(TemplateLimits, EveryGrowthEnds) {
  const char* const hostile[] = {
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
      "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
      "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
      "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
      "{% set l = [] %}{% set _ = l.append(l) %}{{ l|tojson }}",
      "{% set l = [1] %}{% for x in l %}{% set _ = l.append(1) %}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{{ 'a' * 999999999999 }}",
      "{{ [1] * 999999999999 }}",
      "{{ 'ab'.replace('', 'x' * 9999999) }}",
      "{{ 'x'.center(999999999999) }}",
      "{{ '%999999999d' % 1 }}",
      "{{ '{:999999999}'.format(1) }}",
      "{{ range(999999999) }}",
      "{{ 2 ** 99999 }}",
      "{{ -9223372036854775807 - 9 }}",
      "{{ [1, [2]]|tojson(indent=999999999) }}",
      "{% set ns = namespace(g=[1]) %}{% for i in range(9999) %}{% set ns.g = ns.g|map('string') %}{% endfor %}{{ "
      "ns.g|list }}",
      "{% for i in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' "
      "}}{% endfor %}",
  };
  TemplateLimits limits;
  limits.max_steps = 300'000;
  limits.max_output = 1u << 20;
  for (const char* source : hostile)
    EXPECT_TRUE(rendered(source, "{}", limits).starts_with("chat_template_error: ")) << source;
}

TEST(TemplateLimits, DeepSourcesAreRefused) {
  for (const std::string& source :
       {"{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}", "{{ " + repeated("[", 5000),
        "{{ " + repeated("not ", 5000) + "1 }}", "{{ " + repeated("-", 5000) + "1 }}",
        "{{ x" + repeated("|string", 5000) + " }}", "{{ x" + repeated(".a", 5000) + " }}",
        repeated("{% if 1 %}", 5000) + repeated("{% endif %}", 5000), "{{ 1" + repeated(" if 1 else 1", 5000) + " }}",
        "{% set " + repeated("(", 5000) + "a" + repeated(")", 5000) + " = 1 %}"}) {
    EXPECT_TRUE(rendered(source).starts_with("bad_chat_template: ")) << source.substr(0, 30);
  }
  EXPECT_EQ(rendered("{{ 1" + repeated(" + 1", 5000) + " }}"), "5001");
  EXPECT_EQ(rendered("{{ 1" + repeated(" ~ 1", 100) + " }}"), repeated("1", 101));
  EXPECT_TRUE(rendered(std::string(300u << 10, 'x')).starts_with("bad_chat_template: "));
  EXPECT_TRUE(
      rendered("x", "{\"a\":" + repeated("[", 5000) + repeated("]", 5000) + "}").starts_with("chat_template_err"));
}

TEST(TemplateLimits, OutputIsBounded) {
  TemplateLimits limits;
  limits.max_output = 10;
  EXPECT_EQ(rendered("0123456789", "{}", limits), "0123456789");
  EXPECT_TRUE(rendered("0123456789a", "{}", limits).starts_with("chat_template_error: "));
}

TEST(ChatTemplate, KnowsWhatItMentions) {
  const auto compiled = ChatTemplate::compile("{% if tools is defined %}{{ x.thinking }}{% endif %}{% set y = 1 %}");
  ASSERT_TRUE(compiled.has_value());
  EXPECT_TRUE((*compiled)->mentions("tools"));
  EXPECT_TRUE((*compiled)->mentions("x"));
  EXPECT_FALSE((*compiled)->mentions("thinking"));
  EXPECT_FALSE((*compiled)->mentions("y"));
}

TEST(ChatTemplate, TellsTheGivenTime) {
  TemplateLimits limits;
  limits.now_unix = 1722000000;
  EXPECT_EQ(rendered("{{ strftime_now('%d %b %Y') }}", "{}", limits), "26 Jul 2024");
}

}  // namespace
}  // namespace tollgate::local
