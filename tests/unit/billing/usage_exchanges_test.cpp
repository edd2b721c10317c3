// Every recorded exchange of a relayed dialect goes through the reader as it came: whole bodies, and streams through
// the event scanner. The buckets must add up to the vendor's own total. Prints counts and every report that contradicts
// itself.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <optional>

#include "core/json_dom.h"
#include "core/sse.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

namespace fs = std::filesystem;
using enum Bucket;

std::optional<UsageDialect> dialect_of(const std::string& protocol) {
  static const std::map<std::string, UsageDialect> kDialects = {
      {"openai-chat", UsageDialect::openai_chat},
      {"openai-completions", UsageDialect::openai_completions},
      {"openai-responses", UsageDialect::openai_responses},
      {"openai-embeddings", UsageDialect::openai_embeddings},
      {"anthropic-messages", UsageDialect::anthropic_messages}};
  const auto found = kDialects.find(protocol);
  return found == kDialects.end() ? std::nullopt : std::optional(found->second);
}

UsageFlags flags_of(const std::string& provider) {
  UsageFlags flags;
  flags.additive_reasoning = provider == "xai";
  flags.hidden_reasoning = provider == "google";
  flags.x_groq = provider == "groq";
  flags.reported_cost =
      provider == "openrouter" || provider == "xai" || provider == "perplexity" || provider == "vercel-gateway";
  return flags;
}

// Fixtures without framing hold one payload per line.
void feed_lines(const std::string& body, UsageReader& reader) {
  std::stringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) reader.event("", line);
  }
}

void feed_stream(const std::string& body, UsageReader& reader) {
  constexpr std::size_t kRead = 1'500;  // as packets come, so that events are split
  SseScanner scanner;
  for (std::size_t i = 0; i < body.size(); i += kRead) {
    const std::string chunk = body.substr(i, kRead);
    scanner.feed(chunk);
    for (SseEvent event; scanner.next(event);) {
      if (event.has_data) reader.event(event.event, event.data);
    }
  }
}

// The same numbers by the plainest reading of the report, apart from the code under test.
struct Plain {
  std::int64_t input = 0, output = 0, total = -1;
};
std::int64_t number(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_number_integer() ? object[name].get<std::int64_t>() : 0;
}
Plain plain_reading(UsageDialect dialect, Json usage) {
  Plain out;
  if (usage.contains("message_start")) {
    Json merged = usage["message_start"];
    if (usage["message_delta"].is_object()) merged.update(usage["message_delta"]);
    usage = merged;
  }
  const Json steps = usage.contains("iterations") ? usage["iterations"] : Json();
  if (steps.is_array() && steps.size() > 1) {
    for (const Json& step : steps) {
      const Plain one = plain_reading(dialect, step);
      out.input += one.input;
      out.output += one.output;
    }
    return out;
  }
  if (dialect == UsageDialect::anthropic_messages) {
    out.input = number(usage, "input_tokens") + number(usage, "cache_creation_input_tokens") +
                number(usage, "cache_read_input_tokens");
    out.output = number(usage, "output_tokens");
    return out;
  }
  out.input = std::max(number(usage, "prompt_tokens"), number(usage, "input_tokens"));
  out.output = std::max(number(usage, "completion_tokens"), number(usage, "output_tokens"));
  if (usage.contains("total_tokens")) {
    out.total = number(usage, "total_tokens");
    out.output = out.total - out.input;  // the total holds reasoning that stands beside the completion
  }
  return out;
}

std::int64_t output_side(const Usage& u) { return u[output] + u[reasoning] + u[audio_output] + u[image_output]; }

struct Tally {
  int reported = 0, agreed = 0, flagged = 0, framing = 0, absent = 0, absent_agreed = 0;
};

class UsageExchanges : public testing::Test {
 protected:
  void run(const Json& exchange, UsageDialect dialect) {
    const std::string id = exchange["id"], provider = exchange["provider"];
    UsageReader reader;
    reader.reset(dialect, flags_of(provider));
    feed(exchange, reader);
    const Usage& usage = reader.usage();
    Tally& tally = tallies_[exchange["protocol"].get<std::string>()];
    if (exchange["usage_reported"].is_null()) {
      ++tally.absent;
      if (!usage.reported) ++tally.absent_agreed;
      EXPECT_FALSE(usage.reported) << id << " " << usage.raw;
      return;
    }
    ++tally.reported;
    const Plain plain = plain_reading(dialect, exchange["usage_reported"]);
    const bool same = usage.reported && usage.input_side() == plain.input && output_side(usage) == plain.output;
    EXPECT_TRUE(same) << id << ": input " << usage.input_side() << " of " << plain.input << ", output "
                      << output_side(usage) << " of " << plain.output << " raw " << usage.raw;
    if (same) ++tally.agreed;
    if (!usage.identity_ok) {
      ++tally.flagged;
      std::printf("  contradicts itself: %s %s\n", id.c_str(), usage.raw.substr(0, 160).c_str());
    }
  }

  static void feed(const Json& exchange, UsageReader& reader) {
    const Json& body = exchange["response"]["body"];
    if (body.is_null()) return;
    if (!body.is_string()) return reader.reply(test::padded(dump_json(body)));
    const std::string text = body.get<std::string>();
    const bool framed = text.find("data:") != std::string::npos;
    framed ? feed_stream(text, reader) : feed_lines(text, reader);
  }

  void TearDown() override {
    for (const auto& [protocol, t] : tallies_) {
      std::printf("%-20s %4d reported, %4d agree, %2d flagged; %3d without usage, %3d read so\n", protocol.c_str(),
                  t.reported, t.agreed, t.flagged, t.absent, t.absent_agreed);
    }
  }

  std::map<std::string, Tally> tallies_;
};

TEST_F(UsageExchanges, BucketsAddUpToTheVendorsTotal) {
  const fs::path root = test::data_dir() / "exchanges";
  if (!fs::exists(root)) GTEST_SKIP() << "recorded exchanges are not here: " << root;
  int reported = 0, flagged = 0;
  for (const auto& file : fs::recursive_directory_iterator(root)) {
    if (file.path().extension() != ".json") continue;
    const auto exchange = parse_json_dom(test::read_text(file.path()));
    ASSERT_TRUE(exchange) << file.path();
    if (const auto dialect = dialect_of((*exchange)["protocol"].get<std::string>())) run(*exchange, *dialect);
  }
  for (const auto& [protocol, tally] : tallies_) {
    reported += tally.reported;
    flagged += tally.flagged;
  }
  EXPECT_GT(reported, 100);
  EXPECT_LT(flagged * 40, reported);  // contradictions are rare: a wrong rule would flag whole vendors
}

}  // namespace
}  // namespace tollgate::billing
