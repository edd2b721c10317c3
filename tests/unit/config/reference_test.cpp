// docs/configuration.md lists every key as the loader describes it.
#include "config/reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config_fixture.h"

namespace tollgate::config {
namespace {

constexpr std::string_view kMarker = "TOLLGATE_UPDATE_DOCS=1 in the environment. -->\n";

TEST(Reference, TheDocumentedKeysAreTheOnesThatLoad) {
  const char* root = std::getenv("TOLLGATE_SOURCE_DIR");
  if (root == nullptr) GTEST_SKIP() << "TOLLGATE_SOURCE_DIR is not set";
  const std::string path = std::string(root) + "/docs/configuration.md";
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  const std::string page = text.str();
  const std::size_t marker = page.find(kMarker);
  ASSERT_NE(marker, std::string::npos);
  const std::string begin = page.substr(0, marker + kMarker.size());
  const std::string expected = begin + "\n" + reference_markdown();
  if (std::getenv("TOLLGATE_UPDATE_DOCS") != nullptr) std::ofstream(path) << expected;
  EXPECT_EQ(page, expected) << "run this test with TOLLGATE_UPDATE_DOCS=1 and commit the page";
}

TEST(Reference, HoldsKeysOfEveryKind) {
  const std::string text = reference_markdown();
  for (const char* row :
       {"| `listen` | text | `127.0.0.1:8080` |", "| `threads` | `auto`, 0 to 1024 | `auto` |",
        "| `providers.NAME.on_abort` | `cancel`, `drain` | `cancel` |", "| `auth.keys[].team` |",
        "| `server.max_body_bytes` | size, 1KiB to 1GiB | `32MiB` |",
        "| `timeouts.drain` | duration, 0 to 1h | `30s` |", "| `budgets` | empty |", "### `prices`"}) {
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace tollgate::config
