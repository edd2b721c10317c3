// Recorded usage objects with the usage that an independent extractor reads from them, and with what it thinks they
// cost: our buckets, put together again the way it counts, must be the same, and so must the cost where the shipped
// rows know the model. Prints passed and excluded counts with reasons.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "billing/price_time.h"
#include "config/load.h"
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

Kind kind_of_chat(const Json& usage) {
  if (!usage.contains("completion_tokens")) return {UsageDialect::openai_embeddings, "openai", "embeddings"};
  const Json details =
      usage.contains("completion_tokens_details") ? usage["completion_tokens_details"] : Json::object();
  const std::int64_t thought = details.is_object() ? details.value("reasoning_tokens", std::int64_t{0}) : 0;
  const std::int64_t sum =
      usage.value("prompt_tokens", std::int64_t{0}) + usage.value("completion_tokens", std::int64_t{0});
  const bool beside = thought > 0 && usage.value("total_tokens", sum) == sum + thought;
  return {UsageDialect::openai_chat, beside ? "x-ai" : "openai", "chat"};
}

// The dialect by the shape of the body; nullopt for a shape that is not known here.
std::optional<Kind> kind_of(const Json& body) {
  if (body.contains("usageMetadata")) return Kind{UsageDialect::gemini, "google", "default"};
  if (body.contains("meta")) return Kind{UsageDialect::cohere, "cohere", "embeddings"};
  const Json usage = body.contains("usage") ? body["usage"] : Json::object();
  if (usage.contains("billed_units")) return Kind{UsageDialect::cohere, "cohere", "default"};
  if (usage.contains("inputTokens")) return Kind{UsageDialect::bedrock_converse, "aws", "default"};
  if (usage.contains("prompt_tokens")) return kind_of_chat(usage);
  if (!usage.contains("input_tokens")) return std::nullopt;
  const bool responses = usage.contains("total_tokens");
  return responses ? Kind{UsageDialect::openai_responses, "openai", "responses"}
                   : Kind{UsageDialect::anthropic_messages, "anthropic", "default"};
}

const Json* expected_by(const Json& item, const Kind& kind) {
  for (const Json& reading : item["extracted"]) {
    for (const Json& extractor : reading["extractors"]) {
      if (extractor["provider_id"] == kind.provider && extractor["api_flavor"] == kind.flavour) return &reading;
    }
  }
  return nullptr;
}

std::map<std::string, std::int64_t> as_they_count(const Usage& u) {
  return {{"input_tokens", u.input_side()},
          {"output_tokens", u[output] + u[reasoning] + u[audio_output] + u[image_output]},
          {"output_reasoning_tokens", u[reasoning]},
          {"output_image_tokens", u[image_output]},
          {"cache_read_tokens", u[cache_read] + u[audio_cache_read] + u[image_cache_read]},
          {"cache_audio_read_tokens", u[audio_cache_read]},
          {"cache_image_read_tokens", u[image_cache_read]},
          {"cache_write_tokens", u[cache_write_5m] + u[cache_write_1h]},
          {"cache_write_5m_tokens", u[cache_write_5m]},
          {"cache_write_1h_tokens", u[cache_write_1h]},
          {"input_audio_tokens", u[audio_input] + u[audio_cache_read]},
          {"input_image_tokens", u[image_input] + u[image_cache_read]},
          {"input_video_tokens", u[video_input]},  // without its cached part, which is in cache_read
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
    std::int64_t theirs = value.get<std::int64_t>();
    if (name == "input_video_tokens") theirs -= expected.value("cache_video_read_tokens", std::int64_t{0});
    if (found->second != theirs) {
      out += " " + name + " " + std::to_string(found->second) + " of " + std::to_string(theirs);
    }
  }
  return out;
}

// Our name of the vendor whose price they state; "" where we have none.
std::string vendor_of(const std::string& provider, const std::string& flavour) {
  static const std::map<std::string, std::string> kSame = {
      {"x-ai", "xai"}, {"moonshotai", "moonshot"}, {"zhipuai", "zai"}, {"voyageai", "voyage"}};
  if (provider == "aws") return flavour == "anthropic" ? "bedrock_anthropic" : "bedrock";
  if (provider == "google")
    return flavour == "anthropic" ? "vertex_anthropic" : flavour == "chat" ? "gemini" : "google";
  if (provider.starts_with("huggingface_")) return "";
  const auto found = kSame.find(provider);
  return found == kSame.end() ? provider : found->second;
}

struct Compared {
  int equal = 0, unequal = 0, unknown = 0;
  std::set<std::string> models;
  std::map<std::string, int> times;                // models that differ, and how often
  std::map<std::string, std::string> differences;  // the last one of each
};

