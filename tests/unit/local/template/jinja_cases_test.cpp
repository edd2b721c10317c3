// Small templates made by tests/fixtures/local/template/make_jinja_cases.py, rendered by the reference Jinja2: the same
// text, or an error where it had one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "local_backend/template/chat_template.h"

namespace tollgate::local {
namespace {

using Json = nlohmann::ordered_json;

std::string outcome(const std::string& source, const std::string& context) {
  const auto compiled = ChatTemplate::compile(source);
  if (!compiled) return "error: " + compiled.error().message;
  const auto rendered = (*compiled)->render(context);
  return rendered ? "text: " + *rendered : "error: " + rendered.error().message;
}

TEST(JinjaCases, RenderAsTheReference) {
  const char* folder = std::getenv("TOLLGATE_SOURCE_DIR");
  const char* other = std::getenv("JINJA_CASES");
  std::ifstream in(other != nullptr ? other
                                    : std::string(folder != nullptr ? folder : ".") +
                                          "/tests/fixtures/local/template/jinja_cases.jsonl");
  ASSERT_TRUE(in) << "the fixture is part of the repository";
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  const std::string context = Json::parse(line)["context"].dump();
  int cases = 0;
  int wrong = 0;
  while (std::getline(in, line)) {
    ++cases;
    const Json each = Json::parse(line);
    const auto source = each["t"].get<std::string>();
    const std::string got = outcome(source, context);
    const bool right = each.contains("e") ? got.starts_with("error: ") : got == "text: " + each["o"].get<std::string>();
    if (right) continue;
    if (++wrong > 50) continue;
    ADD_FAILURE() << source << "\n  got      " << got << "\n  expected "
                  << (each.contains("e") ? "error: " + each["e"].get<std::string>()
                                         : "text: " + each["o"].get<std::string>());
  }
  EXPECT_EQ(wrong, 0) << "of " << cases;
  EXPECT_GE(cases, 300);
}

}  // namespace
}  // namespace tollgate::local
