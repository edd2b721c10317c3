// What single keywords let through, what is refused and how it is said.
#include <gtest/gtest.h>

#include "schema_corpus.h"

namespace tollgate::local {
namespace {

std::shared_ptr<const Grammar> grammar_of(const std::string& schema, GrammarLimits limits = {}) {
  auto grammar = Grammar::from_schema(schema, limits);
  EXPECT_TRUE(grammar) << schema << ": " << grammar.error().message;
  return grammar ? *grammar : Grammar::any_object();
}

void expect(const std::string& schema, std::vector<std::string> good, std::vector<std::string> bad) {
  const auto grammar = grammar_of(schema);
  for (const std::string& text : good) EXPECT_TRUE(takes(grammar, text)) << schema << " should take " << text;
  for (const std::string& text : bad) EXPECT_FALSE(takes(grammar, text)) << schema << " should not take " << text;
}

std::string refusal(const std::string& schema, GrammarLimits limits = {}) {
  const auto grammar = Grammar::from_schema(schema, limits);
  if (grammar) return "taken";
  EXPECT_EQ(grammar.error().status, 400);
  return grammar.error().code + " " + grammar.error().message;
}

TEST(GrammarSchema, WhiteSpaceIsBounded) {
  expect(R"({"type":"object","properties":{"a":{"type":"array"}},"required":["a"]})",
         {R"({"a":[]})", R"({"a": [1, 2]})", "{\n  \"a\": [\n    1,\n    2\n  ]\n}", R"({ "a": [ 1 ] })"},
         {R"( {"a":[]})", R"({"a":  []})", R"({"a" :[]})", R"({"a":[1 ,2]})", "{\n\n\"a\":[]}", R"({"a":[]} )",
          "{\n" + std::string(70, ' ') + "\"a\":[]}"});
}

TEST(GrammarSchema, MembersComeInTheSchemasOrderUnlessAskedOtherwise) {
  const std::string schema = R"({"properties":{"z":{},"a":{}},"required":["a"],"type":"object"})";
  expect(schema, {R"({"z":1,"a":2})", R"({"a":2})", R"({"a":2,"more":3})"},
         {R"({"a":2,"z":1})", R"({"more":3,"a":2})", R"({"z":1})", R"({"a":1,"a":2})", R"({})"});
  GrammarLimits limits;
  limits.any_order = true;
  const auto loose = grammar_of(schema, limits);
  for (const char* text : {R"({"a":2,"z":1})", R"({"more":3,"a":2})", R"({"x":3,"z":4,"a":2})"})
    EXPECT_TRUE(takes(loose, text)) << text;
  for (const char* text : {R"({"a":1,"a":2})", R"({"z":1,"a":1,"z":2})", R"({"z":1,"x":2})"})
    EXPECT_FALSE(takes(loose, text)) << text;
}

TEST(GrammarSchema, EscapesCannotHideAName) {
  expect(R"({"properties":{"id":{"type":"integer"}},"type":"object"})", {R"({"\u0069d":1})", R"({"idx":"text"})"},
         {R"({"\u0069d":"text"})", R"({"i\u0064":"text"})"});
  expect(R"({"enum":["\u00e9\ud83d\ude00\n"]})", {"\"\xC3\xA9\xF0\x9F\x98\x80\\n\"", R"("\u00E9\ud83d\uDE00\u000a")"},
         {R"("\u00e9\ud83d")", R"("\ude00")", "\"\xC3\xA9\xF0\x9F\x98\x80\n\""});
  expect(R"({"type":"string"})", {R"("\ud83d\ude00")", R"("\/")"},
         {R"("\ud83d")", R"("\ud83dx")", R"("\ude00")", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\x01\""});
}

TEST(GrammarSchema, Lengths) {
  expect(R"({"type":"string","minLength":2,"maxLength":3})",
         {R"("ab")", "\"\xC3\xA9\xE4\xB8\xAD\\n\"", R"("a\u0062c")"}, {R"("a")", R"("abcd")", R"("")"});
  expect(R"({"type":"string","pattern":"^a+$","maxLength":3})", {R"("a")", R"("aaa")"}, {R"("aaaa")", R"("")"});
  expect(R"({"type":"string","maxLength":1000000000000})", {R"("abc")"}, {});
}

TEST(GrammarSchema, Numbers) {
  expect(R"({"type":"integer","minimum":-12,"exclusiveMaximum":105})", {"-12", "0", "7", "99", "104"},
         {"-13", "105", "1000", "007", "-0", "1.0", "1e1", "+1"});
  expect(R"({"type":"number","exclusiveMinimum":0.05,"maximum":10})", {"0.051", "0.1", "10", "10.00", "9.999"},
         {"0.05", "0.0500", "0.04", "10.001", "11", "-1", "1e0"});
  expect(R"({"type":"number"})", {"0", "-1.5e10", "1E-7", "2e+3"}, {"1.", ".5", "01", "1e999", "NaN", "-"});
  expect(R"({"type":"number","multipleOf":0.05})", {"0.05", "1.10", "-3", "0.150"}, {"0.01", "1.11", "0.151"});
  expect(R"({"type":"integer","multipleOf":7,"minimum":10})", {"14", "70"}, {"7", "15"});
  expect(R"({"enum":[1,2.5,-3e2]})", {"1", "2.5", "-300"}, {"1.0", "2.50", "300", "25"});
  expect(
      R"({"type":"integer","minimum":5,"exclusiveMinimum":true,"$schema":"http://json-schema.org/draft-04/schema#"})",
      {"6"}, {"5"});
}

TEST(GrammarSchema, Combinations) {
  expect(R"({"oneOf":[{"type":"integer"},{"minimum":5,"type":"number"}]})", {"3", "7.5"}, {"7", "2.5"});
  expect(R"({"not":{"required":["a"]},"type":"object"})", {R"({"b":1})", "{}"}, {R"({"a":1})"});
  expect(R"({"type":"string","not":{"enum":["a","bc"]}})", {R"("b")", R"("abc")", R"("")"}, {R"("a")", R"("bc")"});
  expect(R"({"type":"object","if":{"properties":{"k":{"const":1}},"required":["k"]},"then":{"required":["x"]}})",
         {R"({"k":1,"x":0})", R"({"k":2})", "{}"}, {R"({"k":1})"});
  expect(R"({"allOf":[{"properties":{"a":{"minimum":3}}},{"properties":{"a":{"type":"integer"}},"required":["a"]}],
             "type":"object"})",
         {R"({"a":3})"}, {R"({"a":2})", R"({"a":3.5})", "{}"});
}

