// Recorded exchanges with vendors: the scan must find in every request what a full parser finds, and every recorded
// stream must fall into the events that a plain split of its text gives.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/json_dom.h"
#include "core/sse.h"
#include "test_data.h"

namespace tollgate {
namespace {

namespace fs = std::filesystem;

class Recorded : public testing::Test {
 protected:
  void SetUp() override {
    const auto dir = test_data_dir("exchanges");
    if (!fs::is_directory(dir)) GTEST_SKIP() << "no recorded exchanges (set TOLLGATE_DATA_DIR)";
    for (const auto& entry : fs::recursive_directory_iterator(dir))
      if (entry.path().extension() == ".json") paths_.push_back(entry.path());
    ASSERT_FALSE(paths_.empty());
  }
  // Null when the exchange has no such part.
  static Json part(const fs::path& path, const char* side) {
    const auto exchange = parse_json_dom(read_test_file(path));
    EXPECT_TRUE(exchange.has_value()) << path;
    return exchange && exchange->contains(side) ? exchange->at(side) : Json();
  }
  std::vector<fs::path> paths_;
};

void expect_same_value(std::string_view text, ByteRange range, const Json& body, const char* key) {
  ASSERT_EQ(range.empty(), !body.contains(key)) << key;
  if (range.empty()) return;
  const auto value = parse_json_dom(text.substr(range.begin, range.end - range.begin));
  ASSERT_TRUE(value.has_value()) << key;
  EXPECT_EQ(*value, body[key]) << key;
}

TEST_F(Recorded, ScanFindsWhatAParserFinds) {
  int bodies = 0;
  for (const auto& path : paths_) {
    const Json request = part(path, "request");
    if (!request.is_object() || !request.contains("body") || !request["body"].is_object()) continue;
    const Json& body = request["body"];
    std::string text = bodies++ % 2 == 0 ? dump_json(body) : body.dump(2);
    const std::size_t size = text.size();
    text.append(kJsonPadding, '\xff');
    const std::string_view view(text.data(), size);
    const auto scan = scan_request(view);
    ASSERT_TRUE(scan.has_value()) << path << scan.error().message;
    const bool named = body.contains("model") && body["model"].is_string();
    EXPECT_EQ(scan->model, named ? body["model"].get<std::string>() : "") << path;
    EXPECT_EQ(scan->stream, body.contains("stream") && body["stream"] == true) << path;
    EXPECT_EQ(scan->object_empty, body.empty());
    expect_same_value(view, scan->model_value, body, "model");
    expect_same_value(view, scan->metadata, body, "metadata");
    expect_same_value(view, scan->stream_options, body, "stream_options");
    for (const char* key : {"max_tokens", "max_completion_tokens", "max_output_tokens"})
      if (body.contains(key) && body[key].is_number()) EXPECT_GE(scan->max_output_tokens, body[key].get<int>()) << path;
  }
  EXPECT_GT(bodies, 500);
}

struct Stream {
  std::vector<std::string> data;
  std::size_t last_end = 0;
};

Stream scan_stream(const std::string& text, std::mt19937* random) {
  Stream out;
  SseScanner scanner;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t step = random != nullptr ? 1 + (*random)() % 200 : text.size();
    scanner.feed(std::string_view(text).substr(at, step));
    SseEvent event;
    while (scanner.next(event)) {
      if (event.has_data) out.data.emplace_back(event.data);
      out.last_end = at + event.end;
    }
    at += std::min(step, text.size() - at);
  }
  EXPECT_EQ(scanner.partial_bytes() == 0, text.find_first_not_of("\r\n", out.last_end) == std::string::npos);
  return out;
}

std::size_t count_events_plainly(std::string text) {
  for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) text.erase(at, 1);
  std::size_t events = 0;
  for (std::size_t at = 0, end = 0; (end = text.find("\n\n", at)) != std::string::npos; at = end + 2)
    events += text.compare(at, 4, "data") == 0 || text.substr(at, end - at).find("\ndata") != std::string::npos ? 1 : 0;
  return events;
}

TEST_F(Recorded, StreamsFallIntoTheirEvents) {
  std::mt19937 random(21);
  int streams = 0;
  std::size_t events = 0;
  JsonReader reader;
  for (const auto& path : paths_) {
    const Json response = part(path, "response");
    if (!response.is_object() || response.value("body_encoding", "") != "text" || !response["body"].is_string())
      continue;
    const std::string text = response["body"].get<std::string>();
    if (!text.starts_with("data:") && !text.starts_with("event:") && !text.starts_with(":")) continue;
    ++streams;
    const Stream whole = scan_stream(text, nullptr);
    EXPECT_EQ(whole.data.size(), count_events_plainly(text)) << path;
    EXPECT_EQ(scan_stream(text, &random).data, whole.data) << path;
    for (const auto& data : whole.data)
      EXPECT_EQ(reader.parse(data).has_value(), parse_json_dom(data).has_value()) << path << data;
    events += whole.data.size();
  }
  EXPECT_GT(streams, 100);
  EXPECT_GT(events, 1000u);
}

}  // namespace
}  // namespace tollgate
