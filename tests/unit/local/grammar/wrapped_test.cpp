// Objects between fixed texts: what is taken, that masks are exact across the seams, and what is refused.
#include "local_backend/grammar/wrapped.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "vocabulary.h"

namespace tollgate::local {
namespace {

using nlohmann::json;

std::shared_ptr<const Grammar> schema(const char* text) {
  auto grammar = Grammar::from_schema(text);
  EXPECT_TRUE(grammar) << grammar.error().message;
  return *grammar;
}

const char* const kPlace =
    R"({"type":"object","properties":{"place":{"enum":["Oslo","Rome"]}},"required":["place"],"additionalProperties":false})";
const char* const kCount =
    R"({"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":9},"next":{"$ref":"#"}},"required":["n"],
        "additionalProperties":false})";

WrappedForm hermes(bool several) {
  WrappedForm form;
  form.choices = {{"<t>{\"name\": \"weather\", \"arguments\": ", schema(kPlace), "}</t>"},
                  {"<t>{\"name\": \"wait\", \"arguments\": ", schema(kCount), "}</t>"}};
  form.several = several;
  form.between = "\n";
  return form;
}

std::unique_ptr<GrammarState> start(const WrappedForm& form) {
  auto grammar = wrapped_grammar(form);
  EXPECT_TRUE(grammar) << grammar.error().message;
  return GrammarState::start(*grammar, small_trie());
}

bool takes(const WrappedForm& form, std::string_view text) {
  const auto state = start(form);
  return state->accept_bytes(text) && state->may_end();
}

TEST(Wrapped, TakesOneOfTheChoicesWithItsOwnObject) {
  const WrappedForm form = hermes(false);
  EXPECT_TRUE(takes(form, R"(<t>{"name": "weather", "arguments": {"place": "Oslo"}}</t>)"));
  EXPECT_TRUE(takes(form, R"(<t>{"name": "wait", "arguments": {"n": 3, "next": {"n": 4}}}</t>)"));
  EXPECT_FALSE(takes(form, R"(<t>{"name": "wait", "arguments": {"place": "Oslo"}}</t>)"));
  EXPECT_FALSE(takes(form, R"(<t>{"name": "weather", "arguments": {"place": "Bonn"}}</t>)"));
  EXPECT_FALSE(takes(form, R"(<t>{"name": "wait", "arguments": {"n": 3}}</t)"));
  EXPECT_FALSE(takes(form, R"(<t>{"name": "other", "arguments": {}}</t>)"));
  EXPECT_FALSE(takes(form, R"( <t>{"name": "wait", "arguments": {"n": 3}}</t>)"));
  EXPECT_FALSE(takes(form, "text"));
  EXPECT_FALSE(takes(form, R"(<t>{"name": "wait", "arguments": {"n": 3}}</t>
<t>{"name": "wait", "arguments": {"n": 3}}</t>)"));
}

TEST(Wrapped, TakesSeveralWhereTheyMayBe) {
  const WrappedForm form = hermes(true);
  const std::string one = R"(<t>{"name": "weather", "arguments": {"place": "Oslo"}}</t>)";
  const std::string two = R"(<t>{"name": "wait", "arguments": {"n": 3}}</t>)";
  EXPECT_TRUE(takes(form, one));
  EXPECT_TRUE(takes(form, one + "\n" + two + "\n" + two));
  EXPECT_FALSE(takes(form, one + "\n"));
  EXPECT_FALSE(takes(form, one + two));
}

TEST(Wrapped, ListsHaveHeadAndTail) {
  WrappedForm form = hermes(true);
  for (WrappedChoice& choice : form.choices) choice.before.erase(0, 3), choice.after = "}";
  form.head = "[";
  form.between = ", ";
  form.tail = "]";
  EXPECT_TRUE(takes(form, R"([{"name": "wait", "arguments": {"n": 3}}])"));
  EXPECT_TRUE(takes(form, R"([{"name": "wait", "arguments": {"n": 3}}, {"name": "wait", "arguments": {"n": 4}}])"));
  EXPECT_FALSE(takes(form, R"([{"name": "wait", "arguments": {"n": 3}})"));
  EXPECT_FALSE(takes(form, R"([])"));
}

TEST(Wrapped, WhatIsWrittenAlreadyIsNotAskedFor) {
  WrappedForm form = hermes(true);
  form.choices.resize(1);
  for (const std::size_t left : {0u, 1u, 12u}) {
    form.written = form.choices[0].before.size() - left;
    const std::string rest = form.choices[0].before.substr(form.written) + R"({"place": "Rome"}}</t>)";
    EXPECT_TRUE(takes(form, rest)) << rest;
    EXPECT_TRUE(takes(form, rest + "\n" + form.choices[0].before + R"({"place": "Oslo"}}</t>)"));
    EXPECT_FALSE(takes(form, " " + rest));
  }
}

TEST(Wrapped, OnlyObjectsCount) {
  WrappedForm form;
  form.choices = {{"f:", schema("{}"), ";"}};
  EXPECT_TRUE(takes(form, "f:{};"));
  EXPECT_TRUE(takes(form, R"(f:{"a": [1, "x"]};)"));
  for (const char* other : {"f:1;", "f:\"x\";", "f:[];", "f:null;", "f:true;"})
    EXPECT_FALSE(takes(form, other)) << other;
  form.choices[0].value = schema(R"({"type":["string","null"]})");
  EXPECT_FALSE(wrapped_grammar(form));
  form.choices.clear();
  EXPECT_FALSE(wrapped_grammar(form));
}

TEST(Wrapped, MasksAreExactAndEveryWalkEnds) {
  const auto words = small_vocabulary();
  const Token end = static_cast<Token>(words.size()) - 1;
  std::mt19937 random(3);
  for (int round = 0; round < 12; ++round) {
    const auto state = start(hermes(round % 2 == 1));
    std::string text;
    for (int step = 0; step < 3000; ++step) {
      const auto mask = state->mask();
      std::vector<Token> allowed;
      for (Token token = 0; token < end; ++token) {
        const bool fits = has(mask, token);
        if (step < 60) ASSERT_EQ(fits, state->clone()->accept(token)) << text << " token " << words[token];
        if (fits) allowed.push_back(token);
      }
      ASSERT_EQ(has(mask, end), state->may_end()) << text;
      ASSERT_TRUE(state->may_end() || !allowed.empty()) << text;
      EXPECT_EQ(state->finished(), allowed.empty()) << text;
      if (state->may_end() && (allowed.empty() || random() % 2 == 0)) break;
      const Token token = allowed[random() % allowed.size()];
      ASSERT_TRUE(state->accept(token));
      text += words[static_cast<std::size_t>(token)];
    }
    ASSERT_TRUE(state->may_end()) << text;
    ASSERT_TRUE(text.starts_with("<t>") && text.ends_with("</t>")) << text;
    const json call = json::parse(text.substr(3, text.find("</t>") - 3), nullptr, false);
    ASSERT_TRUE(call.is_object()) << text;
    EXPECT_TRUE(call["name"] == "weather" ? call["arguments"].contains("place") : call["arguments"].contains("n"))
        << text;
  }
}

}  // namespace
}  // namespace tollgate::local