TEST(GrammarSchema, SomethingThatMustBeThere) {
  expect(R"({"type":"object","properties":{"a":{"type":"string"}},"not":{"additionalProperties":{"type":"string"}}})",
         {R"({"b":1})", R"({"a":"x","c":"y","b":1})", R"({"b":null,"c":"y"})"},
         {"{}", R"({"a":"x"})", R"({"b":"y"})", R"({"a":1})"});
  expect(R"({"type":"array","contains":{"type":"integer"},"maxItems":3})", {"[1]", R"(["a",true,7])", "[1,2]"},
         {"[]", R"(["a"])", R"(["a","b","c"])", R"([1,2,3,4])"});
}

TEST(GrammarSchema, RecursionEndsAtTheDepthLimit) {
  GrammarLimits limits;
  limits.max_value_depth = 4;
  const auto grammar = grammar_of(R"({"type":"array","items":{"$ref":"#"}})", limits);
  EXPECT_TRUE(takes(grammar, "[[[[]]]]"));
  EXPECT_FALSE(takes(grammar, "[[[[[]]]]]"));
}

TEST(GrammarSchema, RefusalsNameThePlace) {
  EXPECT_EQ(refusal(R"({"properties":{"a/b":{"type":"array","uniqueItems":true}}})"),
            "unsupported_schema #/properties/a~1b/uniqueItems: the keyword is not supported");
  EXPECT_EQ(refusal(R"({"pattern":"(a)\\1"})"),
            "unsupported_schema #/pattern: the pattern has back references are not supported");
  EXPECT_EQ(refusal(R"({"$ref":"https://example.com/other"})"),
            "unsupported_schema #/$ref: a reference to something outside of this schema");
  EXPECT_EQ(refusal(R"({"format":"iri"})"), "unsupported_schema #/format: the format iri");
  EXPECT_EQ(refusal(R"({"type":"text"})"), "bad_schema #/type: no type of JSON");
  EXPECT_EQ(refusal(R"({"$ref":"#"})"), "bad_schema #: the schema refers to itself without end");
  EXPECT_EQ(refusal(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})"),
            "bad_schema no value is valid against the schema");
  EXPECT_TRUE(refusal("{").starts_with("bad_schema the schema is no JSON"));
  EXPECT_TRUE(refusal(std::string(100000, '[')).starts_with("bad_schema"));
}

TEST(GrammarSchema, ContentIsAssertedWhereTheDialectLets) {
  const std::string draft7 = R"("$schema":"http://json-schema.org/draft-07/schema#")";
  expect("{" + draft7 + R"(,"contentEncoding":"base64"})", {R"("eyJhIjoxfQ==")", R"("")", "100"},
         {R"("eyJ%")", R"("eyJhIjoxfQ")", R"("=")"});
  EXPECT_EQ(refusal("{" + draft7 + R"(,"contentMediaType":"application/json"})"),
            "unsupported_schema #/contentMediaType: JSON inside of strings, before draft 2019-09");
  // Later drafts: an annotation (2020-12 validation, 8.1).
  expect(R"({"contentEncoding":"base64","contentMediaType":"application/json"})", {R"("{:}")"}, {});
  EXPECT_EQ(refusal(R"({"$schema":"https://example.com/mine","minimum":3})"),
            "unsupported_schema #/$schema: an unknown dialect, whose keywords may mean something else");
}

TEST(GrammarSchema, LeapSecondsAreTheLastOfADayInUtc) {
  expect(R"({"format":"time"})",
         {R"("23:59:60Z")", R"("15:59:60.5-08:00")", R"("05:29:60+05:30")", R"("00:44:60+00:45")"},
         {R"("15:59:60Z")", R"("15:59:60+08:00")", R"("05:30:60+05:30")", R"("23:59:60+00:15")", R"("23:59:61Z")"});
}

TEST(GrammarSchema, LimitsHold) {
  GrammarLimits limits;
  limits.max_schema = 10;
  EXPECT_EQ(refusal(R"({"type":"object"})", limits), "bad_schema the schema is larger than allowed");
  limits = {};
  limits.max_states = 50;
  EXPECT_EQ(refusal(R"({"pattern":"^[a-z]{80}$"})", limits), "unsupported_schema #: the schema needs too many states");
  EXPECT_TRUE(refusal(R"({"pattern":"((a{1,900}){1,900}){1,900}"})").ends_with("the pattern is too large"));
  EXPECT_TRUE(refusal(R"({"pattern":"(.*a.{40}){3}"})").ends_with("the pattern is too large"));
}

TEST(GrammarSchema, WorkIsBounded) {
  const auto listed = [](const char* before, int count, const auto& part, const char* behind) {
    std::string out = before;
    for (int i = 0; i < count; ++i) out += (i > 0 ? "," : "") + part(std::to_string(i));
    return out + behind;
  };
  const std::string products = listed(
      R"({"anyOf":[)", 40,
      [](const std::string& i) { return R"x({"pattern":"(a|b)*a(a|b){6}[a-z]{)x" + i + R"x(}$"})x"; }, "]}");
  const std::string alternatives = listed(
      R"({"allOf":[)", 60,
      [](const std::string& i) {
        return R"({"anyOf":[{"required":["a)" + i + R"("]},{"required":["b)" + i + R"("]}]})";
      },
      "]}");
  const std::string lengths = listed(
      R"({"properties":{)", 200,
      [](const std::string& i) { return "\"p" + i + R"x(":{"pattern":"^(ab)*$","minLength":2)x" + i + "000}"; }, "}}");
  for (const std::string& hostile : {products, alternatives, lengths})
    EXPECT_TRUE(refusal(hostile).starts_with("unsupported_schema #")) << refusal(hostile).substr(0, 200);
  GrammarLimits limits;
  limits.max_work = 1000;
  EXPECT_EQ(refusal(R"({"pattern":"^[a-z]{80}$"})", limits),
            "unsupported_schema #: the schema needs too much work; simplify its patterns, lengths or combinations");
}

TEST(GrammarState, TellsWhenATextMayEnd) {
  const auto trie = TokenTrie::build({"1", "2", "}", "{", "{\"", "a\":", ""}, std::vector<Token>{6});
  const auto number = GrammarState::start(grammar_of(R"({"type":"integer","maximum":99,"minimum":10})"), trie);
  EXPECT_FALSE(number->may_end());
  EXPECT_FALSE(number->accept(2));
  EXPECT_TRUE(number->accept(0));
  EXPECT_FALSE(number->may_end());
  const auto copy = number->clone();
  EXPECT_TRUE(number->accept(1));
  EXPECT_TRUE(number->may_end());
  EXPECT_EQ(number->mask()[0], 1u << 6);
  EXPECT_EQ(copy->mask()[0], 3u);
  EXPECT_FALSE(number->accept(0));
  const auto object = GrammarState::start(Grammar::any_object(), trie);
  EXPECT_EQ(object->mask()[0], 1u << 3 | 1u << 4);
  EXPECT_TRUE(object->accept_bytes("{}"));
  EXPECT_TRUE(object->finished());
  EXPECT_FALSE(object->accept_bytes(" "));
}

}  // namespace
}  // namespace tollgate::local
