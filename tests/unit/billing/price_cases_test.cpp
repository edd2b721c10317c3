// Recorded cost cases: a vendor's usage and prices in, an exact amount out. Prints what is passed, failed or not ours.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "billing/price_time.h"
#include "core/json_dom.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using enum Bucket;

const std::map<std::string, Bucket>& bucket_names() {
  static const std::map<std::string, Bucket> kNames = {{"input", input},
                                                       {"output", output},
                                                       {"cache_read", cache_read},
                                                       {"cache_write", cache_write_5m},
                                                       {"cache_write_5m", cache_write_5m},
                                                       {"cache_write_1h", cache_write_1h},
                                                       {"character", characters}};
  return kNames;
}

// A member by reference, an empty object where absent: items() must not outlive what it walks.
const Json& member(const Json& object, const char* name) {
  static const Json kNone = Json::object();
  return object.contains(name) ? object.at(name) : kNone;
}

// One target's price description of a case as rows.
class CaseRows {
 public:
  CaseRows(std::string provider, std::string model) : provider_(std::move(provider)), model_(std::move(model)) {}

  void prices(const Json& prices) {
    config::PriceRow base = make(member(prices, "per_1M"));
    for (const auto& [name, value] : member(prices, "per_unit").items()) unit(name, value, base);
    test::fee(base, web_fetch, "0");  // the cases say so in words
    for (const auto& [name, value] : member(prices, "multipliers").items()) {
      std::string key = name;
      for (const char* kind : {"inference_geo:", "region:"}) {
        if (key.starts_with(kind)) key = "geo:" + key.substr(std::string(kind).size());
      }
      test::multiplier(base, key, value.get<std::string>());
    }
    rows.push_back(base);
    tiers(prices.value("tiers", Json::array()), {});
    for (const auto& [tier, amounts] : member(prices, "service_tiers").items()) {
      config::PriceRow row = make(amounts);
      row.service_tier = tier;
      rows.push_back(row);
      tiers(amounts.value("tiers", Json::array()), tier);
    }
    for (const Json& version : prices.value("versions", Json::array())) {
      config::PriceRow row = make(version["per_1M"]);
      if (version["from"].is_string())
        row.valid_from_us = utc_from_text(version["from"].get<std::string>()).value_or(-1);
      rows.push_back(row);
    }
    if (prices.contains("schedule")) schedule(prices);
  }

  std::vector<config::PriceRow> rows;

