// Recorded cost cases: a vendor's usage and prices in, an exact amount out. Prints what is passed, failed or not ours.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <optional>

#include "billing/price_time.h"
#include "core/json_dom.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using enum Bucket;

// The buckets of the cases' words, for prices of a million units and of one.
std::optional<Bucket> bucket_of(std::string name) {
  static const std::map<std::string, Bucket> kWords = {{"cache_write", cache_write_5m},
                                                       {"character", characters},
                                                       {"input_audio", audio_input},
                                                       {"output_audio", audio_output},
                                                       {"cache_read_audio", audio_cache_read},
                                                       {"cached_audio", audio_cache_read},
                                                       {"input_image", image_input},
                                                       {"output_image", image_output},
                                                       {"cache_read_image", image_cache_read},
                                                       {"cached_image", image_cache_read},
                                                       {"input_video", video_input},
                                                       {"output_reasoning", reasoning},
                                                       {"grounding_query", web_search},
                                                       {"grounded_prompt", web_search},
                                                       {"search_query", web_search},
                                                       {"web_search_call", web_search},
                                                       {"file_search_call", file_search},
                                                       {"code_interpreter_session", code_execution},
                                                       {"code_exec_session", code_execution},
                                                       {"code_session", code_execution},
                                                       {"container_session", code_execution},
                                                       {"search_unit", search_units},
                                                       {"image", images},
                                                       {"page", pages},
                                                       {"audio_second", audio_milliseconds}};
  Bucket bucket{};
  if (bucket_from_name(name, bucket)) return bucket;
  const auto found = kWords.find(name);
  return found == kWords.end() ? std::nullopt : std::optional(found->second);
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
    currency_ = prices.value("currency", "");
    exchange(member(prices, "fx"));
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
  std::string unknown;  // a unit of the case that is no bucket

 private:
  config::PriceRow make(const Json& amounts) {
    config::PriceRow row;
    row.provider = provider_;
    row.model = model_;
    row.currency = currency_;
    for (const auto& [name, value] : amounts.items()) {
      if (!value.is_string()) continue;  // the row's own tiers
      if (const auto bucket = bucket_of(name)) {
        row.rates[*bucket] = Rate::per_million(test::usd(value.get<std::string>()));
      } else {
        unknown = name;
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
  void unit(std::string name, const Json& value, config::PriceRow& row) {
    const Money amount = test::usd(value.get<std::string>());
    Money::Femto times = 1'000'000;
    if (name.ends_with("_per_1k")) times = 1'000, name.resize(name.size() - 7);
    if (name == "audio_second") times = 1'000;  // the unit is a thousandth of it
    if (const auto bucket = bucket_of(name)) {
      row.rates[*bucket] = Rate::per_million(Money::from_femto(amount.femto() * times));
    } else {
      unknown = name;
    }
  }
  // "usd_per_cny": what one unit is worth from a day on.
  void exchange(const Json& fx) {
    for (const auto& [name, value] : fx.items()) {
      if (!name.starts_with("usd_per_")) continue;
      config::PriceRow worth;
      worth.provider = "currency";
      worth.model = currency_;
      test::multiplier(worth, "usd", value.get<std::string>());
      worth.valid_from_us = utc_from_text(fx.value("as_of", "1970-01-01")).value_or(0);
      rows.push_back(worth);
    }
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

  std::string provider_, model_, currency_;
};

UsageDialect dialect_of(const std::string& provider, const Json& usage) {
  if (usage.contains("usageMetadata")) return UsageDialect::gemini;
  if (provider == "aws") return UsageDialect::bedrock_converse;
  if (provider == "cohere") return UsageDialect::cohere;
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
  if (dialect == UsageDialect::gemini) {
    body["usageMetadata"] = usage["usageMetadata"];
    for (const Json& grounding : usage.value("groundingMetadata", Json::array()))
      body["candidates"].push_back({{"groundingMetadata", grounding}});
    return dump_json(body);
  }
  if (usage.contains("meta")) return dump_json(usage);
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

void read_case(const Json& item, UsageDialect dialect, UsageReader& reader) {
  const Json& usage = item["usage"];
  if (item["tier_context"].value("api", "") == "ConverseStream")
    return reader.event("metadata", dump_json({{"usage", usage}}));
  if (!usage.contains("stream_events")) return reader.reply(test::padded(reply_of(dialect, usage)));
  for (Json event : usage["stream_events"]) {
    if (event.value("type", "") == "message_start") event = Json{{"type", "message_start"}, {"message", event}};
    reader.event(event.value("type", ""), dump_json(event));
  }
}

struct Outcome {
  std::string cost, note, unknown;
};

struct Book {
  std::shared_ptr<const PriceBook> prices;
  std::string asked, unknown;  // the model asked for; a unit that has no bucket
};

Book book_of(const Json& item) {
  Book out{nullptr, item["model"], ""};
  std::vector<config::PriceRow> rows;
  const auto add = [&](const std::string& provider, const std::string& model, const Json& prices) {
    CaseRows target(provider, model);
    target.prices(prices);
    rows.insert(rows.end(), target.rows.begin(), target.rows.end());
    if (!target.unknown.empty()) out.unknown = target.unknown;
  };
  if (!item["prices"].contains("by_model")) {
    add(item["provider"], item["model"], item["prices"]);
  } else {
    for (const auto& [name, prices] : item["prices"]["by_model"].items()) {
      const bool whole = item["provider"] == "multi";  // "openai/gpt-5.5"
      const std::size_t slash = whole ? name.find('/') : std::string::npos;
      add(whole ? name.substr(0, slash) : item["provider"].get<std::string>(), whole ? name.substr(slash + 1) : name,
          prices);
      out.asked = name;
    }
  }
  out.prices = test::book(rows);
  return out;
}

PriceQuery query_of(const Json& item, const std::string& model) {
  PriceQuery query;
  query.provider = item["provider"].get_ref<const std::string&>();
  query.model = model;
  const Json& context = item["tier_context"];
  if (context.contains("region")) query.region = context["region"].get_ref<const std::string&>();
  if (context.contains("service_tier_requested"))
    query.service_tier = context["service_tier_requested"].get_ref<const std::string&>();
  query.batch = context.value("batch", false);
  query.at_us = utc_from_text(context.value("timestamp", "2026-11-01")).value_or(0);
  return query;
}

// Every attempt is a row of its own; one that failed without usage costs nothing.
Outcome run_attempts(const Json& item, const Book& book) {
  Money sum;
  for (const Json& attempt : item["usage"]["attempts"]) {
    if (attempt["usage"].is_null() && attempt["http_status"].get<int>() >= 300) continue;
    const std::string target = attempt["model"];
    UsageReader reader;
    reader.reset(UsageDialect::openai_chat, {});
    reader.reply(test::padded(dump_json({{"usage", attempt["usage"]}})));
    PriceQuery query = query_of(item, target.substr(target.find('/') + 1));
    query.provider = std::string_view(target).substr(0, target.find('/'));
    const std::string model = target.substr(target.find('/') + 1);
    query.model = model;
    const Priced priced = book.prices->price(query, reader.usage());
    if (!priced.cost) return {"unpriced", priced.note, ""};
    sum += *priced.cost;
  }
  return {sum.to_string(), "", ""};
}

// A reply from the cache: what it saved is the baseline.
Outcome run_cached(const Json& item, const Book& book) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.reply(test::padded(dump_json({{"usage", item["usage"]["original_usage"]}})));
  const Priced priced = book.prices->price_cached(query_of(item, book.asked), reader.usage());
  const std::string saved = item["tier_context"].value("avoided_cost_usd", "");
  EXPECT_EQ(priced.source, CostSource::cache);
  EXPECT_EQ(priced.baseline ? priced.baseline->to_string() : "unknown", saved);
  return {test::cost_text(priced), priced.note, ""};
}

Outcome run_case(const Json& item) {
  const Book book = book_of(item);
  if (!book.unknown.empty()) return {"", "", book.unknown};
  if (!book.prices) return {"", "the rows contradict themselves", ""};
  const Json& usage_json = item["usage"];
  if (usage_json.contains("attempts")) return run_attempts(item, book);
  if (usage_json.contains("served_from")) return run_cached(item, book);
  const Json& context = item["tier_context"];
  const UsageDialect dialect = dialect_of(item["provider"], usage_json);
  UsageReader reader;
  reader.reset(dialect, flags_of(item["provider"], item["id"]), item["model"].get<std::string>());
  read_case(item, dialect, reader);
  Usage usage = reader.usage();
  if (context.contains("estimated_input_tokens")) {
    usage[input] = context["estimated_input_tokens"].get<std::int64_t>();
    usage[output] = context["estimated_output_tokens"].get<std::int64_t>();
  }
  if (usage_json.contains("request_input_characters"))
    usage[characters] = usage_json["request_input_characters"].get<std::int64_t>();
  const Priced priced = book.prices->price(query_of(item, book.asked), usage, reader.parts());
  return {test::cost_text(priced), priced.note, ""};
}

TEST(PriceCases, ExactToTheLastDigit) {
  const auto path = test::data_dir() / "cost" / "cost_cases.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "recorded cost cases are not here: " << path;
  const auto cases = parse_json_dom(test::read_text(path));
  ASSERT_TRUE(cases);
  int passed = 0, failed = 0, other = 0;
  for (const Json& item : *cases) {
    const std::string id = item["id"];
    const Outcome outcome = run_case(item);
    if (!outcome.unknown.empty()) {
      ++other;
      std::printf("  other   %-42s priced by a unit that has no bucket: %s\n", id.c_str(), outcome.unknown.c_str());
      continue;
    }
    const std::string expected = item["expected_cost_usd"];
    const bool same = outcome.cost == test::usd(expected).to_string();
    (same ? passed : failed)++;
    EXPECT_TRUE(same) << id << ": expected " << expected << ", got " << outcome.cost << " (" << outcome.note << ")";
    std::printf("  %s  %-42s %s\n", same ? "passed" : "FAILED", id.c_str(), outcome.cost.c_str());
  }
  std::printf("cost cases: %d passed, %d failed, %d other\n", passed, failed, other);
  EXPECT_EQ(passed + failed + other, static_cast<int>(cases->size()));
  EXPECT_GT(passed, 10 * other);
}

}  // namespace
}  // namespace tollgate::billing
