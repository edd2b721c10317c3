// Every recorded rendering of the real templates: the same bytes, or an error where the reference had one.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "../../core/test_data.h"
#include "local_backend/template/chat_template.h"

namespace tollgate::local {
namespace {

using Json = nlohmann::json;

struct Tally {
  int passed = 0;
  int failed = 0;
};

// Empty when the rendering is as recorded.
std::string difference(const Result<std::string>& rendered, const Json& golden) {
  if (golden.contains("error")) {
    return rendered ? "rendered, but the reference says " + golden["error"].get<std::string>() : "";
  }
  if (!rendered) return rendered.error().message;
  const auto& expected = golden["output"].get_ref<const std::string&>();
  if (*rendered == expected) return {};
  std::size_t at = 0;
  while (at < expected.size() && at < rendered->size() && expected[at] == (*rendered)[at]) ++at;
  return "at byte " + std::to_string(at) + ": got " +
         Json(rendered->substr(at, 60)).dump(-1, ' ', false, Json::error_handler_t::replace) + ", expected " +
         Json(expected.substr(at, 60)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

TEST(ChatTemplateGoldens, RenderAsTheReference) {
  const std::filesystem::path folder = test_data_dir("chat_templates");
  std::ifstream goldens(folder / "goldens.jsonl");
  if (!goldens) GTEST_SKIP() << "no recorded templates";
  std::map<std::string, Tally> table;
  Tally total;
  for (std::string line; std::getline(goldens, line);) {
    const Json golden = Json::parse(line);
    const auto name = golden["template"].get<std::string>();
    const auto context = golden["context"].get<std::string>();
    TemplateLimits limits;
    limits.now_unix = 1722000000;  // 2024-07-26, the day that the reference told
    const auto compiled = ChatTemplate::compile(read_test_file(folder / name), limits);
    ASSERT_TRUE(compiled.has_value()) << name << ": " << compiled.error().message;
    const auto rendered = (*compiled)->render(read_test_file(folder / "contexts" / (context + ".json")));
    const std::string wrong = difference(rendered, golden);
    EXPECT_EQ(wrong, "") << name << " with " << context;
    ++(wrong.empty() ? total.passed : total.failed);
    ++(wrong.empty() ? table[name].passed : table[name].failed);
  }
  for (const auto& [name, tally] : table)
    std::printf("%-60s %3d passed %3d failed\n", name.c_str(), tally.passed, tally.failed);
  std::printf("%-60s %3d passed %3d failed\n", "all", total.passed, total.failed);
  EXPECT_GE(total.passed, 583);
}

}  // namespace
}  // namespace tollgate::local
