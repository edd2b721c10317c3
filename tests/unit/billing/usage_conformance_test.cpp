// Recorded usage objects with the usage that an independent extractor reads from them: our buckets, put together again
// the way it counts, must be the same. Prints passed and excluded counts with reasons.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <optional>

#include "core/json_dom.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using enum Bucket;

struct Kind {
  UsageDialect dialect;
  const char* provider;  // the extractor whose reading is the norm for this shape
  const char* flavour;
};

// The dialect by the shape of the object; nullopt for dialects that are not relayed.
std::optional<Kind> kind_of(const Json& usage) {
  if (usage.contains("prompt_tokens")) {
    if (!usage.contains("completion_tokens")) return Kind{UsageDialect::openai_embeddings, "openai", "embeddings"};
    const Json details =
        usage.contains("completion_tokens_details") ? usage["completion_tokens_details"] : Json::object();
    const std::int64_t thought = details.is_object() ? details.value("reasoning_tokens", std::int64_t{0}) : 0;
    const std::int64_t sum =
        usage.value("prompt_tokens", std::int64_t{0}) + usage.value("completion_tokens", std::int64_t{0});
    const bool beside = thought > 0 && usage.value("total_tokens", sum) == sum + thought;
    return Kind{UsageDialect::openai_chat, beside ? "x-ai" : "openai", "chat"};
  }
  if (usage.contains("input_tokens")) {
    const bool responses = usage.contains("total_tokens");
    return responses ? Kind{UsageDialect::openai_responses, "openai", "responses"}
                     : Kind{UsageDialect::anthropic_messages, "anthropic", "default"};
  }
  return std::nullopt;
}

const Json* expected_by(const Json& item, const Kind& kind) {
  for (const Json& reading : item["extracted"]) {
    for (const Json& extractor : reading["extractors"]) {
      if (extractor["provider_id"] == kind.provider && extractor["api_flavor"] == kind.flavour)
        return &reading["usage"];
    }
  }
  return nullptr;
}

std::map<std::string, std::int64_t> as_they_count(const Usage& u) {
  return {{"input_tokens", u.input_side()},
          {"output_tokens", u[output] + u[reasoning] + u[audio_output] + u[image_output]},
          {"output_reasoning_tokens", u[reasoning]},
          {"cache_read_tokens", u[cache_read] + u[audio_cache_read]},
          {"cache_write_tokens", u[cache_write_5m] + u[cache_write_1h]},
          {"cache_write_5m_tokens", u[cache_write_5m]},
          {"cache_write_1h_tokens", u[cache_write_1h]},
          {"input_audio_tokens", u[audio_input] + u[audio_cache_read]},
          {"output_audio_tokens", u[audio_output]},
          {"web_searches", u[web_search]}};
}

// Differences as text, "" when all that they extract is the same.
std::string difference(const Json& expected, const Usage& usage) {
  std::string out;
  const auto ours = as_they_count(usage);
  for (const auto& [name, value] : expected.items()) {
    const auto found = ours.find(name);
    if (found == ours.end()) continue;
    if (found->second != value.get<std::int64_t>()) {
      out += " " + name + " " + std::to_string(found->second) + " of " + std::to_string(value.get<std::int64_t>());
    }
  }
  return out;
}

TEST(UsageConformance, SameReadingAsAnIndependentExtractor) {
  const auto path = test::data_dir() / "usage_cost" / "usages.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "recorded usages are not here: " << path;
  const auto items = parse_json_dom(test::read_text(path));
  ASSERT_TRUE(items);
  std::map<std::string, int> passed, excluded;
  for (const Json& item : *items) {
    const Json usage_json = item["body"].contains("usage") ? item["body"]["usage"] : Json::object();
    const auto kind = kind_of(usage_json);
    if (!kind) {
      ++excluded["other dialect (Gemini, Bedrock, Cohere)"];
      continue;
    }
    const Json* expected = expected_by(item, *kind);
    if (expected == nullptr) {
      ++excluded["no reading by that extractor"];
      continue;
    }
    UsageReader reader;
    reader.reset(kind->dialect, {});
    reader.reply(test::padded(dump_json(item["body"])));
    const Usage& usage = reader.usage();
    if (!usage.identity_ok) {
      ++excluded["the report contradicts itself; ours is cut and flagged"];
      continue;
    }
    if (!reader.parts().empty()) {
      ++excluded["iterations: theirs counts the top level only, ours all that is billed"];
      continue;
    }
    const std::string wrong = difference(*expected, usage);
    EXPECT_EQ(wrong, "") << usage.raw;
    if (wrong.empty()) ++passed[std::string(kind->provider) + " " + kind->flavour];
  }
  for (const auto& [name, count] : passed) std::printf("  passed   %4d  %s\n", count, name.c_str());
  for (const auto& [name, count] : excluded) std::printf("  excluded %4d  %s\n", count, name.c_str());
  EXPECT_GE(passed.size(), 4u);
}

}  // namespace
}  // namespace tollgate::billing