 private:
  config::PriceRow make(const Json& amounts) {
    config::PriceRow row;
    row.provider = provider_;
    row.model = model_;
    for (const auto& [name, value] : amounts.items()) {
      if (const auto found = bucket_names().find(name); found != bucket_names().end()) {
        row.rates[found->second] = Rate::per_million(test::usd(value.get<std::string>()));
      }
    }
    return row;
  }
  void tiers(const Json& list, const std::string& service_tier) {
    for (const Json& tier : list) {
      config::PriceRow row = make(tier["per_1M"]);
      row.service_tier = service_tier;
      row.context_inclusive = tier.contains("input_tokens_gte");
      row.context_over = tier[row.context_inclusive ? "input_tokens_gte" : "input_tokens_gt"].get<std::int64_t>();
      rows.push_back(row);
    }
  }
  static void unit(const std::string& name, const Json& value, config::PriceRow& row) {
    const Money amount = test::usd(value.get<std::string>());
    if (name == "web_search_per_1k")
      row.rates[web_search] = Rate::per_million(Money::from_femto(amount.femto() * 1'000));
    if (name == "audio_second")
      row.rates[audio_milliseconds] = Rate::per_million(Money::from_femto(amount.femto() * 1'000));
  }
  void schedule(const Json& prices) {
    rows.push_back(make(prices["off_peak"]["per_1M"]));
    for (const Json& window : prices["schedule"]["peak"]) {
      config::PriceRow row = make(prices["peak"]["per_1M"]);
      row.weekdays = 0x1f;
      const auto minute = [](const std::string& text) {
        return static_cast<std::int16_t>(std::stoi(text) * 60 + std::stoi(text.substr(3)));
      };
      row.from_minute = minute(window["from"].get<std::string>());
      row.to_minute = minute(window["to"].get<std::string>());
      rows.push_back(row);
    }
  }

  std::string provider_, model_;
};

UsageDialect dialect_of(const std::string& provider, const Json& usage) {
  if (provider == "anthropic") return UsageDialect::anthropic_messages;
  const bool responses = usage.contains("input_tokens") || usage.contains("output_item_types");
  return responses ? UsageDialect::openai_responses : UsageDialect::openai_chat;
}

UsageFlags flags_of(const std::string& provider, const std::string& id) {
  UsageFlags flags;
  flags.additive_reasoning = provider == "x-ai";
  flags.x_groq = provider == "groq";
  flags.reported_cost = provider == "openrouter" || id.find("ticks") != std::string::npos;
  flags.hidden_reasoning = provider == "google";
  return flags;
}

// The case's usage dressed as the vendor's reply, so that the whole reader is under test.
std::string reply_of(UsageDialect dialect, const Json& usage) {
  Json body;
  Json inner = usage;
  if (inner.contains("model")) body["model"] = inner["model"];
  if (dialect != UsageDialect::anthropic_messages && inner.contains("service_tier")) {
    body["service_tier"] = inner["service_tier"];
    inner.erase("service_tier");
  }
  for (const Json& type : inner.value("output_item_types", Json::array())) body["output"].push_back({{"type", type}});
  body["usage"] = inner.contains("usage") ? inner["usage"] : inner.contains("error") ? Json() : inner;
  if (inner.contains("error")) body["error"] = inner["error"];
  return dump_json(body);
}

void read_case(const Json& usage, UsageDialect dialect, UsageReader& reader) {
  if (!usage.contains("stream_events")) return reader.reply(test::padded(reply_of(dialect, usage)));
  for (Json event : usage["stream_events"]) {
    if (event.value("type", "") == "message_start") event = Json{{"type", "message_start"}, {"message", event}};
    reader.event(event.value("type", ""), dump_json(event));
  }
}

// Why a case does not go through reader and book; "" when it does.
std::string not_ours(const Json& item) {
  const std::string provider = item["provider"], id = item["id"];
  if (provider == "google" && id != "gemini-openai-compat-hidden-thoughts") return "other dialect: Gemini";
  if (provider == "aws") return "other dialect: Bedrock";
  if (provider == "cohere") return "other dialect: Cohere";
  if (provider == "multi") return "several attempts: each is a row of its own";
  if (item["usage"].contains("served_from")) return "answered by the gateway's cache: no upstream usage";
  if (item["prices"].contains("currency")) return "contract in another currency: rows are USD";
  return "";
}

struct Outcome {
  std::string cost, note;
};

Outcome run_case(const Json& item) {
  const std::string provider = item["provider"], model = item["model"];
  std::vector<config::PriceRow> rows;
  std::string asked = model;
  if (item["prices"].contains("by_model")) {
    for (const auto& [name, prices] : item["prices"]["by_model"].items()) {
      CaseRows target(provider, name);
      target.prices(prices);
      rows.insert(rows.end(), target.rows.begin(), target.rows.end());
      asked = name;
    }
  } else {
    CaseRows target(provider, model);
    target.prices(item["prices"]);
    rows = target.rows;
  }
  const auto built = PriceBook::build(rows);
  if (!built) return {"", built.error().message};

  const Json& context = item["tier_context"];
  const UsageDialect dialect = dialect_of(provider, item["usage"]);
  UsageReader reader;
  reader.reset(dialect, flags_of(provider, item["id"]));
  read_case(item["usage"], dialect, reader);
  Usage usage = reader.usage();
  if (context.contains("estimated_input_tokens")) {
    usage[input] = context["estimated_input_tokens"].get<std::int64_t>();
    usage[output] = context["estimated_output_tokens"].get<std::int64_t>();
  }
  if (item["usage"].contains("request_input_characters"))
    usage[characters] = item["usage"]["request_input_characters"].get<std::int64_t>();

  PriceQuery query;
  query.provider = provider;
  query.model = asked;
  const std::string region = context.value("region", ""), tier = context.value("service_tier_requested", "");
  query.region = region;
  query.service_tier = tier;
  query.batch = context.value("batch", false);
  query.at_us = utc_from_text(context.value("timestamp", "2026-11-01")).value_or(0);
  const Priced priced = (*built)->price(query, usage, reader.parts());
  return {test::cost_text(priced), priced.note};
}

TEST(PriceCases, ExactToTheLastDigit) {
  const auto path = test::data_dir() / "cost" / "cost_cases.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "recorded cost cases are not here: " << path;
  const auto cases = parse_json_dom(test::read_text(path));
  ASSERT_TRUE(cases);
  int passed = 0, failed = 0, other = 0;
  for (const Json& item : *cases) {
    const std::string id = item["id"];
    if (const std::string reason = not_ours(item); !reason.empty()) {
      ++other;
      std::printf("  other   %-42s %s\n", id.c_str(), reason.c_str());
      continue;
    }
    const Outcome outcome = run_case(item);
    const std::string expected = item["expected_cost_usd"];
    const bool same = outcome.cost == test::usd(expected).to_string();
    (same ? passed : failed)++;
    EXPECT_TRUE(same) << id << ": expected " << expected << ", got " << outcome.cost << " (" << outcome.note << ")";
    std::printf("  %s  %-42s %s\n", same ? "passed" : "FAILED", id.c_str(), outcome.cost.c_str());
  }
  std::printf("cost cases: %d passed, %d failed, %d other\n", passed, failed, other);
  EXPECT_EQ(passed + failed + other, static_cast<int>(cases->size()));
  EXPECT_GT(passed, other);
}

}  // namespace
}  // namespace tollgate::billing