// Their prices are for tokens at list price, stated for input and output apart.
Usage without(const Usage& usage, std::initializer_list<Bucket> buckets) {
  Usage out;
  for (std::size_t b = 0; b < kBuckets; ++b) {
    if (is_token(static_cast<Bucket>(b))) out.counts[b] = usage.counts[b];
  }
  for (const Bucket b : buckets) out[b] = 0;
  return out;
}

class Prices {
 public:
  Prices() : book_(*PriceBook::build(config::shipped_prices())) {}

  void compare(const Json& item, const Json& reading, const Usage& usage) {
    if (!item.contains("model")) return;
    for (const Json& extractor : reading["extractors"]) {
      if (!extractor.contains("input_price") && !extractor.contains("output_price")) continue;
      const std::string vendor = vendor_of(extractor["provider_id"], extractor["api_flavor"]);
      if (!vendor.empty()) compare_with(vendor, item["model"], extractor, usage);
    }
  }

  void print() const {
    for (const auto& [vendor, c] : vendors_) {
      std::printf("  prices   %-18s %4d equal, %3d different, %4d without a row of ours; %zu models\n", vendor.c_str(),
                  c.equal, c.unequal, c.unknown, c.models.size());
      for (const auto& [model, what] : c.differences)
        std::printf("           %4d  %s%s\n", c.times.at(model), model.c_str(), what.c_str());
    }
  }

  int equal = 0, unequal = 0;

 private:
  void compare_with(const std::string& vendor, const std::string& model, const Json& extractor, const Usage& usage) {
    Compared& c = vendors_[vendor];
    PriceQuery query{.provider = vendor, .model = model, .at_us = utc_from_text("2026-08-21").value_or(0)};
    if (!book_->knows(query)) {
      ++c.unknown;
      return;
    }
    c.models.insert(model);
    // The context's size decides about both sides, so the output's price is what it adds.
    const Priced inputs = book_->price(query, without(usage, {output, reasoning, audio_output, image_output}));
    const Priced both = book_->price(query, without(usage, {}));
    std::string wrong;
    const auto check = [&](const char* name, const std::optional<Money>& ours) {
      if (!extractor.contains(name)) return;
      const Money theirs = test::usd(extractor[name].get<std::string>());
      if (!ours || *ours != theirs)
        wrong += std::string(" ") + name + " " + (ours ? ours->to_string() : "unpriced") + " of " + theirs.to_string();
    };
    check("input_price", inputs.cost);
    check("output_price", both.cost && inputs.cost ? std::optional(*both.cost - *inputs.cost) : std::optional<Money>());
    (wrong.empty() ? c.equal : c.unequal)++;
    (wrong.empty() ? equal : unequal)++;
    if (!wrong.empty()) c.differences.emplace(model, wrong).first->second = wrong, ++c.times[model];
  }

  std::shared_ptr<const PriceBook> book_;
  std::map<std::string, Compared> vendors_;
};

TEST(UsageConformance, SameReadingAsAnIndependentExtractor) {
  const auto path = test::data_dir() / "usage_cost" / "usages.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "recorded usages are not here: " << path;
  const auto items = parse_json_dom(test::read_text(path));
  ASSERT_TRUE(items);
  std::map<std::string, int> passed, excluded;
  Prices prices;
  for (const Json& item : *items) {
    const auto kind = kind_of(item["body"]);
    const Json* expected = kind ? expected_by(item, *kind) : nullptr;
    if (expected == nullptr) {
      ++excluded["no reading by that extractor"];
      continue;
    }
    UsageReader reader;
    reader.reset(kind->dialect, {});
    reader.reply(test::padded(dump_json(item["body"])));
    const Usage& usage = reader.usage();
    const std::string name = std::string(kind->provider) + " " + kind->flavour;
    if (!usage.identity_ok) {
      ++excluded["the report contradicts itself; ours is cut and flagged (" + name + ")"];
      continue;
    }
    if (!reader.parts().empty()) {
      ++excluded["iterations: theirs counts the top level only, ours all that is billed"];
      continue;
    }
    const std::string wrong = difference((*expected)["usage"], usage);
    EXPECT_EQ(wrong, "") << usage.raw;
    if (!wrong.empty()) continue;
    ++passed[name];
    EXPECT_EQ(find_usage(dump_json(item["body"])).counts, usage.counts) << usage.raw;
    prices.compare(item, *expected, usage);
  }
  for (const auto& [name, count] : passed) std::printf("  passed   %4d  %s\n", count, name.c_str());
  for (const auto& [name, count] : excluded) std::printf("  excluded %4d  %s\n", count, name.c_str());
  prices.print();
  std::printf("  prices: %d equal, %d different\n", prices.equal, prices.unequal);
  EXPECT_GE(passed.size(), 7u);
}

}  // namespace
}  // namespace tollgate::billing
