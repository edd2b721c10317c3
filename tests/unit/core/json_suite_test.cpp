// Public JSON parsing vectors: y_ must parse, n_ must not, i_ may do either but must not crash.
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "core/json.h"
#include "core/json_dom.h"
#include "test_data.h"

namespace tollgate {
namespace {

namespace fs = std::filesystem;

std::string padded(std::string text) {
  text.append(kJsonPadding, ' ');
  return text;
}

Result<RequestScan> scan(const std::string& text) {
  const std::string buffer = padded(text);
  return scan_request(std::string_view(buffer).substr(0, text.size()));
}

// True when the scan leaves this part of a text to whoever reads the string: a wrong escape.
bool only_escapes_are_wrong(const std::string& name) {
  return name.find("escape") != std::string::npos || name.find("surrogate") != std::string::npos ||
         name.find("backslash") != std::string::npos || name.find("u00A") != std::string::npos;
}

struct Vector {
  std::string name;
  std::string text;
};

std::vector<Vector> load() {
  std::vector<Vector> out;
  const auto dir = test_data_dir("json_parsing");
  if (!fs::is_directory(dir)) return out;
  for (const auto& entry : fs::directory_iterator(dir))
    if (entry.path().extension() == ".json")
      out.push_back({entry.path().filename().string(), read_test_file(entry.path())});
  return out;
}

class JsonSuite : public testing::Test {
 protected:
  void SetUp() override {
    vectors_ = load();
    if (vectors_.empty()) GTEST_SKIP() << "no json_parsing test data (set TOLLGATE_DATA_DIR)";
  }
  std::vector<Vector> vectors_;
};

TEST_F(JsonSuite, ReaderAcceptsAndRejects) {
  JsonReader reader;
  for (const auto& [name, text] : vectors_) {
    const bool parsed = reader.parse(text).has_value();
    if (name[0] == 'y') EXPECT_TRUE(parsed) << name;
    if (name[0] == 'n') EXPECT_FALSE(parsed) << name;
  }
}

TEST_F(JsonSuite, DomAcceptsAndRejects) {
  for (const auto& [name, text] : vectors_) {
    const bool parsed = parse_json_dom(text).has_value();
    if (name[0] == 'y') EXPECT_TRUE(parsed) << name;
    if (name[0] == 'n') EXPECT_FALSE(parsed) << name;
  }
}

TEST_F(JsonSuite, ScanTakesObjectsOnly) {
  for (const auto& [name, text] : vectors_) {
    const bool accepted = scan(text).has_value();
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (accepted) EXPECT_EQ(first == std::string::npos ? '\0' : text[first], '{') << name;
    if (name[0] == 'n' && !only_escapes_are_wrong(name)) EXPECT_FALSE(accepted) << name;
    if (name.starts_with("y_object")) EXPECT_TRUE(accepted) << name;
  }
}

TEST_F(JsonSuite, ScanChecksWhatItSkips) {
  for (const auto& [name, text] : vectors_) {
    const bool accepted = scan("{\"messages\":" + text + ",\"model\":\"m\"}").has_value();
    if (name[0] == 'y') EXPECT_TRUE(accepted) << name;
    if (name[0] == 'n' && !only_escapes_are_wrong(name)) EXPECT_FALSE(accepted) << name;
  }
}

}  // namespace
}  // namespace tollgate
